"""How a collection is searched is measured when it is built."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from qdrant import layout, recall
from qdrant.engine import Search
from qdrant.model import Collection, GraphSearch, Hit, Point
from tests.qdrant.shop import vectors

DIM = 64
COUNT = 600


@dataclass
class CoarseReader:
    """A generation whose graph searches find only the first of the nearest, one of every `step`.

    Attributes:
        collection: its facts.
        points: all of it.
        needed: `ef` from which a search by a product's own kind of vector misses nothing.
        needed_by_text: the same of pictures that are searched by texts.
        searches: those that were made.
    """

    collection: Collection
    points: list[Point]
    needed: int
    needed_by_text: int = 0
    searches: list[Search] = field(default_factory=list)

    def page(self, offset: int | None, *, vectors: bool) -> tuple[list[Point], int | None]:
        start = offset or 0
        following = start + 100
        return self.points[start:following], following if following < COUNT else None

    def search(self, searches: Sequence[Search]) -> list[list[Hit]]:
        self.searches += searches
        return [self._nearest(search) for search in searches]

    def _nearest(self, search: Search) -> list[Hit]:
        pictured = [point for point in self.points if search.vector in point.vectors]
        scores = np.stack([point.vectors[search.vector] for point in pictured]) @ search.query
        order = np.argsort(-scores)[: search.limit]
        hits = [Hit(pictured[row].id, float(scores[row]), {}) for row in order]
        own = any(np.array_equal(point.vectors[search.vector], search.query) for point in pictured)
        needed = self.needed if own else max(self.needed, self.needed_by_text)
        return hits if search.exact or search.ef >= needed else hits[:5]


@pytest.fixture(autouse=True)
def _graphs_from_the_start(monkeypatch: pytest.MonkeyPatch):
    """A few hundred products count as too many to compare with all of them."""
    monkeypatch.setattr(layout, "FULL_SCAN_KIB", 1)


def reader(needed: int, names: tuple[str, ...] = ("text",), **changes: int) -> CoarseReader:
    drawn = vectors(COUNT * len(names), DIM).reshape(COUNT, len(names), DIM)
    points = [
        Point(f"p{i}", {}, dict(zip(names, rows, strict=True))) for i, rows in enumerate(drawn)
    ]
    collection = Collection("demo", "0" * 16, DIM, vectors=names, points=COUNT)
    return CoarseReader(collection, points, needed, **changes)


@pytest.mark.parametrize(("needed", "ef"), [(1, 32), (33, 64), (200, 256), (1024, 1024)])
def test_the_least_ef_that_misses_hardly_anything_is_chosen(needed: int, ef: int):
    assert recall.measure(reader(needed)) == {"text": GraphSearch(ef, 1.0)}


def test_a_product_is_not_its_own_neighbour():
    found = reader(5000)
    assert recall.measure(found)["text"] == GraphSearch(None, 1.0)
    assert {search.limit for search in found.searches} == {recall.K + 1}


def test_pictures_are_also_searched_by_texts_where_one_model_embeds_both():
    together = recall.measure(reader(32, ("text", "image", "fused"), needed_by_text=128))
    assert {name: graph.ef for name, graph in together.items()} == {
        "text": 32,
        "image": 128,
        "fused": 128,
    }
    without_sum = recall.measure(reader(32, ("text", "image"), needed_by_text=128))
    assert {name: graph.ef for name, graph in without_sum.items()} == {"text": 32, "image": 128}
    of_two_models = reader(32, ("text", "image"), needed_by_text=128)
    of_two_models.collection = replace(of_two_models.collection, text_precision="float32")
    apart = recall.measure(of_two_models)
    assert {name: graph.ef for name, graph in apart.items()} == {"text": 32, "image": 32}


def test_where_no_ef_is_enough_a_large_collection_is_searched_with_the_largest(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(recall, "EXACT_BYTES", 1000)
    assert recall.measure(reader(5000)) == {"text": GraphSearch(1024, pytest.approx(0.4))}


def test_the_exact_searches_end_when_their_time_is_up():
    found = reader(32)
    times = iter([0.0, 1.0, recall.SECONDS + 1])
    recall.measure(found, lambda: next(times))
    assert sum(search.exact for search in found.searches) == 2 * recall.BLOCK


def test_a_vector_that_no_product_has_and_a_small_collection_are_not_measured(
    monkeypatch: pytest.MonkeyPatch,
):
    without = reader(32)
    without.collection = Collection("demo", "0" * 16, DIM, vectors=("text", "image"), points=COUNT)
    assert list(recall.measure(without)) == ["text"]
    monkeypatch.undo()
    small = reader(32)
    assert recall.measure(small) == {}
    assert small.searches == []
