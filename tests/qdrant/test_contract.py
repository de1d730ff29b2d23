"""What both engines promise: the same suite over the embedded one and over the server class."""

import math
import os
import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qdrant_client import QdrantClient

from qdrant.errors import (
    BuildRunning,
    CollectionMissing,
    InvalidPoint,
    InvalidQuery,
    StoreError,
)
from qdrant.model import PATHS, Filters, Point, Range, Ranking, Spec, VectorQuery, Where
from qdrant.points import checked_rows, point_id
from qdrant.server.connection import Connection, connect
from qdrant.server.engine import ServerEngine
from qdrant.store import Store, open_embedded
from tests.qdrant.fake_server import FakeServer
from tests.qdrant.shop import (
    BRANDS,
    CATEGORIES,
    COLOURS,
    DIM,
    INCHES,
    SPEC,
    WEIGHT,
    broken_off,
    ids,
    nearest,
    shop,
    vectors,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:Payload indexes have no effect in the local Qdrant"),
    pytest.mark.filterwarnings("ignore:Local mode performs exact"),
]

# More than one batch of stream.BATCH, and not a multiple of it.
POINTS = shop(700)
QUERIES = vectors(5, seed=99)


# A real server, where one is: `make test-server`. Only what bears a random prefix is touched.
SERVER = os.environ.get("VITRINE_TEST_SERVER", "")
ENGINES = ["embedded", "memory", "http", *(["server"] if SERVER else [])]


