"""The formula: rating, stock and age beside relevance."""

from datetime import UTC, datetime, timedelta

import pytest

from search.engine import Engine
from search.formula import HALF_LIFE, rescore
from search.fusion import Candidate
from search.query import Query, SearchError
from search.settings import DEFAULT_SETTINGS, SearchSettings


def released(days):
    return (datetime.now(UTC) - timedelta(days=days)).date().isoformat()


def order(weights, **facts):
    """Ids in the order of the formula; all are equally relevant."""
    found = [Candidate(name, 0.5, {}, each) for name, each in facts.items()]
    return [each.id for each in rescore(found, weights)]


def test_without_weights_nothing_changes():
    found = [Candidate("a", 0.3, {}), Candidate("b", 0.2, {})]
    assert rescore(found, {}) == found
    assert rescore(found, {"rating": 0, "stock": 0}) == found
    assert DEFAULT_SETTINGS.formula == {}


def test_a_proven_rating_counts_more_than_a_single_one_and_none_is_in_the_middle():
    assert order(
        {"rating": 1},
        one={"rating": 5, "rating_count": 1},
        many={"rating": 4.8, "rating_count": 500},
        none={},
        bad={"rating": 1, "rating_count": 500},
    ) == ["many", "one", "none", "bad"]


def test_what_is_out_of_stock_sinks_and_what_is_not_known_does_not():
    assert order({"stock": 0.5}, a={"in_stock": False}, b={}, c={"in_stock": True}) == [
        "b",
        "c",
        "a",
    ]


def test_newness_halves_and_a_bad_date_counts_as_old():
    facts = {"old": {"released": released(4 * HALF_LIFE)}, "bad": {"released": "soon"}}
    assert order({"age": 1}, **facts, new={"released": released(1)}) == ["new", "old", "bad"]
    [half, _] = rescore(
        [Candidate("a", 1.0, {}, {"released": released(HALF_LIFE)}), Candidate("b", 0.0, {})],
        {"age": 1},
    )
    # One more day may have begun meanwhile.
    assert half.score == pytest.approx((1 + 0.5) / 2, abs=0.5 / HALF_LIFE)


def test_relevance_weighs_against_the_signals():
    near, far = Candidate("near", 0.9, {}, {"in_stock": False}), Candidate("far", 0.1, {}, {})
    assert [each.id for each in rescore([near, far], {"stock": 0.2})] == ["near", "far"]
    assert [each.id for each in rescore([near, far], {"stock": 5})] == ["far", "near"]


def test_a_search_uses_the_formula_of_its_settings(engine):
    settings = SearchSettings(formula={"rating": 3.0})
    rated = Engine(engine.variant, engine.store, lambda: engine.encoder, settings)
    found = rated.search(Query("lipstick", k=22, match="vectors")).results
    ratings = [result.product.get("rating", 0) for result in found[:4]]
    assert min(ratings) >= 4
    assert rated.search(Query("kettle-crimson", k=1)).results[0].id == "kettle-crimson"


@pytest.mark.parametrize(
    ("formula", "sentence"),
    [({"sales": 1.0}, "no signal “sales”"), ({"age": -1}, "weight of age is -1")],
)
def test_a_formula_that_cannot_be_computed_is_refused(formula, sentence):
    with pytest.raises(SearchError, match=sentence):
        SearchSettings(formula=formula)
