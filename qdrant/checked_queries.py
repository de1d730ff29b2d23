"""Queries, checked against a collection and searched: the k best of each."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from qdrant import layout
from qdrant.engine import Search
from qdrant.errors import InvalidQuery
from qdrant.filters import conditions_of, needs_acorn
from qdrant.model import Collection, Id, Ranking, SparseVector, VectorQuery
from qdrant.points import sparse_fault
from qdrant.ranking import top_hits


def top_of_each(
    collection: Collection,
    queries: Sequence[VectorQuery],
    fetch: Callable[[Sequence[int], Sequence[Search]], list[Ranking[Id]]],
) -> list[Ranking[Id]]:
    """Return the k best of each query.

    Args:
        collection: that is searched.
        queries: checked here.
        fetch: searches for the queries of these numbers.

    Raises:
        InvalidQuery: a query does not fit the collection.
    """
    searches = [_search(collection, query) for query in queries]
    if not (collection.points and searches):
        return [Ranking() for _ in searches]

    def fetch_limited(numbers: Sequence[int], limits: Sequence[int]) -> list[Ranking[Id]]:
        limited = {
            number: replace(searches[number], limit=min(limit, collection.points))
            for number, limit in zip(numbers, limits, strict=True)
            if searches[number].vector not in collection.unused
        }
        found = dict(zip(limited, fetch(list(limited), list(limited.values())), strict=True))
        return [found.get(number, Ranking()) for number in numbers]

    return top_hits(
        fetch_limited, [query.k for query in queries], [query.ties for query in queries]
    )


def _search(collection: Collection, query: VectorQuery) -> Search:
    """Return a query as the engine's, with its own k as the limit.

    Raises:
        InvalidQuery: it does not fit the collection.
    """
    if query.k < 1:
        raise InvalidQuery(f"A search needs k of at least 1, not {query.k}.")
    if query.k > layout.MAX_RESULTS:
        raise InvalidQuery(
            f"A search returns at most {layout.MAX_RESULTS:,} products, not {query.k:,}."
        )
    known = collection.sparse if isinstance(query.query, SparseVector) else collection.vectors
    if query.vector not in known:
        raise InvalidQuery(
            f"Variant '{collection.variant}' has no vector '{query.vector}'; "
            f"it has {', '.join(collection.vectors + collection.sparse)}."
        )
    checked: np.ndarray | SparseVector
    if isinstance(query.query, SparseVector):
        checked, scanned = _check_terms(query.query), False
    else:
        checked = _check_vector(collection, query.vector, query.query)
        scanned = layout.scan_all(collection.points, len(checked))
    measured = collection.graphs.get(query.vector)
    ef = query.ef or (measured.ef if measured else layout.EF)
    exact = query.exact or scanned or ef is None
    conditions = conditions_of(query.filters, collection)
    if ef and not query.ef and needs_acorn(conditions):
        ef = max(ef, layout.FILTERED_EF)
    return Search(
        query.vector,
        checked,
        query.k,
        conditions,
        exact,
        ef or layout.EF,
        query.payload,
    )


def _check_vector(collection: Collection, name: str, vector: np.ndarray) -> np.ndarray:
    """Return the vector of a query as float32 (d,)."""
    array = np.asarray(vector, dtype=np.float32)
    dim = collection.dim_of(name)
    if array.shape != (dim,):
        raise InvalidQuery(
            f"The query has shape {array.shape}, the vectors '{name}' of variant "
            f"'{collection.variant}' have {dim} dimensions; encode it with that variant."
        )
    if not np.isfinite(array).all() or not array.any():
        raise InvalidQuery("The query vector is zero or not finite, so it has no nearest product.")
    return array


def _check_terms(terms: SparseVector) -> SparseVector:
    if fault := sparse_fault(terms):
        raise InvalidQuery(f"The query's sparse vector {fault}.")
    return terms
