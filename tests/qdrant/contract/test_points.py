"""Points: which are taken, and how they come back, of both engines."""

import math
import uuid
from dataclasses import replace

import numpy as np
import pytest

from qdrant.errors import (
    CollectionMissing,
    InvalidPoint,
    InvalidQuery,
)
from qdrant.model import Point
from qdrant.points import checked_rows, point_id
from qdrant.store import Store
from tests.qdrant.contract.points import POINTS
from tests.qdrant.shop import (
    DIM,
    SPEC,
    ids,
    vectors,
)


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