@contextmanager
def engine(kind: str, folder: Path) -> Iterator[Store]:
    """An empty store, of the engine in the process or in one of the layers of the server class."""
    if kind == "embedded":
        with open_embedded(folder / "qdrant") as store:
            yield store
    elif kind == "memory":
        with Store(ServerEngine(Connection(QdrantClient(":memory:")), streams=1)) as store:
            yield store
    elif kind == "http":
        with FakeServer() as fake_server, Store(ServerEngine(connect(fake_server.url))) as store:
            yield store
    else:
        connection = connect(SERVER, os.environ.get("QDRANT_API_KEY"))
        prefix = f"test_{secrets.token_hex(4)}_"
        with Store(ServerEngine(connection, prefix=prefix)) as store:
            try:
                yield store
            finally:
                for collection in connection.client.get_collections().collections:
                    if collection.name.startswith(prefix):
                        connection.client.delete_collection(collection.name)


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    with engine(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module", params=ENGINES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """A store with the shop in it, for tests that only read."""
    with engine(request.param, tmp_path_factory.mktemp("filled")) as opened:
        opened.build(SPEC, iter(POINTS))
        yield opened


@pytest.mark.parametrize("vector", ["image", "text", "fused"])
def test_a_search_finds_the_nearest_by_each_vector(filled: Store, vector: str):
    answers = filled.search("demo", QUERIES, vector=vector, k=7)
    assert [ids(a) for a in answers] == [nearest(POINTS, q, vector, 7) for q in QUERIES]


def test_the_score_is_the_exact_cosine_of_the_query_whatever_its_length(filled: Store):
    by_id = {point.id: point for point in POINTS}
    for hit in filled.search("demo", 3 * QUERIES[0], k=20)[0]:
        cosine = float(by_id[hit.id].vectors["fused"] @ QUERIES[0])
        assert hit.score == pytest.approx(cosine, abs=1e-5)


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


def where(name: str, **condition: Any) -> Filters:
    return Filters(where=(Where(name, **condition),))


def has(point: Point, name: str, value: str) -> bool:
    return f"{name}\t{value}" in point.payload["facets"]


def number(point: Point, name: str) -> float:
    """A product's number; NaN, which is in no range, where it has none."""
    numbers = (each.get("number") for each in point.payload["attributes"] if each["name"] == name)
    return next(numbers, math.nan)


def test_products_are_found_by_point_ids_and_their_facts_read_afterwards(filled: Store):
    [whole] = filled.search("demo", QUERIES[0], vector="text", k=9)
    [bare] = filled.rank_batch("demo", [VectorQuery("text", QUERIES[0], 9)])
    assert bare == Ranking([point_id(hit.id).int for hit in whole], [hit.score for hit in whole])
    facts = filled.facts("demo", [*bare.ids, point_id("nobody").int], ["title"])
    assert facts == {
        point_id(hit.id).int: {"id": hit.id, "title": hit.payload["title"]} for hit in whole
    }


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


def test_retrieve_keeps_the_order_asked_for_and_leaves_out_what_is_not_there(filled: Store):
    found = filled.retrieve("demo", ["p9", "nobody", "p4", "p9"], vectors=True)
    assert list(found) == ["p9", "p4"]
    assert found["p9"].payload == {**POINTS[9].payload, "id": "p9"}
    assert list(found["p4"].vectors) == ["text"]
    for name, vector in POINTS[9].vectors.items():
        assert found["p9"].vectors[name].dtype == np.float32
        np.testing.assert_allclose(found["p9"].vectors[name], vector, atol=1e-6)
    assert filled.retrieve("demo", ["p9"])["p9"].vectors == {}


def test_scroll_gives_every_point_once_in_the_order_of_point_ids(filled: Store):
    points = list(filled.scroll("demo", vectors=True))
    keys = [point_id(point.id) for point in points]
    assert keys == sorted(keys)
    assert {p.id for p in points} == {p.id for p in POINTS}
    assert sum(len(p.vectors) for p in points) == sum(len(p.vectors) for p in POINTS)


def test_the_collection_remembers_what_it_was_built_from(filled: Store):
    collection = filled.collection("demo")
    assert collection.facts() == SPEC.facts()
    assert collection.points == len(POINTS)
    assert collection.created.endswith("+00:00")
    assert filled.collections() == [collection]


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


@pytest.mark.parametrize(
    ("point", "sentence"),
    [
        (Point("bad", {}, {"text": np.full(DIM, math.nan)}), "'bad' .* NaN or infinity"),
        (Point("bad", {}, {"text": np.full(DIM, math.inf)}), "'bad' .* NaN or infinity"),
        (Point("bad", {}, {"text": np.zeros(DIM)}), "'bad' .* is zero"),
        (Point("bad", {}, {"text": np.ones(DIM)}), "'bad' .* has length 4 instead of 1"),
        (Point("bad", {}, {"text": vectors(1, 8)[0]}), r"'bad' .* shape \(8,\) instead of \(16,\)"),
        (Point("bad", {}, {"text": vectors(1)}), r"'bad' .* shape \(1, 16\)"),
        (Point("bad", {}, {"sound": vectors(1)[0]}), "'bad' .* 'sound' is not one of"),
        (Point("bad", {}, {}), "'bad' .* no vector"),
        (Point("", {}, {"text": vectors(1)[0]}), "its id is empty"),
        (Point("\ud800", {}, {"text": vectors(1)[0]}), "not valid Unicode"),
        (Point("bad", {"price": math.nan}, {"text": vectors(1)[0]}), "'bad' .* not JSON"),
        (Point("bad", {"title": "\ud800"}, {"text": vectors(1)[0]}), "'bad' .* not JSON"),
        (Point("bad", {"x": object()}, {"text": vectors(1)[0]}), "'bad' .* not JSON"),
        (Point("p1", {}, {"text": vectors(1)[0]}), "'p1' .* comes twice"),
    ],
)
def test_a_point_that_would_never_be_found_is_an_error_and_nothing_is_written(
    store: Store, point: Point, sentence: str
):
    with pytest.raises(InvalidPoint, match=sentence) as caught:
        store.build(SPEC, [*POINTS[:300], point])
    assert caught.value.product == point.id
    assert store.collections() == []
    with pytest.raises(CollectionMissing):
        store.count("demo")


def test_an_invalid_point_leaves_the_published_collection_as_it_was(store: Store):
    before = store.build(SPEC, POINTS[:20])
    bad = Point("bad", {}, {"text": np.zeros(DIM)})
    for change in (store.build, store.update):
        with pytest.raises(InvalidPoint):
            change(SPEC, [*POINTS[20:300], bad])
    assert store.collection("demo") == before
    assert store.count("demo") == 20


def test_an_error_of_the_points_themselves_comes_through_and_changes_nothing(store: Store):
    store.build(SPEC, POINTS[:20])
    with pytest.raises(ZeroDivisionError):
        store.build(SPEC, broken_off(POINTS, ZeroDivisionError()))
    with pytest.raises(KeyboardInterrupt):
        store.build(SPEC, broken_off(POINTS, KeyboardInterrupt()))
    assert store.count("demo") == 20
    store.build(SPEC, POINTS[:30])
    assert store.count("demo") == 30


def test_ids_and_payloads_of_any_language_and_size_come_back_as_they_were(store: Store):
    names = ["👗 dress", "商品-42", "a/b\\c:d", "x" * 5000, "ß", "\n", "' OR 1=1 --"]
    payload = {
        "title": "Kleid " * 20_000,
        "category": "服装",
        "price": 12.5,
        "nested": {"list": [1, 2.5, None, True, "é"], "empty": {}},
    }
    points = [Point(n, payload, {"text": v}) for n, v in zip(names, vectors(7), strict=True)]
    store.build(SPEC, points)
    found = store.retrieve("demo", names)
    assert list(found) == names
    assert found["👗 dress"].payload == {**payload, "id": "👗 dress"}
    assert store.search("demo", vectors(7)[1], vector="text", k=1)[0][0].id == "商品-42"
    assert store.facet("demo", "category") == {"服装": 7}


def test_a_vector_may_have_a_length_of_its_own(store: Store):
    """As the `text` vectors of a text model have, which have no sum with those of pictures."""
    spec = replace(SPEC, vectors=("image", "text"), dims={"text": 8})
    images, texts = vectors(9), vectors(9, dim=8)
    named = [{"image": image, "text": text} for image, text in zip(images, texts, strict=True)]
    store.build(spec, [Point(f"p{row}", {}, each) for row, each in enumerate(named)])
    for vector, queries in (("image", images), ("text", texts)):
        answers = store.search("demo", queries, vector=vector, k=1)
        assert [ids(each) for each in answers] == [[f"p{row}"] for row in range(9)]
    with pytest.raises(InvalidQuery, match="8"):
        store.search("demo", images[:1], vector="text")
    with pytest.raises(InvalidPoint, match=r"shape \(16,\) instead of \(8,\)"):
        store.build(spec, [Point("bad", {}, {"image": images[0], "text": images[0]})])


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


def test_a_build_replaces_everything_and_an_update_only_what_it_names(store: Store):
    store.build(SPEC, POINTS[:50])
    new = vectors(3, seed=5)
    made = store.update(
        replace(SPEC, source="next"),
        [
            Point("p1", {"category": "New", "categories": ["New"]}, {"text": new[0]}),
            Point(
                "fresh",
                {"category": "New", "categories": ["New"]},
                {"text": new[1], "fused": new[2]},
            ),
        ],
        delete=["p2", "p3", "nobody"],
    )
    assert (made.points, made.source) == (49, "next")
    assert store.facet("demo", "category", Filters(ids=("p1", "fresh"))) == {"New": 2}
    changed = store.retrieve("demo", ["p1", "p2", "p7"], vectors=True)
    assert list(changed) == ["p1", "p7"]
    assert changed["p1"].payload == {"category": "New", "categories": ["New"], "id": "p1"}
    np.testing.assert_allclose(changed["p1"].vectors.pop("text"), new[0], atol=1e-6)
    assert changed["p1"].vectors == {}
    assert changed["p7"].payload["title"] == "product 7"
    assert store.search("demo", new[2], k=1)[0][0].id == "fresh"

    store.update(SPEC, [Point("p1", {"categories": ["Newer"]}, {"text": new[0]})], delete=["fresh"])
    assert store.count("demo", Filters(categories=("New",))) == 0
    assert store.count("demo", Filters(categories=("Newer",))) == 1

    assert store.build(SPEC, POINTS[:5]).points == 5
    assert store.count("demo") == 5


def test_an_id_both_deleted_and_given_is_there(store: Store):
    store.build(SPEC, POINTS[:5])
    store.update(
        SPEC,
        [Point("p1", {"category": "New", "categories": ["New"]}, {"text": vectors(1)[0]})],
        delete=["p1"],
    )
    assert store.retrieve("demo", ["p1"])["p1"].payload == {
        "category": "New",
        "categories": ["New"],
        "id": "p1",
    }


@pytest.mark.parametrize(
    "other",
    [
        replace(SPEC, fingerprint="f" * 16),
        replace(SPEC, dim=8),
        replace(SPEC, vectors=("text",)),
    ],
)
def test_an_update_by_other_vectors_is_an_error(store: Store, other: Spec):
    store.build(SPEC, POINTS[:5])
    with pytest.raises(StoreError, match="build it anew with `vitrine ingest vectors"):
        store.update(other, [])
    assert store.collection("demo").facts() == SPEC.facts()


def test_rollback_changes_places_with_the_generation_before(store: Store):
    first = store.build(SPEC, POINTS[:10])
    with pytest.raises(StoreError):
        store.rollback("demo")
    second = store.build(SPEC, POINTS[:20])
    assert store.rollback("demo") == first
    assert store.count("demo") == 10
    assert store.rollback("demo") == second
    assert store.count("demo") == 20


def test_a_build_after_a_rollback_keeps_the_generation_that_was_in_use(store: Store):
    first = store.build(SPEC, POINTS[:10])
    store.build(SPEC, POINTS[:20])
    store.rollback("demo")
    store.build(SPEC, POINTS[:30])
    assert store.rollback("demo") == first


def test_variants_do_not_see_each_other(store: Store):
    store.build(SPEC, POINTS[:10])
    store.build(replace(SPEC, variant="demo__b"), POINTS[:20])
    store.build(replace(SPEC, variant="demo__b"), POINTS[:30])
    store.build(SPEC, POINTS[:15])
    assert [(c.variant, c.points) for c in store.collections()] == [("demo", 15), ("demo__b", 30)]
    store.drop("demo")
    assert [c.variant for c in store.collections()] == ["demo__b"]
    assert store.rollback("demo__b").points == 20


def test_what_is_dropped_is_gone_and_can_be_built_again(store: Store):
    store.build(SPEC, POINTS[:10])
    store.build(SPEC, POINTS[:20])
    store.count("demo")
    store.drop("demo")
    with pytest.raises(CollectionMissing):
        store.count("demo")
    with pytest.raises(CollectionMissing):
        store.rollback("demo")
    store.build(SPEC, POINTS[:5])
    assert store.count("demo") == 5


@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.collection("demo"),
        lambda store: store.search("demo", QUERIES),
        lambda store: store.count("demo"),
        lambda store: store.facet("demo", "brand"),
        lambda store: store.retrieve("demo", ["p1"]),
        lambda store: list(store.scroll("demo")),
        lambda store: store.update(SPEC, []),
        lambda store: store.rollback("demo"),
        lambda store: store.drop("demo"),
    ],
)
def test_a_variant_without_a_collection_is_named_with_the_remedy(store: Store, ask):
    with pytest.raises(CollectionMissing, match="`vitrine ingest vectors --variant demo`"):
        ask(store)
    assert store.collections() == []


