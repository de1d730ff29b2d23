"""Indexes over plain matrices: exact search as the truth, and FAISS as the baseline.

The reference system keeps an `IndexFlatIP` for each category. FAISS knows no payload, so a
filter is either such an index of its own or a selector of rows, and both are here.

Rows of a matrix are the products in ascending order of id, so that equal scores in ascending
order of row are in ascending order of id.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import faiss
import numpy as np

from eval.errors import GalleryError

_FAISS: Any = faiss  # its stubs know less of SWIG's overloads than it takes

# 64 queries × 100,000 products × 4 bytes is 26 MB of scores at a time.
QUERY_BLOCK = 64
NONE = -1  # the row of a place that no product fills, as FAISS has it

# FAISS's own example settings for HNSW are M = 32; construction at 200 is what its wiki
# uses where recall matters, and 128 is the breadth that our Qdrant collections search with.
HNSW_M = 32
HNSW_EF_CONSTRUCTION = 200
HNSW_EF = 128


class Index(Protocol):
    """Run which rows have the greatest inner product with a query."""

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows for each query.

        Args:
            queries: float32 of shape (n, d).
            k: how many.
            allowed: bool of shape (m,): the rows that may be found; None allows all.

        Returns:
            Scores (n, k), best first, and rows (n, k); a place that no row fills is `NONE`.
        """


class ExactIndex:
    """Every inner product, computed; what approximate indexes are measured against.

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
        if kept:
            for start in range(0, len(queries), QUERY_BLOCK):
                block = slice(start, start + QUERY_BLOCK)
                products = queries[block] @ vectors.T
                best = _best(products, kept)
                scores[block, :kept] = np.take_along_axis(products, best, axis=1)
                found[block, :kept] = rows[best]
        return scores, found


class FaissIndex:
    """FAISS over the same vectors: flat, which is exact, or HNSW, a graph.

    Args:
        vectors: float32 of shape (m, d).
        kind: `flat` or `hnsw`.
        ef: breadth of a search of the graph; can be changed between searches.

    Raises:
        ValueError: another kind.
    """

    def __init__(self, vectors: np.ndarray, kind: str = "flat", *, ef: int = HNSW_EF) -> None:
        dim = vectors.shape[1]
        if kind == "flat":
            self.index = _FAISS.IndexFlatIP(dim)
        elif kind == "hnsw":
            self.index = _FAISS.IndexHNSWFlat(dim, HNSW_M, _FAISS.METRIC_INNER_PRODUCT)
            self.index.hnsw.efConstruction = HNSW_EF_CONSTRUCTION
        else:
            raise ValueError(f"There is no FAISS index of kind {kind!r}: flat or hnsw.")
        self.kind = kind
        self.ef = ef
        self.index.add(np.ascontiguousarray(vectors, np.float32))

    def search(
        self, queries: np.ndarray, k: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows for each query; a filter is a selector. See `Index.search`."""
        queries = np.ascontiguousarray(queries, np.float32)
        # FAISS holds bare pointers: the bitmap and the selector live until it has answered.
        bitmap = None if allowed is None else np.packbits(allowed, bitorder="little")
        selector = None if bitmap is None else _FAISS.IDSelectorBitmap(bitmap)
        if self.kind == "hnsw":
            settings = _FAISS.SearchParametersHNSW(sel=selector, efSearch=max(self.ef, k))
        else:
            settings = _FAISS.SearchParameters(sel=selector)
        scores, rows = self.index.search(queries, k, params=settings)
        scores[rows == NONE] = -np.inf  # FAISS marks an empty place with the least float
        return scores, rows


class CategoryIndexes:
    """One index for each category, as the reference system keeps them.

    Args:
        vectors: float32 of shape (m, d).
        categories: the category of each row.
        make: builds an index of some rows' vectors.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        categories: Sequence[str],
        make: Callable[[np.ndarray], Index] = FaissIndex,
    ) -> None:
        names, codes = np.unique(np.asarray(categories, object), return_inverse=True)
        self._rows = {name: np.flatnonzero(codes == code) for code, name in enumerate(names)}
        self._indexes = {name: make(vectors[rows]) for name, rows in self._rows.items()}

    def __contains__(self, category: str) -> bool:
        return category in self._indexes

    def search(self, queries: np.ndarray, k: int, category: str) -> tuple[np.ndarray, np.ndarray]:
        """The k best rows of one category; rows count through the whole matrix.

        Raises:
            GalleryError: no product has the category.
        """
        if category not in self:
            raise GalleryError(
                f"No product has the category “{category}”; there are {', '.join(self._indexes)}."
            )
        scores, found = self._indexes[category].search(queries, k)
        return scores, np.where(found == NONE, NONE, self._rows[category][found])


def _best(scores: np.ndarray, k: int) -> np.ndarray:
    """Columns of the k greatest of each row, greatest first, equals in order of column."""
    columns = scores.shape[1]
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k] if k < columns else None
    if best is None:
        return np.argsort(-scores, axis=1, kind="stable")[:, :k]
    best.sort(axis=1)
    order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
    return np.take_along_axis(best, order, axis=1)
