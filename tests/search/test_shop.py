import shutil
import threading

import pytest
from PIL import Image

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.variants import Variants
from ingest.vectors import embed_products
from search.query import Query, QueryError
from search.shop import MODELS_KEPT, open_shop
from vitrine import VitrineError


def ids(results):
    return [each.id for each in results.results]


def test_a_shop_is_searched_with_filters_written_by_name(home):
    with open_shop(home) as shop:
        everything = shop.search("crimson lipstick", k=30, fold=False)
        found = shop.search(
            "crimson lipstick", k=30, where={"brand": "zenith", "price": {"lt": 60}}, fold=False
        )
    wanted = [
        each.id
        for each in everything.results
        if each.product.get("brand") == "Zenith" and each.product["price"] < 60
    ]
    assert ids(found) == wanted
    assert "lipstick-crimson" in wanted


def test_a_picture_of_a_query_is_bytes_a_file_or_an_image(home):
    path = home / "source" / "kettle-teal.png"
    with open_shop(str(home)) as shop, Image.open(path) as image:
        found = [
            ids(shop.search(picture=picture, k=3))
            for picture in (path, str(path), path.read_bytes(), image.convert("RGBA"))
        ]
        assert found == [found[0]] * 4
        assert found[0][0] == "kettle-teal"
        with pytest.raises(QueryError, match=r"There is no file absent\.png\. Name another"):
            shop.search(picture="absent.png")


def test_a_shop_has_products_counts_and_suggestions(home):
    with open_shop(home) as shop:
        assert shop.product("kettle-teal")["title"] == "teal kettle"
        assert shop.product("gone") is None
        counts = shop.facets(categories="Beauty", price_max=20)
        assert counts.products == 2
        assert counts.brands == {"Acme": 1, "Zenith": 1}
        assert "kettle" in {each.text for each in shop.suggest("kett")}
        browsed = shop.browse(5, where="category=Appliances").results
        assert {each.product["category"] for each in browsed} == {"Appliances"}
        with pytest.raises(QueryError, match="k is 0; it lies between"):
            shop.browse(0)


def test_the_folder_of_an_open_shop_is_that_of_the_environment_unless_named(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    with open_shop() as shop:
        assert ids(shop.search("teal kettle", k=1)) == ["kettle-teal"]
    with pytest.raises(VitrineError, match="is a file"):
        open_shop(home / "catalog.sqlite")


def test_a_variant_without_a_problem_can_be_searched(home_copy):
    with open_shop(home_copy) as shop:
        [status] = shop.statuses()
        assert (status.name, status.problem, status.collection.points) == ("tiny", "", 22)
        assert shop.engine("tiny").search(Query("coral")).results


def test_a_status_names_what_is_missing_and_the_command_that_makes_it(home_copy, tiny_clip):
    Variants(home_copy).add("spare", tiny_clip, template="title")
    with open_shop(home_copy) as shop:
        spare, tiny = shop.statuses()
    assert "ingest vectors --variant spare" in spare.problem
    assert (spare.name, spare.collection) == ("spare", None)
    assert tiny.problem == ""


def test_a_collection_whose_variant_is_gone_has_a_status_too(home_copy):
    shutil.rmtree(home_copy / "variants" / "tiny")
    with open_shop(home_copy) as shop:
        [status] = shop.statuses()
    assert (status.variant, status.collection.points) == (None, 22)
    assert "vitrine add tiny" in status.problem


def test_one_broken_variant_does_not_hide_the_others(home_copy, tiny_clip):
    Variants(home_copy).add("torn", tiny_clip, template="title")
    (home_copy / "variants" / "torn" / "manifest.json").write_text("{")
    with open_shop(home_copy) as shop:
        statuses = {status.name: status for status in shop.statuses()}
    assert "manifest" in statuses["torn"].problem
    assert statuses["torn"].variant is None
    assert statuses["tiny"].problem == ""


def test_one_broken_collection_does_not_hide_the_others(home_copy, tiny_clip):
    Variants(home_copy).add("torn", tiny_clip, template="title")
    embed_products(home_copy, "torn")
    (home_copy / "qdrant" / "torn" / "CURRENT").write_text("nowhere")
    with open_shop(home_copy) as shop:
        statuses = {status.name: status for status in shop.statuses()}
    assert statuses["torn"].problem
    assert statuses["tiny"].problem == ""


def test_where_no_variant_is_named_it_is_the_only_one_with_a_collection_else_zeroshot(
    home_copy, tiny_clip
):
    with open_shop(home_copy) as shop:
        Variants(home_copy).add("spare", tiny_clip, template="title")
        assert shop.default_variant() == "tiny"
        embed_products(home_copy, "spare")
        with pytest.raises(VitrineError, match="--variant with one of spare, tiny"):
            shop.default_variant()
        Variants(home_copy).add("zeroshot", tiny_clip)
        embed_products(home_copy, "zeroshot")
        assert shop.default_variant() == "zeroshot"


def test_a_variant_that_was_added_again_gets_another_engine(home_copy, tiny_clip):
    with open_shop(home_copy) as shop:
        before = shop.engine("tiny")
        assert shop.engine("tiny") is before
        Variants(home_copy).add("tiny", tiny_clip, template="title", force=True)
        assert "ingest vectors --variant tiny" in shop.status("tiny").problem
        embed_products(home_copy, "tiny")
        after = shop.engine("tiny")
        assert after is not before
        assert after.search(Query("coral kettle", vector="text")).results[0].score > 0.999


def test_a_variant_added_again_with_its_base_elsewhere_is_searched_without_a_restart(
    home_copy, tiny_clip, tmp_path
):
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(tiny_clip, first)
    shutil.copytree(tiny_clip, second)
    before = Variants(home_copy).add("tiny", first, force=True)
    shutil.rmtree(first)
    with open_shop(home_copy) as shop:
        with pytest.raises(EncoderError, match="first"):
            shop.engine("tiny").search(Query("coral"))
        after = Variants(home_copy).add("tiny", second, force=True)
        assert after.fingerprint == before.fingerprint
        assert shop.engine("tiny").search(Query("coral")).results


def test_a_model_is_loaded_once_for_all_threads(home_copy, monkeypatch):
    loaded = []
    load = Encoder.load

    def counting(variant):
        loaded.append(variant.name)
        return load(variant)

    monkeypatch.setattr(Encoder, "load", counting)
    with open_shop(home_copy) as shop:
        together = threading.Barrier(6)

        def search():
            together.wait()
            shop.engine("tiny").search(Query("coral"))

        threads = [threading.Thread(target=search) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert loaded == ["tiny"]


def test_only_the_last_models_stay_in_memory(home_copy, tiny_clip):
    names = [f"v{number}" for number in range(MODELS_KEPT)]
    for name in names:
        Variants(home_copy).add(name, tiny_clip, template="title")
        embed_products(home_copy, name)
    with open_shop(home_copy) as shop:
        first = shop.engine("tiny")
        for name in names:
            shop.engine(name)
        assert shop.engine("tiny") is not first


def test_an_engine_that_was_opened_has_its_collection_open(home):
    readers = home / "qdrant" / "tiny" / "readers"
    with open_shop(home) as opened:
        engine = opened.engine("tiny")
        before = set(readers.glob("*.lock"))
        engine.open()
        after = set(readers.glob("*.lock"))
        assert len(after - before) == 1
        engine.search(Query("crimson lipstick", match="words"))
        assert set(readers.glob("*.lock")) == after
