"""The benchmarks at their smallest size: they run, and print one JSON object."""

import json

import pytest
from typer.testing import CliRunner

from benchmarks import scale
from benchmarks.__main__ import app
from benchmarks.generated_shop import FILTERS
from benchmarks.shop_search import ROWS
from encoder.runtimes.machine import load_openvino
from tests.shop import build


@pytest.fixture
def run(tiny_clip):
    """Runs a benchmark with the tiny checkpoint; returns its JSON object."""

    def run(name, *options, checkpoint=True):
        words = [name, *options, *(("--checkpoint", tiny_clip) if checkpoint else ()), "--json"]
        ran = CliRunner().invoke(app, [str(word) for word in words])
        assert ran.exit_code == 0, ran.output
        return json.loads(ran.stdout.splitlines()[-1])

    return run


def test_encoding_gives_the_bare_models_vectors_and_a_ratio_to_every_other_way(run):
    measured = run("encode", "--n", 4, "--rounds", 2)
    for items in ("pictures", "texts"):
        assert measured[items]["least_cosine_to_bare"] > 0.9999
        assert len(measured[items]["ratio_to"]) == 3
        assert min(measured[items]["processor_ms"].values()) > 0
        assert list(measured[items]["one_by_one"]["ratio_to"]) == ["SentenceTransformer"]
    assert measured["machine"]["cores"] >= 1


@pytest.mark.skipif(load_openvino() is None, reason="OpenVINO is not installed")
def test_the_vectors_job_has_a_speed_beside_the_bare_pass_and_its_steps(run, monkeypatch):
    monkeypatch.setenv("VITRINE_RUNTIME", "auto")
    measured = run("embedding", "--n", 20, "--rounds", 1)
    assert list(measured["ratio_to"]) == ["bare pass"]
    assert min(measured["steps_ms"].values()) > 0


def test_training_has_a_speed_beside_the_bare_pass_and_a_projected_time(run):
    speed = run(
        "finetune", "--variant", "lora", "--batch", 2, "--steps", 1, "--rounds", 1, "--cpu"
    )["lora"]
    assert list(speed["ratio_to"]) == ["bare forward and backward"]
    assert speed["minutes_for_20000_products_10_epochs"] > 0


def test_exhaustive_engines_find_every_neighbour_under_every_filter_they_have(run):
    few = ("--n", 1000, "--dim", 8, "--queries", 10, "--no-shop")
    (size,) = run("search", *few, checkpoint=False)["sizes"]
    recall = {(each["engine"], each["filter"]): each["recall"] for each in size["searched"]}
    assert {engine for engine, _ in recall} == set(size["built"])
    # 1,000 products are too few for a graph: Qdrant scans them all.
    exhaustive = [key for key in recall if key[0] in ("Qdrant", "FAISS flat")]
    assert {recall[key] for key in exhaustive} == {1.0}
    assert len(exhaustive) == 2 * 5


def test_whole_searches_of_a_small_shop_miss_nothing_and_words_are_those_of_bm25(run):
    few = ("--n", 1000, "--dim", 8, "--queries", 4, "--no-faiss")
    (shop,) = run("search", *few, checkpoint=False)["shops"]
    recall = {(each["row"], each["filter"]): each["recall"] for each in shop["rows"]}
    searched = {key: value for key, value in recall.items() if key[0] != "facets"}
    assert set(searched.values()) == {1.0}
    assert {row for row, name in recall if name == "none"} == {*ROWS, "facets"}
    assert all(0 < each["store_p50_ms"] <= each["p50_ms"] for each in shop["rows"])
    assert {name for _, name in recall} == set(FILTERS)
    assert all(each["products"] > 0 for each in shop["rows"])


def test_every_format_of_feeds_is_read_to_its_end(run):
    readings = run("feeds", "--n", 100, checkpoint=False)["readings"]
    assert {each["file"] for each in readings} == {"csv", "jsonl", "json", "parquet", "xml", "xlsx"}
    assert {each["kept"] for each in readings} == {100}


def test_default_settings_are_measured_on_a_shop_beside_each_part_alone(run, tmp_path, tiny_clip):
    home = build(tmp_path, tiny_clip)
    few = ("--limit", 5)
    (texts,) = run("fusion", home, *few, "--held-out", home, checkpoint=False)["rows"]
    (pictures,) = run("fusion", home, *few, "--pictures", checkpoint=False)["rows"]
    assert texts["alone"].keys() == {"words", "image", "text", "fused"}
    assert pictures["alone"].keys() == {"words", "image", "text"}
    assert (texts["held_out"], pictures["held_out"]) == (True, False)
    assert texts["shares"] == {}
    assert pictures["shares"]["0.5"] == pictures["hybrid"]
    for row in (texts, pictures):
        assert row["difference"] == pytest.approx(row["hybrid"] - row["alone"]["words"])
        assert row["low"] <= row["difference"] <= row["high"]


def test_a_shop_is_searched_for_its_own_codes_brands_titles_and_photos(
    run, tmp_path, tiny_clip, monkeypatch
):
    monkeypatch.setenv("VITRINE_HOME", str(build(tmp_path, tiny_clip)))
    measured = run("known-items", "--match", "hybrid", "--match", "words", checkpoint=False)
    for kinds in measured["matches"].values():
        counts = {name: (each["found"], each["searched"]) for name, each in kinds.items()}
        whole = dict.fromkeys(["codes", "typed_codes", "titles", "photos"], (12, 12))
        assert counts == {**whole, "brands": (0, 0)}
    assert measured["misspelt"]["corrected"] > 0.5
    assert measured["misspelt"]["known_changed"] == 0


def test_a_size_that_was_stopped_goes_on_after_the_last_part_that_was_finished(
    tmp_path, monkeypatch
):
    ran = []

    def part(name, fails=False):
        def run(shop):
            ran.append(name)
            if fails and ran.count(name) == 1:
                raise KeyboardInterrupt
            return [scale.Job(name, 1.0, 1.0, 100, 0)]

        return run

    made = {"one": part("one"), "two": part("two", fails=True), "three": part("three")}
    monkeypatch.setattr(scale, "parts", lambda shop: made)
    shop = scale.Shop(100, pictures=False, dim=8, folder=tmp_path / "100")
    with pytest.raises(KeyboardInterrupt):
        scale.measure(shop)
    assert [job.what for job in scale.measure(shop)] == ["one", "two", "three"]
    assert ran == ["one", "two", "two", "three"]


def test_sessions_search_the_served_page_without_an_error(run, tiny_clip, tmp_path):
    build(tmp_path, tiny_clip)
    options = ("--sessions", 3, "--seconds", 4, "--alone", 2, "--pause", 0.2)
    measured = run("sessions", "--home", tmp_path, *options, checkpoint=False)
    assert measured["errors"] == {}
    assert measured["alone"]["search"]["count"] > 0
    assert sum(times["count"] for times in measured["together"].values()) > 0
    assert measured["pictures"] > 0
