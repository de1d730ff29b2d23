import shutil
import threading

import pytest

from encoder.encoder import Encoder
from encoder.variants import Variants
from ingest.vectors import vectors
from qdrant.model import Filters
from search.query import Query
from search.service import MODELS_KEPT, SearchService
from tests import shop


@pytest.fixture(scope="module")
def built(tmp_path_factory, tiny_clip):
    return shop.build(tmp_path_factory.mktemp("shop"), tiny_clip)


@pytest.fixture
def home(built, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(built, tmp_path / "home")


def test_a_variant_without_a_problem_can_be_searched(home):
    with SearchService(home) as opened:
        [status] = opened.statuses()
        assert (status.name, status.problem, status.collection.points) == ("tiny", "", 12)
        assert opened.engine("tiny").search(Query("coral")).results


def test_a_status_names_what_is_missing_and_the_command_that_makes_it(home, tiny_clip):
    Variants(home).add("spare", tiny_clip, template="title")
    with SearchService(home) as opened:
        spare, tiny = opened.statuses()
    assert "ingest vectors --variant spare" in spare.problem
    assert (spare.name, spare.collection) == ("spare", None)
    assert tiny.problem == ""


def test_a_collection_whose_variant_is_gone_has_a_status_too(home):
    shutil.rmtree(home / "variants" / "tiny")
    with SearchService(home) as opened:
        [status] = opened.statuses()
    assert (status.variant, status.collection.points) == (None, 12)
    assert "vitrine add tiny" in status.problem


def test_one_broken_variant_does_not_hide_the_others(home, tiny_clip):
    Variants(home).add("torn", tiny_clip, template="title")
    (home / "variants" / "torn" / "manifest.json").write_text("{")
    with SearchService(home) as opened:
        statuses = {status.name: status for status in opened.statuses()}
    assert "manifest" in statuses["torn"].problem
    assert statuses["torn"].variant is None
    assert statuses["tiny"].problem == ""


def test_one_broken_collection_does_not_hide_the_others(home, tiny_clip):
    Variants(home).add("torn", tiny_clip, template="title")
    vectors(home, "torn")
    (home / "qdrant" / "torn" / "CURRENT").write_text("nowhere")
    with SearchService(home) as opened:
        statuses = {status.name: status for status in opened.statuses()}
    assert statuses["torn"].problem
    assert statuses["tiny"].problem == ""


def test_a_variant_made_anew_gets_another_engine(home, tiny_clip):
    with SearchService(home) as opened:
        before = opened.engine("tiny")
        assert opened.engine("tiny") is before
        Variants(home).add("tiny", tiny_clip, template="title", force=True)
        assert "ingest vectors --variant tiny" in opened.status("tiny").problem
        vectors(home, "tiny")
        after = opened.engine("tiny")
        assert after is not before
        assert after.search(Query("coral kettle", vector="text")).results[0].score > 0.999


def test_a_model_is_loaded_once_for_all_threads(home, monkeypatch):
    loaded = []
    load = Encoder.load

    def counting(variant):
        loaded.append(variant.name)
        return load(variant)

    monkeypatch.setattr(Encoder, "load", counting)
    with SearchService(home) as opened:
        together = threading.Barrier(6)

        def search():
            together.wait()
            opened.engine("tiny").search(Query("coral"))

        threads = [threading.Thread(target=search) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert loaded == ["tiny"]


def test_only_the_last_models_stay_in_memory(home, tiny_clip):
    names = [f"v{number}" for number in range(MODELS_KEPT)]
    for name in names:
        Variants(home).add(name, tiny_clip, template="title")
        vectors(home, name)
    with SearchService(home) as opened:
        first = opened.engine("tiny")
        for name in names:
            opened.engine(name)
        assert opened.engine("tiny") is not first


def test_a_product_is_told_as_its_collection_knows_it(home):
    with SearchService(home) as opened:
        assert opened.product("tiny", "kettle-teal")["title"] == "teal kettle"
        assert opened.product("tiny", "gone") is None


def test_the_display_is_varied_and_always_the_same(home):
    with SearchService(home) as opened:
        shown = [result.id for result in opened.display("tiny", Filters(), 8)]
        again = [result.id for result in opened.display("tiny", Filters(), 8)]
    assert shown == again
    assert len(set(shown)) == 8
    assert {identity.partition("-")[0] for identity in shown} == {"kettle", "lipstick"}


def test_the_display_keeps_to_the_filters(home):
    filters = Filters(categories=("Beauty",), price_max=30)
    with SearchService(home) as opened:
        shown = opened.display("tiny", filters, 8)
        assert {result.id for result in shown} == {
            "lipstick-crimson",
            "lipstick-teal",
            "lipstick-olive",
        }
        assert opened.display("tiny", Filters(price_min=1e6), 8) == ()


def test_products_without_pictures_are_displayed_where_there_are_no_others(tiny_clip, tmp_path):
    bare = [{"id": f"b{n}", "title": f"coral kettle {n}", "category": ""} for n in range(3)]
    with SearchService(shop.build(tmp_path, tiny_clip, bare)) as opened:
        assert len(opened.display("tiny", Filters(), 8)) == 3
