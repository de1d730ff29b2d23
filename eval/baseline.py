"""The baselines: exact search and FAISS over the vectors of a published collection.

The reference system keeps an `IndexFlatIP` for each category. FAISS holds no payload, so a filter
is either such an index of its own or a selector of rows; both are here.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eval.indexes import NONE, ExactIndex, FaissIndex, Index, stack
from qdrant.model import NO_FILTERS, Collection, Filters, Hit, Point, Ranking, VectorQuery
from qdrant.ranking import top_hits
from qdrant.store import Store

# FAISS flat is the reference system's index; HNSW is a graph, as in Qdrant.
INDEXES: dict[str, Callable[[np.ndarray], Index]] = {
    "exact": ExactIndex,
    "faiss": lambda vectors: FaissIndex(vectors, "flat"),
    "faiss-hnsw": lambda vectors: FaissIndex(vectors, "hnsw"),
}
ENGINES = ("qdrant", *INDEXES)


class BaselineStore:
    """What the search engine reads of a store, with another index in Qdrant's place.

    Args:
        store: holds the collection; its vectors are read once, into memory.
        variant: whose collection.
        engine: a name of `INDEXES`.
        by_category: FAISS only: a search within one category uses an index of that category
            alone, as the reference system does, and not a selector.

    Raises:
        CollectionMissing: the variant has no collection yet.
    """

    def __init__(
        self, store: Store, variant: str, engine: str, *, by_category: bool = False
    ) -> None:
        self._store = store
        self._make = INDEXES[engine]
        self._by_category = by_category and engine != "exact"
        points = sorted(store.scroll(variant, vectors=True), key=lambda point: point.id)
        self._points = stack(points)
        self._categories = [
            payload.get("categories", [payload.get("category", "")])
            for payload in self._points.payloads
        ]
        self._pictured = np.zeros(len(points), bool)
        self._pictured[self._points.products["image"]] = True
        self._indexes: dict[tuple[str, str], tuple[Index, np.ndarray]] = {}

    def collection(self, variant: str) -> Collection:
        """The published collection."""
        return self._store.collection(variant)

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """How many products match."""
        return self._store.count(variant, filters)

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """How many products each value of a field has, most frequent first."""
        return self._store.facet(variant, field, filters, limit)

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Points by product id, as the store has them."""
        return self._store.retrieve(variant, ids, vectors=vectors)

    def facts(
        self, variant: str, numbers: Iterable[int], names: Sequence[str]
    ) -> dict[int, dict[str, Any]]:
        """The payloads of products, by their numbers."""
        return {number: dict(self._points.payloads[number]) for number in numbers}

    def rank_batch(self, variant: str, queries: Sequence[VectorQuery]) -> list[Ranking[int]]:
        """The best products of each query; those with the same filters are one search.

        Products are numbered by ascending id.

        Raises:
            ValueError: a filter other than by category or by having a picture.
        """
        groups: dict[tuple[str, int, Filters], list[int]] = defaultdict(list)
        for row, query in enumerate(queries):
            groups[query.vector, query.k, query.filters].append(row)
        found: list[Ranking[int]] = [Ranking() for _ in queries]
        for (vector, k, filters), rows in groups.items():
            dense = np.stack([np.asarray(queries[row].query) for row in rows])
            for row, each in zip(rows, self._rank(dense, vector, k, filters), strict=True):
                found[row] = each
        return found

    def search(
        self,
        variant: str,
        queries: np.ndarray,
        *,
        vector: str,
        k: int,
        filters: Filters = NO_FILTERS,
    ) -> list[list[Hit]]:
        """The k best products for each query, best first, ties by ascending id.

        Raises:
            ValueError: a filter other than by category or by having a picture.
        """
        return [
            [
                self._hit(product, score)
                for product, score in zip(each.ids[:k], each.scores[:k], strict=True)
            ]
            for each in self._rank(queries, vector, k, filters)
        ]

    def _rank(
        self, queries: np.ndarray, vector: str, k: int, filters: Filters
    ) -> list[Ranking[int]]:
        """The best products for each query, by their numbers."""
        category = filters.categories[0] if len(filters.categories) == 1 else ""
        if self._by_category and category and filters == Filters(categories=(category,)):
            index, rows = self._index(vector, category)
            allowed = None
        else:
            index, rows = self._index(vector, "")
            allowed = self._allowed(filters, rows)
        if not len(rows):
            return [Ranking() for _ in queries]

        def fetch(numbers: Sequence[int], limits: Sequence[int]) -> list[Ranking[int]]:
            limit = min(max(limits), len(rows))
            scores, found = index.search(queries[list(numbers)], limit, allowed)
            # Products are numbered by ascending id, so ties are too.
            return [
                Ranking(rows[places[places != NONE]].tolist(), each[places != NONE].tolist())
                for places, each in zip(found, scores, strict=True)
            ]

        return top_hits(fetch, [k] * len(queries))

    def _index(self, vector: str, category: str) -> tuple[Index, np.ndarray]:
        """An index of one category, or of all, and the product of each of its rows."""
        if (vector, category) not in self._indexes:
            products, vectors = self._points.products[vector], self._points.vectors[vector]
            if category:
                within = self._of(category)[products]
                products, vectors = products[within], vectors[within]
            self._indexes[vector, category] = self._make(vectors), products
        return self._indexes[vector, category]

    def _allowed(self, filters: Filters, products: np.ndarray) -> np.ndarray | None:
        """Which rows a filter lets through, bool (m,); None where it is no filter."""
        if filters == NO_FILTERS:
            return None
        if replace(filters, categories=(), has_picture=None) != NO_FILTERS:
            raise ValueError(f"The baselines filter by category and picture only, not {filters}.")
        allowed = np.ones(len(products), bool)
        if filters.categories:
            allowed &= self._of(*filters.categories)[products]
        if filters.has_picture is not None:
            allowed &= self._pictured[products] == filters.has_picture
        return allowed

    def _of(self, *categories: str) -> np.ndarray:
        """Which products have one of these categories, bool of shape (n,)."""
        wanted = set(categories)
        return np.array([not wanted.isdisjoint(names) for names in self._categories], bool)

    def _hit(self, product: int, score: float) -> Hit:
        return Hit(self._points.ids[product], score, dict(self._points.payloads[product]))
