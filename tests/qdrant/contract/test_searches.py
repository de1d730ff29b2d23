"""Searches: the same products, in the same order, of both engines."""

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from qdrant.errors import (
    InvalidQuery,
)
from qdrant.figures import Figures, First
from qdrant.model import Filters, Point, Range, VectorQuery, Where
from qdrant.store import Store
from tests.qdrant.contract.points import POINTS, QUERIES, where
from tests.qdrant.shop import (
    DIM,
    SPEC,
    WEIGHT,
    ids,
    nearest,
    vectors,
)


@pytest.mark.parametrize("vector", ["image", "text", "fused"])
def test_a_search_finds_the_nearest_by_each_vector(filled: Store, vector: str):
    answers = filled.search("demo", QUERIES, vector=vector, k=7)
    assert [ids(a) for a in answers] == [nearest(POINTS, q, vector, 7) for q in QUERIES]


def test_the_score_is_the_exact_cosine_of_the_query_whatever_its_length(filled: Store):
    by_id = {point.id: point for point in POINTS}
    for hit in filled.search("demo", 3 * QUERIES[0], k=20)[0]:
        cosine = float(by_id[hit.id].vectors["fused"] @ QUERIES[0])
        assert hit.score == pytest.approx(cosine, abs=1e-5)


def test_figures_are_those_of_all_that_match(filled: Store):
    prices = {point.id: point.payload.get("price") for point in POINTS}
    matching = sorted(price for price in prices.values() if price is not None and price <= 9)
    found = filled.figures("demo", ["price"], Filters(price_max=9.0))
    assert sorted(np.concatenate([part.values["price"] for part in found])) == matching
    every = list(filled.figures("demo", ["price"]))
    assert sum(len(part.points) for part in every) == len(POINTS)
    missing = sum(np.isnan(part.values["price"]).sum() for part in every)
    assert missing == sum(price is None for price in prices.values())


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize(
    ("fact", "count"), [("price", 20), ("rating", 30), ("released", 7), ("price", len(POINTS) - 5)]
)
def test_the_first_by_a_fact_are_among_its_figures_with_those_that_equal_the_last(
    filled: Store, fact: str, count: int, descending: bool
):
    def keys(found: Iterable[Figures]) -> dict[int, float]:
        read = {
            int(point): value
            for part in found
            for point, value in zip(part.points, part.values[fact], strict=True)
        }
        signed = {point: -value if descending else value for point, value in read.items()}
        return {point: math.inf if math.isnan(value) else value for point, value in signed.items()}

    every = keys(filled.figures("demo", [fact]))
    first = sorted(every, key=lambda point: (every[point], point))[: count + 3]
    last = every[first[count - 1]]
    wanted = [point for point in first if every[point] <= last]
    found = keys(filled.figures("demo", [fact], first=First(fact, descending, count, count + 3)))
    assert {point: every[point] for point in wanted}.items() <= found.items()
    if filled.engine.info().name == "server":
        assert found.keys() == set(wanted), "no others are read"


def test_one_query_may_come_as_a_plain_vector(filled: Store):
    assert filled.search("demo", QUERIES[0]) == filled.search("demo", QUERIES[:1])


def test_no_queries_give_no_answers(filled: Store):
    assert filled.search("demo", np.zeros((0, DIM), np.float32)) == []


def test_exact_search_agrees(filled: Store):
    found = filled.search("demo", QUERIES[0], exact=True, ef=16)[0]
    assert ids(found) == nearest(POINTS, QUERIES[0], "fused", 10)


def test_k_beyond_the_collection_gives_every_product_that_has_the_vector(filled: Store):
    with_picture = sum("fused" in point.vectors for point in POINTS)
    assert len(filled.search("demo", QUERIES[0], k=10_000)[0]) == with_picture
    assert len(filled.search("demo", QUERIES[0], vector="text", k=10_000)[0]) == len(POINTS)


def test_queries_of_several_vectors_and_filters_are_answered_in_one_batch(filled: Store):
    cheap = Filters(price_max=49.5)
    batch = [
        VectorQuery("text", QUERIES[0], 3),
        VectorQuery("image", QUERIES[1], 7),
        VectorQuery("text", QUERIES[2], 5, cheap),
    ]
    found = [ids(hits) for hits in filled.search_batch("demo", batch)]
    assert found == [
        nearest(POINTS, QUERIES[0], "text", 3),
        nearest(POINTS, QUERIES[1], "image", 7),
        nearest(POINTS, QUERIES[2], "text", 5, lambda p: p.payload.get("price", 1e9) <= 49.5),
    ]


def test_a_search_reads_the_facts_that_are_named_and_the_id(filled: Store):
    whole, some, bare = (
        filled.search_batch("demo", [VectorQuery("text", QUERIES[0], 9, payload=payload)])[0]
        for payload in (None, ("category", "price", "absent"), ())
    )
    for found in (some, bare):
        assert [(hit.id, hit.score) for hit in found] == [(hit.id, hit.score) for hit in whole]
    named = {"id", "category", "price"}
    assert [hit.payload for hit in some] == [
        {name: fact for name, fact in hit.payload.items() if name in named} for hit in whole
    ]
    assert all(hit.payload == {"id": hit.id} for hit in bare)


