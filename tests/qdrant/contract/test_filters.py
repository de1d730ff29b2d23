"""Filters and facets: what both engines admit and count."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from qdrant.errors import (
    InvalidQuery,
)
from qdrant.model import PATHS, Filters, Point, Range, Where
from qdrant.store import Store
from tests.qdrant.contract.points import POINTS, QUERIES, where
from tests.qdrant.shop import (
    BRANDS,
    CATEGORIES,
    COLOURS,
    INCHES,
    SPEC,
    WEIGHT,
    ids,
    nearest,
)


def has(point: Point, name: str, value: str) -> bool:
    return f"{name}\t{value}" in point.payload["facets"]


def number(point: Point, name: str) -> float:
    """A product's number; NaN, which is in no range, where it has none."""
    numbers = (each.get("number") for each in point.payload["attributes"] if each["name"] == name)
    return next(numbers, math.nan)


FILTERS: dict[str, tuple[Filters, Callable[[Point], bool]]] = {
    "one category": (
        Filters(categories=("Beauty",)),
        lambda p: p.payload["category"] == "Beauty",
    ),
    "two categories": (
        Filters(categories=CATEGORIES[1:]),
        lambda p: p.payload["category"] in CATEGORIES[1:],
    ),
    "a category nobody has": (Filters(categories=("Toys",)), lambda p: False),
    "a brand": (Filters(brands=(BRANDS[1],)), lambda p: p.payload.get("brand") == BRANDS[1]),
    "price from": (Filters(price_min=50), lambda p: p.payload.get("price", -1) >= 50),
    "price up to": (Filters(price_max=49.5), lambda p: p.payload.get("price", 1e9) <= 49.5),
    "price of exactly": (
        Filters(price_min=50.5, price_max=50.5),
        lambda p: p.payload.get("price") == 50.5,
    ),
    "price from zero": (Filters(price_min=0), lambda p: "price" in p.payload),
    "rating": (Filters(rating_min=4.5), lambda p: p.payload.get("rating", 0) >= 4.5),
    "picture": (Filters(has_picture=True), lambda p: "image" in p.vectors),
    "no picture": (Filters(has_picture=False), lambda p: "image" not in p.vectors),
    "excluded": (
        Filters(exclude=tuple(f"p{i}" for i in range(690))),
        lambda p: int(p.id[1:]) >= 690,
    ),
    "only these": (Filters(ids=("p3", "p5", "nobody")), lambda p: p.id in ("p3", "p5")),
    "in stock": (Filters(in_stock=True), lambda p: p.payload.get("in_stock") is True),
    "out of stock": (Filters(in_stock=False), lambda p: p.payload.get("in_stock") is False),
    "a value": (where("Colour", values=("Red",)), lambda p: has(p, "Colour", "Red")),
    "one of two values": (
        where("Colour", values=COLOURS[1:]),
        lambda p: any(has(p, "Colour", colour) for colour in COLOURS[1:]),
    ),
    "without a value": (
        where("Colour", values=("Red",), negated=True),
        lambda p: not has(p, "Colour", "Red"),
    ),
    "a number below": (where(WEIGHT, ranges=(Range(lt=0.5),)), lambda p: number(p, WEIGHT) < 0.5),
    "a number of at most": (
        where(WEIGHT, ranges=(Range(lte=0.5),)),
        lambda p: number(p, WEIGHT) <= 0.5,
    ),
    "a number between, in a name that no path can quote": (
        where(INCHES, ranges=(Range(gt=-50.5, lte=20),)),
        lambda p: -50.5 < number(p, INCHES) <= 20,
    ),
    "a value or one of two ranges": (
        where(WEIGHT, values=("1.0",), ranges=(Range(lt=0.25), Range(gte=1.5, lt=9))),
        lambda p: number(p, WEIGHT) in (1.0, 0, 1.5, 1.75),
    ),
    "outside of a range": (
        where(WEIGHT, ranges=(Range(lt=1.5),), negated=True),
        lambda p: not number(p, WEIGHT) < 1.5,
    ),
    "released": (
        where("released", ranges=(Range(gte="2010-03-02", lt="2015-03-01"),)),
        lambda p: "2010-03-02" <= p.payload.get("released", "") < "2015-03-01",
    ),
    "currency and price": (
        Filters(where=(Where("currency", ("USD",)), Where("price", ranges=(Range(gt=50),)))),
        lambda p: p.payload["currency"] == "USD" and p.payload.get("price", 0) > 50,
    ),
    "not a brand": (
        where("brand", values=(BRANDS[0],), negated=True),
        lambda p: p.payload.get("brand") != BRANDS[0],
    ),
    "a step of a category": (
        where("category", values=("Beauty>Step",)),
        lambda p: p.payload["category"] == "Beauty",
    ),
    "an attribute nobody has": (where("Nothing", values=("x",)), lambda p: False),
    "all at once": (
        Filters(
            categories=CATEGORIES[:2],
            brands=BRANDS[:2],
            price_min=10,
            price_max=300,
            rating_min=2,
            has_picture=True,
            exclude=("p21",),
            where=(Where("Colour", COLOURS[:2]), Where(WEIGHT, ranges=(Range(gt=0),))),
            ids=tuple(f"p{i}" for i in range(600)),
        ),
        lambda p: (
            p.payload["category"] in CATEGORIES[:2]
            and p.payload.get("brand") in BRANDS[:2]
            and 10 <= p.payload.get("price", -1) <= 300
            and p.payload.get("rating", 0) >= 2
            and "image" in p.vectors
            and p.id != "p21"
            and any(has(p, "Colour", colour) for colour in COLOURS[:2])
            and number(p, WEIGHT) > 0
            and int(p.id[1:]) < 600
        ),
    ),
}


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_admits_exactly_what_it_says(filled: Store, name: str):
    filters, wanted = FILTERS[name]
    expected = [point for point in POINTS if wanted(point)]
    assert filled.count("demo", filters) == len(expected)
    for vector in ("text", "fused"):
        found = filled.search("demo", QUERIES[1], vector=vector, k=15, filters=filters)[0]
        assert ids(found) == nearest(POINTS, QUERIES[1], vector, 15, wanted)


