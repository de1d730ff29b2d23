"""Queries that are made from a shop's own products."""

import random
from dataclasses import replace

import pytest

from benchmarks.made_queries import (
    fact_queries,
    kind_queries,
    picture_queries,
    read_items,
    title_queries,
)
from catalog.catalogue import Catalogue
from catalog.product import Product


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    """Ten shoes and ten hats in two colours, in a path whose last step is the product's own."""
    products = [
        Product(
            f"{kind}{number}",
            f"Ollerby long sturdy {colour} {kind} for every day",
            brand="Ollerby",
            categories=(("Wear", kind, f"{kind} {number}"),),
            attributes={"Colour": colour, "Care": f"wash {number}"},
        )
        for kind in ("Shoes", "Hats")
        for number, colour in enumerate(["Red"] * 5 + ["Blue"] * 5)
    ]
    with Catalogue(tmp_path_factory.mktemp("made")) as catalogue:
        catalogue.upsert(products)
        return read_items(catalogue)


def test_a_kind_is_the_deepest_step_that_several_products_share(items):
    assert {item.kind for item in items} == {"Shoes", "Hats"}


def test_queries_are_answered_by_the_products_that_they_are_made_from(items):
    rng = random.Random(0)
    facts = {query.text: sorted(query.relevant) for query in fact_queries(items, 9, rng)}
    assert facts["red Shoes"] == [f"Shoes{number}" for number in range(5)]
    assert len(facts["ollerby Hats"]) == 10
    kinds = {query.text: len(query.relevant) for query in kind_queries(items, 9, rng)}
    assert kinds == {"Shoes": 10, "Hats": 10}
    titles = title_queries(items, 3, rng)
    assert len(titles) == 3
    for query in titles:
        by_id = {item.id: item.title.casefold() for item in items}
        assert len(query.text.split()) == 4
        assert {by_id[name] for name in query.relevant} == {by_id[next(iter(query.relevant))]}
        assert set(query.text.split()) <= set(by_id[next(iter(query.relevant))].split())


def test_a_picture_is_looked_for_with_a_fact_that_its_product_has_not(items):
    pictured = [replace(item, picture=f"/photos/{item.id}.png") for item in items]
    made = picture_queries(pictured, 30, random.Random(0))
    assert made
    for query in made:
        own = next(item for item in pictured if item.picture == query.picture)
        assert query.text in ("red", "blue")
        assert query.text != own.facts["Colour"]
        assert own.id not in query.relevant
        assert {name.rstrip("0123456789") for name in query.relevant} == {own.kind}
    assert picture_queries(items, 30, random.Random(0)) == []
