"""Sorting among what fits."""

import json

import pytest

from search.fusion import Candidate
from search.ordering import FACTS, fitting, sort
from search.query import Query, QueryError


def candidates(**facts):
    """One candidate for each id, with its facts."""
    return [Candidate(name, 1.0, {}, each) for name, each in facts.items()]


def ids(ordered):
    return [candidate.id for candidate in ordered]


def test_prices_ascend_or_descend_ties_by_id_and_what_has_none_comes_last():
    found = candidates(d={"price": 5}, b={}, c={"price": 1.5}, a={"price": 5}, e={"price": None})
    assert ids(sort(found, "price")) == ["c", "a", "d", "b", "e"]
    assert ids(sort(found, "-price")) == ["a", "d", "c", "b", "e"]


def test_the_newest_release_comes_first():
    found = candidates(a={"released": "2023-12-31"}, b={"released": "2024-01-01"}, c={})
    assert ids(sort(found, "newest")) == ["b", "a", "c"]


def test_a_single_best_rating_does_not_lead():
    found = candidates(
        lucky={"rating": 5.0, "rating_count": 1},
        proven={"rating": 4.8, "rating_count": 900},
        poor={"rating": 2.0, "rating_count": 900},
        unrated={},
    )
    assert ids(sort(found, "rating")) == ["proven", "lucky", "poor", "unrated"]


def test_ratings_without_counts_are_sorted_as_they_are():
    found = candidates(a={"rating": 3.5}, b={"rating": 4.5}, c={"rating": 4.0})
    assert ids(sort(found, "rating")) == ["b", "c", "a"]


def test_what_fits_is_the_upper_part_of_the_scores():
    scores = {"a": 0.9, "b": 0.75, "c": 0.5, "d": 0.1}
    found = [Candidate(name, score, {}) for name, score in scores.items()]
    assert ids(fitting(found)) == ["a", "b"]
    assert ids(fitting(found[:1])) == ["a"]
    assert fitting([]) == []


@pytest.mark.parametrize("match", ["hybrid", "words"])
def test_a_sorted_search_has_only_what_fits(engine, match):
    found = engine.search(Query("teal kettle", k=22, sort="price", match=match)).results
    assert "kettle-teal" in {result.id for result in found}
    assert len(found) < 12
    prices = [result.product["price"] for result in found]
    assert prices == sorted(prices)


def test_pages_of_a_sorted_search_continue_one_another(engine):
    whole = engine.search(Query("kettle", k=20, sort="-price")).results
    pages = [
        engine.search(Query("kettle", k=2, sort="-price", offset=offset)).results
        for offset in range(0, len(whole), 2)
    ]
    assert [each.id for page in pages for each in page] == [each.id for each in whole]


def test_the_command_line_sorts_and_explains(search_command):
    shown = search_command("kettle", "--sort", "price", "--k", "3", "--json").stdout
    found = json.loads(shown)
    assert found["query"]["sort"] == "price"
    prices = [result["product"]["price"] for result in found["results"]]
    assert prices == sorted(prices)
    assert all(result["parts"] for result in found["results"])


def test_another_order_is_refused_with_those_there_are():
    with pytest.raises(QueryError, match=f"sorted by “size”; they can by {', '.join(FACTS)}"):
        Query("kettle", sort="size")
    with pytest.raises(QueryError, match="either sorted or diverse"):
        Query("kettle", sort="price", diverse=True)
