"""All products in an order, where there is no query."""

import json
from dataclasses import replace

import pytest

from qdrant.model import Filters
from qdrant.store import open_server
from search.engine import Engine
from search.query import QueryError
from tests.qdrant.fake_server import FakeServer

BEAUTY = Filters(categories=("Beauty",))


@pytest.fixture(scope="module")
def on_server(engine):
    """The engine of a server that has the same points."""
    with FakeServer() as server, open_server(server.url) as store:
        store.build(engine.collection(), engine.store.scroll("tiny", vectors=True))
        yield Engine(engine.variant, store, lambda: engine.encoder)


def ids(found):
    return [result.id for result in found]


def prices(found):
    return [result.product.get("price") for result in found]


def test_a_category_is_listed_by_price_those_without_one_last(engine):
    found = engine.browse(BEAUTY, 20, sort="price")
    known = [price for price in prices(found) if price is not None]
    assert known == sorted(known)
    assert prices(found) == [*known, *[None] * (len(found) - len(known))]
    assert {result.product["category"] for result in found} == {"Beauty"}
    assert [result.rank for result in found] == list(range(1, len(found) + 1))
    dearest = engine.browse(BEAUTY, 20, sort="-price")
    assert prices(dearest)[: len(known)] == known[::-1]


def test_pages_continue_one_another_and_their_order_is_stable(engine):
    for sort in ("", "price", "rating", "newest"):
        whole = ids(engine.browse(Filters(), 30, sort=sort, fold=False))
        pages = [
            each
            for offset in range(0, 30, 7)
            for each in ids(engine.browse(Filters(), 7, offset=offset, sort=sort, fold=False))
        ]
        assert pages == whole
        assert len(set(whole)) == len(whole) > 7


@pytest.mark.parametrize("sort", ["price", "-price", "rating", "newest"])
@pytest.mark.parametrize(
    "filters", [Filters(), BEAUTY, Filters(price_max=20.0), Filters(has_picture=False)]
)
def test_both_engines_list_the_same_products_in_the_same_order(engine, on_server, sort, filters):
    assert engine.browse(filters, 40, sort=sort) == on_server.browse(filters, 40, sort=sort)


@pytest.mark.parametrize("sort", ["price", "-price", "newest"])
@pytest.mark.parametrize("filters", [Filters(exclude=("x",)), Filters(exclude=("x",), price_min=5)])
def test_both_engines_list_the_same_first_products_of_many(
    engine, on_server, sort, filters, monkeypatch
):
    monkeypatch.setattr("search.listing.LISTED", 6)
    monkeypatch.setattr("search.listing.MOST_EQUAL", 4)
    found = engine.browse(filters, 40, sort=sort, fold=False)
    assert found == on_server.browse(filters, 40, sort=sort, fold=False)
    assert len(found) == 6


def test_varied_products_are_the_same_however_many_are_shown(engine):
    few = engine.browse(Filters(), 5)
    assert ids(few) == ids(engine.browse(Filters(), 60))[:5]
    every = ids(engine.browse(Filters(), 1_000))
    assert len(set(every)) == len(every) == engine.count(Filters(has_picture=True))


def test_an_order_is_offered_where_a_product_has_its_fact(engine, on_server):
    undated = ("price", "-price", "rating")
    assert engine.orders() == on_server.orders() == undated
    points = list(engine.store.scroll("tiny", vectors=True))
    points[0] = replace(points[0], payload=points[0].payload | {"released": "2026-01-31T00:00:00Z"})
    with FakeServer() as server, open_server(server.url) as store:
        store.build(engine.collection(), points)
        dated = Engine(engine.variant, store, lambda: engine.encoder)
        assert dated.orders() == (*undated, "newest")


def test_variants_of_an_article_are_one_result_unless_they_are_not_folded(engine):
    folded = engine.browse(Filters(categories=("Twins",)), 20, sort="price")
    assert len(folded) == 1
    assert len(folded[0].folded) == 7
    assert len(engine.browse(Filters(categories=("Twins",)), 20, sort="price", fold=False)) == 8


def test_a_mistake_is_one_sentence(engine):
    with pytest.raises(QueryError, match="No product has the category “Toys”"):
        engine.browse(Filters(categories=("Toys",)), 5, sort="price")
    with pytest.raises(QueryError, match="cannot be sorted by “cheap”; they can by price"):
        engine.browse(Filters(), 5, sort="cheap")
    with pytest.raises(QueryError, match="The offset is -1"):
        engine.browse(Filters(), 5, offset=-1)


def test_nothing_passes_a_rare_combination(engine):
    assert engine.browse(Filters(categories=("Beauty",), price_min=1e6), 5, sort="price") == ()


def test_the_command_lists_a_category_without_words(search_command):
    done = search_command("--category", "Beauty", "--sort", "price", "--k", "3", "--json")
    answer = json.loads(done.stdout)
    found = [each["product"]["price"] for each in answer["results"]]
    assert found == sorted(found)
    assert answer["query"]["sort"] == "price"
    varied = search_command("--category", "Beauty", "--k", "3")
    assert (varied.exit_code, "Error" in varied.stderr) == (0, False)
