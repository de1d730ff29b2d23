"""A gallery behind the vector store's protocol, so that the one search engine runs over it.

Only the reading half is there: a gallery is never written to.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from types import TracebackType
from typing import Self

import numpy as np

from encoder.variant import Variant
from eval.gallery import Gallery
from eval.indexes import NONE, CategoryIndexes, ExactIndex, FaissIndex, Index
from qdrant.model import NO_FILTERS, Collection, Filters, Hit, Point
from qdrant.points import point_id

# By the name of the engine. FAISS flat is what the reference system has; HNSW is the graph
# that Qdrant has too.
INDEXES: dict[str, Callable[[np.ndarray], Index]] = {
    "exact": ExactIndex,
    "faiss": lambda vectors: FaissIndex(vectors, "flat"),
    "faiss-hnsw": lambda vectors: FaissIndex(vectors, "hnsw"),
}


class GalleryStore:
    """Searches a gallery through an index.

    Args:
        variant: whose vectors they are.
        gallery: the products.
        engine: a name of `INDEXES`.
        by_category: FAISS only: a search within one category uses an index of that category
            alone, as the reference system does, and not a selector.
    """

    def __init__(
        self,
        variant: Variant,
        gallery: Gallery,
        engine: str = "exact",
        *,
        by_category: bool = False,
    ) -> None:
        self.gallery = gallery
        self._variant = variant
        self._make = INDEXES[engine]
        self._by_category = by_category and engine != "exact"
        self._indexes: dict[str, Index] = {}
        self._category_indexes: dict[str, CategoryIndexes] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is held open."""

    def collection(self, variant: str) -> Collection:
        """The gallery as a collection that is always of the variant's present state."""
        return self._collection

    def search(
        self,
        variant: str,
        queries: np.ndarray,
        *,
        vector: str = "fused",
        k: int = 10,
        filters: Filters = NO_FILTERS,
        exact: bool = False,
        ef: int | None = None,
    ) -> list[list[Hit]]:
        """The k best products for each query, best first, equals ascending by id."""
        k = min(k, len(self.gallery.rows[vector]))
        if not k:
            return [[] for _ in queries]
        indexes = self._of_categories(vector) if self._by_category else None
        if indexes and _names_one_category(filters) and filters.categories[0] in indexes:
            scores, rows = indexes.search(queries, k, filters.categories[0])
        else:
            allowed = self.gallery.allowed(filters)
            if allowed is not None:
                allowed = allowed[self.gallery.rows[vector]]
            scores, rows = self._index(vector).search(queries, k, allowed)
        return [
            self._hits(vector, *each) for each in zip(scores.tolist(), rows.tolist(), strict=True)
        ]

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """How many products a filter lets through."""
        allowed = self.gallery.allowed(filters)
        return len(self.gallery.payloads) if allowed is None else int(allowed.sum())

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """How many products each value of a field holds, the most first."""
        allowed = self.gallery.allowed(filters)
        words = self.gallery.words(field)
        counts = Counter(words if allowed is None else words[allowed])
        del counts[""]
        return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:limit])

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Products by id; those that are not there are left out."""
        place = self.gallery.place
        return {name: self._point(place[name], vectors) for name in ids if name in place}

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Every product, ascending by point id as the stores of `qdrant/` have it."""
        for name in sorted(self.gallery.ids, key=point_id):
            yield self._point(self.gallery.place[name], vectors)

    def close(self) -> None:
        """Nothing is held open."""

    @cached_property
    def _collection(self) -> Collection:
        variant = self._variant
        return Collection(
            variant=variant.name,
            fingerprint=variant.fingerprint,
            dim=variant.dim,
            base=variant.base,
            generation="in memory",
            points=len(self.gallery.payloads),
            created="",
        )

    def _index(self, vector: str) -> Index:
        if vector not in self._indexes:
            self._indexes[vector] = self._make(self.gallery.vectors[vector])
        return self._indexes[vector]

    def _of_categories(self, vector: str) -> CategoryIndexes:
        if vector not in self._category_indexes:
            categories = self.gallery.words("category")[self.gallery.rows[vector]]
            self._category_indexes[vector] = CategoryIndexes(
                self.gallery.vectors[vector], categories, self._make
            )
        return self._category_indexes[vector]

    def _hits(self, vector: str, scores: list[float], rows: list[int]) -> list[Hit]:
        payloads, owners = self.gallery.payloads, self.gallery.rows[vector]
        hits = []
        for score, row in zip(scores, rows, strict=True):
            if row != NONE:
                payload = dict(payloads[owners[row]])
                hits.append(Hit(payload["id"], score, payload))
        return hits

    def _point(self, number: int, vectors: bool) -> Point:
        carried = {}
        if vectors:
            for name, places in self.gallery.place_of_row.items():
                if places[number] >= 0:
                    carried[name] = self.gallery.vectors[name][places[number]]
        return Point(self.gallery.ids[number], dict(self.gallery.payloads[number]), carried)


def _names_one_category(filters: Filters) -> bool:
    return len(filters.categories) == 1 and filters == Filters(categories=filters.categories)