@pytest.mark.parametrize("name", ["", "../demo", "Demo", "a" * 65, "a-b"])
def test_a_name_that_is_no_variant_is_an_error(store: Store, name: str):
    with pytest.raises(StoreError, match="cannot name a variant"):
        store.collection(name)


def test_a_second_build_of_a_variant_is_an_error_while_one_runs(store: Store):
    def points() -> Iterator[Point]:
        with pytest.raises(BuildRunning, match="'demo' is being built by process"):
            store.build(SPEC, POINTS[:10])
        yield from POINTS[:20]

    store.build(SPEC, points())
    assert store.count("demo") == 20


@pytest.mark.parametrize(
    "order",
    [["a", "b", "c", "c"], ["a", "b", "c", "a"], ["c", "a", "b", "a"], ["b", "c", "a", "b"]],
)
def test_a_repeated_product_is_reported_in_whatever_order_they_come(order: list[str]):
    points = [Point(name, {}, {"text": vectors(1)[0]}) for name in order]
    rows = checked_rows(SPEC, points)
    assert [next(rows) is not None for _ in range(3)] == [True, True, True]
    with pytest.raises(InvalidPoint, match=f"'{order[3]}' .* comes twice"):
        next(rows)


def test_point_ids_never_change():
    assert point_id("B00X") == uuid.UUID("97c4a844-7380-5999-a964-df2a9286c0a3")