def test_the_combined_filter_of_this_suite_admits_something():
    assert sum(map(FILTERS["all at once"][1], POINTS)) > 10


def test_facets_are_exact_and_the_most_frequent_first(filled: Store):
    assert filled.facet("demo", "category") == dict.fromkeys(CATEGORIES, 233) | {"Beauty": 234}
    brands = filled.facet("demo", "brand", Filters(categories=("Beauty",)))
    wanted = [p.payload.get("brand") for p in POINTS if p.payload["category"] == "Beauty"]
    assert brands == {brand: wanted.count(brand) for brand in BRANDS}
    assert list(brands.values()) == sorted(brands.values(), reverse=True)
    assert len(filled.facet("demo", "brand", limit=2)) == 2
    assert filled.facet("demo", "brand", Filters(categories=("Toys",))) == {}


def test_a_facet_of_what_has_no_index_is_an_error(filled: Store):
    with pytest.raises(
        InvalidQuery, match="'title' is not counted; category, categories, brand, facets"
    ):
        filled.facet("demo", "title")


def test_a_collection_without_the_flag_of_a_picture_is_filtered_by_its_vectors(store: Store):
    store.build(replace(SPEC, payload=PATHS), POINTS[:20])
    store.update(replace(SPEC, payload=PATHS), [], delete=["p1"])
    without = {point.id for point in POINTS[:20] if "image" not in point.vectors}
    found = store.search(
        "demo", QUERIES[0], vector="text", k=20, filters=Filters(has_picture=False)
    )[0]
    assert set(ids(found)) == without
    assert store.count("demo", Filters(has_picture=True)) == 19 - len(without)


def test_an_update_by_which_a_product_loses_its_picture_changes_what_is_found(store: Store):
    store.build(SPEC, POINTS[:10])
    lost = Point("p1", {}, {"text": POINTS[1].vectors["text"]})
    store.update(SPEC, [lost])
    assert store.count("demo", Filters(ids=("p1",), has_picture=False)) == 1
    assert store.retrieve("demo", ["p1"])["p1"].payload == {"id": "p1"}