def test_products_are_found_by_point_ids_and_their_facts_read_afterwards(filled: Store):
    [whole] = filled.search("demo", QUERIES[0], vector="text", k=9)
    [bare] = filled.rank_batch("demo", [VectorQuery("text", QUERIES[0], 9)])
    assert bare.scores == [hit.score for hit in whole]
    for names in (["title"], ["price", "in_stock", "released", "brand"], ["title", "facets"]):
        facts = filled.facts("demo", [*bare.ids, bare.ids[0] + 1], names)
        assert facts.keys() == set(bare.ids)
        for number, hit in zip(bare.ids, whole, strict=True):
            found = facts[number]
            assert found["id"] == hit.id
            assert [found.get(name) for name in names] == [hit.payload.get(name) for name in names]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"queries": np.ones(DIM + 1)}, "16 dimensions"),
        ({"queries": np.full(DIM, math.nan)}, "zero or not finite"),
        ({"queries": np.full(DIM, math.inf)}, "zero or not finite"),
        ({"queries": np.zeros((1, DIM))}, "zero or not finite"),
        ({"queries": np.ones(DIM), "vector": "sound"}, "has no vector 'sound'"),
        ({"queries": np.ones(DIM), "k": 0}, "k of at least 1, not 0"),
        ({"queries": np.ones(DIM), "filters": Filters(price_min=math.nan)}, "bound of price"),
        (
            {"queries": np.ones(DIM), "filters": where(WEIGHT, ranges=(Range(lt=math.nan),))},
            "bound of Weight",
        ),
        ({"queries": np.ones(DIM), "filters": where(WEIGHT)}, "neither a value nor a bound"),
        (
            {"queries": np.ones(DIM), "filters": Filters(where=33 * (Where("Colour", ("Red",)),))},
            "at most 32 conditions on attributes, not 33",
        ),
        (
            {"queries": np.ones(DIM), "filters": where("Colour", values=1001 * ("Red",))},
            "at most 1,000 values in its conditions, not 1,001",
        ),
    ],
)
def test_a_query_that_cannot_be_answered_is_an_error(filled: Store, arguments, sentence: str):
    with pytest.raises(InvalidQuery, match=sentence):
        filled.search("demo", **arguments)


def test_equal_scores_come_by_ascending_product_id(store: Store):
    same = vectors(1)[0]
    store.build(SPEC, [Point(name, {}, {"text": same}) for name in ("c", "a", "b")])
    assert ids(store.search("demo", same, vector="text")[0]) == ["a", "b", "c"]


def test_products_of_one_text_come_by_ascending_id_though_their_scores_differ_a_little(
    store: Store,
):
    """Texts in different batches have vectors that differ in the last digit."""
    drawn = vectors(6, seed=3)
    rng = np.random.default_rng(0)
    points = []
    for number in rng.permutation(300):
        vector = drawn[number % 6] * (1 + rng.integers(-1, 2, DIM) * 6e-8).astype(np.float32)
        points.append(Point(f"p{number:03}", {}, {"text": vector}))
    store.build(SPEC, points)
    for query in QUERIES:
        order = sorted(range(6), key=lambda text: -float(drawn[text] @ query))
        wanted = [f"p{number:03}" for text in order for number in range(text, 300, 6)]
        assert ids(store.search("demo", query, vector="text", k=300)[0]) == wanted
        assert ids(store.search("demo", query, vector="text", k=7)[0]) == wanted[:7]


def test_more_equal_products_than_a_search_may_return(store: Store):
    spec = replace(SPEC, dim=4, vectors=("text",))
    same = vectors(1, 4)[0]
    store.build(spec, (Point(f"p{i:05}", {}, {"text": same}) for i in range(10_100)))
    assert len(store.search("demo", same, vector="text", k=10)[0]) == 10
    assert len(store.search("demo", same, vector="text", k=10_000)[0]) == 10_000
    with pytest.raises(InvalidQuery, match="returns at most 10,000 products, not 10,001"):
        store.search("demo", same, vector="text", k=10_001)


def test_a_collection_of_nothing_answers_nothing(store: Store):
    assert store.build(SPEC, []).points == 0
    assert store.search("demo", QUERIES) == [[]] * len(QUERIES)
    assert store.count("demo") == 0
    assert store.facet("demo", "brand") == {}
    assert list(store.scroll("demo")) == []


def test_products_without_any_picture_leave_the_other_vectors_empty(store: Store):
    store.build(SPEC, [Point("a", {}, {"text": vectors(1)[0]})])
    assert store.search("demo", QUERIES[0], vector="image") == [[]]
    assert store.count("demo", Filters(has_picture=False)) == 1
