import shutil
import threading

import pytest

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.variants import Variants
from ingest.vectors import embed_products
from search.query import Query
from search.service import MODELS_KEPT, SearchService
from vitrine import VitrineError


def test_a_variant_without_a_problem_can_be_searched(home_copy):
    with SearchService(home_copy) as service:
        [status] = service.statuses()
        assert (status.name, status.problem, status.collection.points) == ("tiny", "", 22)
        assert service.engine("tiny").search(Query("coral")).results


def test_a_status_names_what_is_missing_and_the_command_that_makes_it(home_copy, tiny_clip):
    Variants(home_copy).add("spare", tiny_clip, template="title")
    with SearchService(home_copy) as service:
        spare, tiny = service.statuses()
    assert "ingest vectors --variant spare" in spare.problem
    assert (spare.name, spare.collection) == ("spare", None)
    assert tiny.problem == ""


def test_a_collection_whose_variant_is_gone_has_a_status_too(home_copy):
    shutil.rmtree(home_copy / "variants" / "tiny")
    with SearchService(home_copy) as service:
        [status] = service.statuses()
    assert (status.variant, status.collection.points) == (None, 22)
    assert "vitrine add tiny" in status.problem


def test_one_broken_variant_does_not_hide_the_others(home_copy, tiny_clip):
    Variants(home_copy).add("torn", tiny_clip, template="title")
    (home_copy / "variants" / "torn" / "manifest.json").write_text("{")
    with SearchService(home_copy) as service:
        statuses = {status.name: status for status in service.statuses()}
    assert "manifest" in statuses["torn"].problem
    assert statuses["torn"].variant is None
    assert statuses["tiny"].problem == ""


def test_one_broken_collection_does_not_hide_the_others(home_copy, tiny_clip):
    Variants(home_copy).add("torn", tiny_clip, template="title")
    embed_products(home_copy, "torn")
    (home_copy / "qdrant" / "torn" / "CURRENT").write_text("nowhere")
    with SearchService(home_copy) as service:
        statuses = {status.name: status for status in service.statuses()}
    assert statuses["torn"].problem
    assert statuses["tiny"].problem == ""


def test_where_no_variant_is_named_it_is_the_only_one_with_a_collection_else_zeroshot(
    home_copy, tiny_clip
):
    with SearchService(home_copy) as service:
        Variants(home_copy).add("spare", tiny_clip, template="title")
        assert service.default_variant() == "tiny"
        embed_products(home_copy, "spare")
        with pytest.raises(VitrineError, match="--variant with one of spare, tiny"):
            service.default_variant()
        Variants(home_copy).add("zeroshot", tiny_clip)
        embed_products(home_copy, "zeroshot")
        assert service.default_variant() == "zeroshot"


def test_a_variant_that_was_added_again_gets_another_engine(home_copy, tiny_clip):
    with SearchService(home_copy) as service:
        before = service.engine("tiny")
        assert service.engine("tiny") is before
        Variants(home_copy).add("tiny", tiny_clip, template="title", force=True)
        assert "ingest vectors --variant tiny" in service.status("tiny").problem
        embed_products(home_copy, "tiny")
        after = service.engine("tiny")
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
    with SearchService(home_copy) as service:
        with pytest.raises(EncoderError, match="first"):
            service.engine("tiny").search(Query("coral"))
        after = Variants(home_copy).add("tiny", second, force=True)
        assert after.fingerprint == before.fingerprint
        assert service.engine("tiny").search(Query("coral")).results


def test_a_model_is_loaded_once_for_all_threads(home_copy, monkeypatch):
    loaded = []
    load = Encoder.load

    def counting(variant):
        loaded.append(variant.name)
        return load(variant)

    monkeypatch.setattr(Encoder, "load", counting)
    with SearchService(home_copy) as service:
        together = threading.Barrier(6)

        def search():
            together.wait()
            service.engine("tiny").search(Query("coral"))

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
    with SearchService(home_copy) as service:
        first = service.engine("tiny")
        for name in names:
            service.engine(name)
        assert service.engine("tiny") is not first
