"""Exact search and FAISS over plain matrices, and a matrix of each vector of a collection.

The rows of a matrix are the products in ascending order of id, so that equal scores in ascending
order of row are in ascending order of id.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from qdrant.model import VECTORS, Point

# 64 queries × 100,000 products × 4 bytes is 26 MB of scores at a time.
QUERY_BLOCK = 64
NONE = -1  # the row of a position that no product fills, as in FAISS

# FAISS's own example settings for HNSW are M = 32; construction at 200 is what its wiki
# uses where recall matters, and 128 is the breadth that our Qdrant collections search with.
HNSW_M = 32
HNSW_EF_CONSTRUCTION = 200
HNSW_EF = 128


@dataclass(frozen=True)
class Matrices:
    """Products and their vectors, one matrix for each name.

    Attributes:
        ids: product ids.
        payloads: of the products.
        vectors: float32 unit vectors (m, d) by name; products without a picture are not among
            `image` and `fused`.
        products: for each row of a vector's matrix, the number of its product in `ids`.
    """

    ids: Sequence[str]
    payloads: Sequence[Mapping[str, Any]]
    vectors: Mapping[str, np.ndarray]
    products: Mapping[str, np.ndarray]


def stack(points: Iterable[Point]) -> Matrices:
    """The matrices of some points, in their order."""
    ids, payloads = [], []
    vectors: dict[str, list[np.ndarray]] = {name: [] for name in VECTORS}
    products: dict[str, list[int]] = {name: [] for name in VECTORS}
    for number, point in enumerate(points):
        ids.append(point.id)
        payloads.append(point.payload)
        for name, vector in point.vectors.items():
            vectors[name].append(vector)
            products[name].append(number)
    return Matrices(
        ids,
        payloads,
        {
            name: np.array(rows, np.float32).reshape(len(rows), len(rows[0]) if rows else 0)
            for name, rows in vectors.items()
        },
        {name: np.array(numbers, np.int64) for name, numbers in products.items()},
    )


class Index(Protocol):
    """Finds the rows that have the greatest inner product with a query."""

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows for each query.

        Args:
            queries: float32 of shape (n, d).
            k: how many.
            allowed: bool of shape (m,): the rows that may be found; None allows all.

        Returns:
            Scores (n, k), best first, and rows (n, k); a position that no row fills is `NONE`.
        """


class ExactIndex:
    """Computes every inner product; approximate indexes are measured against it.

    Args:
        vectors: float32 of shape (m, d).
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self.vectors = vectors

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows for each query; see `Index.search`."""
        rows = np.arange(len(self.vectors)) if allowed is None else np.flatnonzero(allowed)
        vectors = self.vectors if allowed is None else self.vectors[rows]
        kept = min(k, len(rows))
        scores = np.full((len(queries), k), -np.inf, np.float32)
        found = np.full((len(queries), k), NONE, np.int64)
        for start in range(0, len(queries) if kept else 0, QUERY_BLOCK):
            block = slice(start, start + QUERY_BLOCK)
            products = queries[block] @ vectors.T
            best = top_k(products, kept)
            scores[block, :kept] = np.take_along_axis(products, best, axis=1)
            found[block, :kept] = rows[best]
        return scores, found


class FaissIndex:
    """FAISS over the same vectors: flat, which is exact, or HNSW, a graph.

    Args:
        vectors: float32 of shape (m, d).
        kind: `flat` or `hnsw`.

    Raises:
        ValueError: another kind.
    """

    def __init__(self, vectors: np.ndarray, kind: str = "flat") -> None:
        import faiss  # only the baseline needs it

        self._faiss: Any = faiss  # its stubs lack some of SWIG's overloads
        dim = vectors.shape[1]
        if kind == "flat":
            self.index = self._faiss.IndexFlatIP(dim)
        elif kind == "hnsw":
            self.index = self._faiss.IndexHNSWFlat(dim, HNSW_M, faiss.METRIC_INNER_PRODUCT)
            self.index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
        else:
            raise ValueError(f"There is no FAISS index of kind {kind!r}: flat or hnsw.")
        self.kind = kind
        self.index.add(np.ascontiguousarray(vectors, np.float32))

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows for each query; a filter is a selector. See `Index.search`."""
        queries = np.ascontiguousarray(queries, np.float32)
        # FAISS holds bare pointers: bitmap and selector must live until the search has returned.
        bitmap = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if bitmap is None else self._faiss.IDSelectorBitmap(bitmap)
        if self.kind == "hnsw":
            ef = max(HNSW_EF, k)
            parameters = self._faiss.SearchParametersHNSW(sel=selector, efSearch=ef)
        else:
            parameters = self._faiss.SearchParameters(sel=selector)
        scores, rows = self.index.search(queries, k, params=parameters)
        scores[rows == NONE] = -np.inf  # FAISS marks an empty position with the least float
        return scores, rows


def top_k(scores: np.ndarray, k: int) -> np.ndarray:
    """The columns of the k greatest scores of each row, best first, equals by ascending column.

    Args:
        scores: of shape (n, m).
        k: how many, at most m.

    Returns:
        Int of shape (n, k).
    """
    columns = scores.shape[1]
    if k >= columns:
        return np.argsort(-scores, axis=1, kind="stable")
    least = np.partition(scores, columns - k, axis=1)[:, columns - k]
    best = np.empty((len(scores), k), np.int64)
    for row, (values, bound) in enumerate(zip(scores, least, strict=True)):
        candidates = np.flatnonzero(values >= bound)
        best[row] = candidates[np.argsort(-values[candidates], kind="stable")[:k]]
    return best
