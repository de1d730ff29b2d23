"""Confidence of a search, and "nothing fits"."""

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from encoder.variants import Variants
from qdrant.model import Filters
from qdrant.store import Store
from search.__main__ import app
from search.confidence import (
    Calibration,
    calibration_file,
    calibrations_object,
    nearest_categories,
)
from search.engine import Engine
from search.evidence import COVERAGE, WORD_SCORE
from search.query import Query, SearchError
from tests import shop

BY_COVERAGE = Calibration(
    weights={COVERAGE: 10.0},
    intercept=-5.0,
    sums=(-5.0, 0.0, 5.0),
    chances=(0.0, 0.5, 1.0),
    threshold=-1.0,
    rate=0.05,
    products=22,
    generation="g",
)

# Features that a filter changes: with fewer products, the mean of the best is less.
WEIGHTS = {
    "hybrid": {COVERAGE: 5.0, WORD_SCORE: 5.0, "mean text": 2.0},
    "words": {COVERAGE: 5.0, WORD_SCORE: 5.0},
    "vectors": {"best fused": 5.0, "mean fused": 5.0},
}


@pytest.fixture
def calibrated(engine, tmp_path):
    """Calibrate the engine's variant, in a folder of its own, for a match."""
    variant = replace(engine.variant, folder=tmp_path)

    def make(match="hybrid", calibration=BY_COVERAGE):
        calibration_file(variant).write(calibrations_object({match: calibration}))
        return Engine(variant, engine.store, lambda: engine.encoder)

    return make


def test_without_a_calibration_no_confidence_is_given(engine):
    found = engine.search(Query("zeppelin", match="hybrid"))
    assert found.confidence is None
    assert not found.nothing_fits
    assert {result.confidence for result in found.results} == {None}


def test_coverage_is_the_share_of_rare_words_that_the_best_title_has(engine):
    [whole, half, none] = engine.evidence(
        [Query(text, match="words") for text in ("olive kettle", "olive zeppelin", "zeppelin")]
    )
    assert whole.features[COVERAGE] == pytest.approx(1)
    assert 0.2 < half.features[COVERAGE] < 0.5  # a word that no product has is the rarest
    assert none.features == {COVERAGE: 0, WORD_SCORE: 0}


def test_evidence_has_the_best_and_the_mean_cosine_of_each_part(engine):
    [evidence] = engine.evidence([Query("olive kettle", match="hybrid")])
    found = engine.search(Query("olive kettle", vector="text", k=20, fold=False))
    scores = [result.score for result in found.results]
    assert evidence.features["best text"] == pytest.approx(scores[0])
    assert evidence.features["mean text"] == pytest.approx(sum(scores) / len(scores))
    assert {"best fused", "mean fused"} <= evidence.features.keys()


@pytest.mark.parametrize("match", ["hybrid", "words", "vectors"])
def test_a_search_gathers_what_was_calibrated_in_its_own_request(calibrated, monkeypatch, match):
    plain = calibrated("words" if match == "vectors" else "vectors")
    query = Query("olive zeppelin", match=match)
    [evidence] = plain.evidence([query])
    requests = []
    rank = Store.rank_batch
    monkeypatch.setattr(
        Store, "rank_batch", lambda *arguments: requests.append(1) or rank(*arguments)
    )
    assert plain.search(query).confidence is None
    once = len(requests)
    weights = dict.fromkeys(evidence.features, 1.0)
    line = replace(BY_COVERAGE, weights=weights, sums=(-50.0, 50.0), chances=(0.0, 1.0))
    found = calibrated(match, line).search(query)
    assert found.confidence == pytest.approx(line.chance(line.sum(evidence.features)))
    assert 0 < found.confidence < 1
    assert len(requests) == 2 * once


def test_a_text_that_fits_has_a_confidence_and_so_has_each_result(calibrated):
    found = calibrated().search(Query("olive kettle", match="hybrid"))
    assert found.confidence == pytest.approx(1)
    assert not found.nothing_fits
    assert found.nearest_categories == ()
    assert found.results[0].confidence == pytest.approx(1)
    assert found.results[-1].confidence < 0.5


def test_a_result_is_judged_by_its_own_title_however_many_have_its_words(calibrated):
    """More products than are looked at have all the words."""
    found = calibrated("words").search(Query("grey twin", match="words", fold=False, k=30))
    twins = [result for result in found.results if result.product["title"] == "grey twin"]
    assert len(twins) == len(found.results) == 8
    assert {result.confidence for result in twins} == {found.confidence}
    assert found.confidence == pytest.approx(1)


def test_where_nothing_fits_the_results_stay_and_the_nearest_categories_are_named(calibrated):
    found = calibrated().search(Query("zeppelin", match="hybrid"))
    assert found.nothing_fits
    assert found.confidence == pytest.approx(0)
    assert found.results
    assert set(found.nearest_categories) <= {"Beauty", "Appliances", "Twins"}
    assert found.nearest_categories


def test_a_calibration_is_of_one_match(calibrated):
    engine = calibrated("words")
    assert engine.search(Query("zeppelin crimson", match="words")).confidence is not None
    assert engine.search(Query("zeppelin crimson", match="hybrid")).confidence is None


