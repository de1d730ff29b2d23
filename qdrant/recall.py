"""The recall of graph searches, measured when a generation is built.

How many candidates a graph search must keep (`ef`) depends on the vectors: 20,000 random ones of
512 dimensions need more than 512, a million in clusters less than 128. So the least `ef` that
misses hardly anything is measured on the collection's own products, against an exact search.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from qdrant import layout
from qdrant.engine import Reader, Search
from qdrant.model import Collection, GraphSearch, Hit, Point
from qdrant.ranking import TOLERANCE

LADDER = (32, 64, 128, 256, 512, 1024)
RECALL = 0.99
K = 10
QUERIES = 200
# Pages of points to look for so many that have the vector: few products may have a picture.
PAGES = 20
# Seconds for the exact searches of a vector, after which those that were made have to do; as many
# as a block are made in any case.
SECONDS = 10.0
BLOCK = 10
# Bytes of vectors up to which every search may be exact, where no `ef` is enough: 20 ms on one
# core. Above, what the largest `ef` misses is missed, and shown to the operator.
EXACT_BYTES = 200 << 20


def measure(reader: Reader, clock: Callable[[], float] = time.monotonic) -> dict[str, GraphSearch]:
    """Return how each dense vector is to be searched; vectors that are always scanned are absent.

    A query is a product of the collection; it does not count as its own neighbour. Where one model
    embeds texts and pictures, pictures are searched by texts too, which are further from them than
    they are from each other: so every second query of a picture's vector is the product's text.

    Args:
        reader: of the generation, complete.
        clock: monotonic seconds.
    """
    collection = reader.collection
    names = [
        name
        for name in collection.stored
        if not layout.scan_all(collection.points, collection.dim_of(name))
    ]
    sample = _sample(reader, names) if names else []
    found = {}
    for name in names:
        queries = [
            (point.id, point.vectors["text" if row % 2 and _by_text(collection, name) else name])
            for row, point in enumerate(point for point in sample if name in point.vectors)
        ]
        if queries:
            found[name] = _Measurement(reader, name, queries[:QUERIES], clock).result()
    return found


def _by_text(collection: Collection, name: str) -> bool:
    """Whether texts are compared with a picture's vector: one model embeds both."""
    two_models = collection.text_precision or "text" in collection.dims
    one_model = "fused" in collection.vectors or not two_models
    return name != "text" and "text" in collection.stored and one_model


def _sample(reader: Reader, names: Sequence[str]) -> list[Point]:
    """Return points, as many as needed of each vector: the first, since ids are hashes."""
    sample: list[Point] = []
    offset = None
    for _ in range(PAGES):
        points, offset = reader.page(offset, vectors=True)
        sample += points
        counts = [sum(name in point.vectors for point in sample) for name in names]
        if offset is None or min(counts) >= QUERIES:
            break
    return sample


class _Measurement:
    """The recall of one vector's searches."""

    def __init__(
        self,
        reader: Reader,
        name: str,
        queries: Sequence[tuple[str, np.ndarray]],
        clock: Callable[[], float],
    ) -> None:
        self._reader = reader
        self._name = name
        self._queries = queries
        self._nearest = self._exact(clock)

    def result(self) -> GraphSearch:
        """The least `ef` of the ladder that is enough, or what is done where none is."""
        recall = 0.0
        for ef in LADDER:
            recall = self._recall(ef)
            if recall >= RECALL:
                return GraphSearch(ef, recall)
        collection = self._reader.collection
        if 4 * collection.points * collection.dim_of(self._name) <= EXACT_BYTES:
            return GraphSearch(None, 1.0)
        return GraphSearch(LADDER[-1], recall)

    def _exact(self, clock: Callable[[], float]) -> list[list[Hit]]:
        """The nearest neighbours of each query, of as many as the time allows."""
        found: list[list[Hit]] = []
        end = clock() + SECONDS
        while len(found) < len(self._queries) and not (found and clock() > end):
            found += self._search(self._queries[len(found) : len(found) + BLOCK], None)
        return found

    def _recall(self, ef: int) -> float:
        """The share of the nearest that is found; one of equal scores is as good as another."""
        answers = self._search(self._queries[: len(self._nearest)], ef)
        found = sum(
            hit.score >= nearest[-1].score - TOLERANCE
            for hits, nearest in zip(answers, self._nearest, strict=True)
            for hit in hits
        )
        return found / max(sum(map(len, self._nearest)), 1)

    def _search(self, queries: Sequence[tuple[str, np.ndarray]], ef: int | None) -> list[list[Hit]]:
        """The K nearest neighbours of each query; exact without `ef`."""
        answers = self._reader.search(
            [
                Search(self._name, vector, K + 1, [], ef is None, ef or layout.EF, payload=())
                for _, vector in queries
            ]
        )
        return [
            [hit for hit in hits if hit.id != product][:K]
            for (product, _), hits in zip(queries, answers, strict=True)
        ]