def test_pictures_and_products_have_no_confidence(calibrated):
    engine = calibrated()
    picture = shop.draw("kettle-teal")
    for query in (Query("zeppelin", picture), Query(picture=picture), Query(like="kettle-teal")):
        assert engine.search(query).confidence is None


def test_a_typed_code_is_what_was_looked_for(calibrated):
    found = calibrated().search(Query("kettle-olive", match="hybrid"))
    assert found.confidence == found.results[0].confidence == 1
    assert not found.nothing_fits


@pytest.mark.parametrize("match", ["hybrid", "words", "vectors"])
def test_a_filter_that_leaves_what_fits_does_not_change_the_confidence(calibrated, match):
    engine = calibrated(match, replace(BY_COVERAGE, weights=WEIGHTS[match]))
    query = Query("olive kettle", match=match)
    whole = engine.search(query)
    best = whole.results[0]
    for filters in (Filters(ids=(best.id,)), Filters(categories=(best.product["category"],))):
        found = engine.search(replace(query, filters=filters))
        assert found.confidence == pytest.approx(whole.confidence)
        assert found.results[0].confidence == pytest.approx(best.confidence)
        assert found.nothing_fits == whole.nothing_fits


def test_where_a_filter_leaves_nothing_that_fits_nothing_fits(calibrated):
    filters = Filters(categories=("Beauty",))
    found = calibrated().search(Query("kettle", filters=filters, match="hybrid"))
    assert found.nothing_fits
    assert found.confidence == max(result.confidence for result in found.results)
    assert not calibrated().search(Query("kettle", match="hybrid")).nothing_fits


def test_products_that_a_calibration_leaves_out_are_no_evidence(engine):
    queries = [
        Query("olive kettle", match="words", filters=Filters(exclude=left_out))
        for left_out in ((), ("kettle-olive",))
    ]
    [whole, rest] = engine.evidence(queries)
    assert rest.features[COVERAGE] < whole.features[COVERAGE] == pytest.approx(1)


def test_stop_words_alone_have_no_coverage_and_no_confidence(calibrated):
    assert calibrated().search(Query("the of and", match="hybrid")).confidence is None


def test_a_collection_that_has_changed_much_has_to_be_calibrated_again(calibrated):
    engine = calibrated(calibration=replace(BY_COVERAGE, products=100))
    assert engine.search(Query("zeppelin", match="hybrid")).confidence is None
    assert "when its collection had 100 products, and it now has 22" in engine.calibration_problem
    assert calibrated().calibration_problem == ""


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"threshold": float("nan")}, "has a value that is no finite number"),
        ({"weights": {COVERAGE: "much"}}, "has a value that is no finite number"),
        ({"sums": (0.0,)}, "has a map whose corners are incomplete"),
        ({"sums": (), "chances": ()}, "has a map whose corners are incomplete"),
        ({"chances": (0.5, 0.2, 1.0)}, "has a map that does not rise from 0 to 1"),
        ({"chances": (0.0, 0.2, 1.5)}, "has a map that does not rise from 0 to 1"),
    ],
)
def test_a_calibration_that_cannot_be_used_is_refused(changes, sentence):
    with pytest.raises(SearchError, match=sentence):
        replace(BY_COVERAGE, **changes)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"matches": []}, "lacks the calibrations of matches"),
        ({"matches": {"fuzzy": {}}}, "lacks the calibrations of matches"),
        ({"matches": {"hybrid": {"weights": {}}}}, "a calibration lacks values"),
        ({"matches": {"hybrid": 3}}, "a calibration lacks values"),
    ],
)
def test_a_damaged_file_is_one_sentence_and_no_confidence_is_given(calibrated, content, sentence):
    engine = calibrated()
    path = calibration_file(engine.variant).path
    path.write_text(json.dumps(json.loads(path.read_text()) | content))
    assert engine.search(Query("zeppelin", match="hybrid")).confidence is None
    assert sentence in engine.calibration_problem
    assert "vitrine eval calibrate --variant tiny" in engine.calibration_problem


def test_the_nearest_categories_are_the_deepest_and_most_frequent():
    payloads = [
        {"categories": ["Kitchen", "Kettles", "Kitchen > Kettles"]},
        {"categories": ["Kitchen", "Kettles", "Kitchen > Kettles"]},
        {"category": "Beauty"},
        {},
    ]
    assert nearest_categories(payloads) == ("Kitchen > Kettles", "Beauty")


def test_the_command_says_that_nothing_fits(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")
    file = calibration_file(Variants(home).get("tiny"))
    file.write(calibrations_object({"words": BY_COVERAGE}))
    words = ["zeppelin crimson balloon", "--match", "words"]
    try:
        shown = CliRunner().invoke(app, words)
        printed = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    finally:
        file.path.unlink()
    assert "Probably nothing here fits (confidence" in shown.stderr
    assert "The nearest categories: " in shown.stderr
    assert "confidence" in shown.stdout
    assert printed["nothing_fits"] is True
    assert printed["confidence"] < 0.5
    assert printed["nearest_categories"]
