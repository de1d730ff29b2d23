"""The store's types as those of `qdrant_edge`."""

import json
import os
from typing import Any

import numpy as np
import qdrant_edge as qe

from qdrant import layout
from qdrant.engine import Search
from qdrant.filters import Between, Condition, HasId, HasPhrase, HasVector, OneOf, needs_acorn
from qdrant.model import SparseVector, Spec
from qdrant.points import Row

# More threads than this make a disconnected graph (Qdrant's own bound is 8 to 16).
INDEXING_THREADS = min(os.cpu_count() or 1, 8)


def config(spec: Spec) -> qe.EdgeConfig:
    """Return the parameters of a new collection."""
    return qe.EdgeConfig(
        vectors={
            name: qe.EdgeVectorParams(size=spec.dim_of(name), distance=qe.Distance.Cosine)
            for name in spec.vectors
        },
        sparse_vectors={
            name: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf) for name in spec.sparse
        },
        hnsw_config=qe.HnswIndexConfig(
            m=layout.HNSW_M,
            ef_construct=layout.HNSW_EF_CONSTRUCT,
            full_scan_threshold=layout.FULL_SCAN_KIB,
            max_indexing_threads=INDEXING_THREADS,
        ),
        # Cached, not Pinned: as fast, and readers in several processes share one copy.
        quantization_config=qe.ScalarQuantizationConfig(
            type=qe.ScalarType.Int8, memory=qe.Memory.Cached
        ),
    )


def filter_of(conditions: list[Condition]) -> qe.Filter | None:
    """Return conditions as the engine's filter, None for none."""
    if not conditions:
        return None
    must: list[qe.ConditionType] = []
    must_not: list[qe.ConditionType] = []
    for condition in conditions:
        match condition:
            case OneOf(field, values):
                must.append(qe.FieldCondition(key=field, match=qe.MatchAny(list(values))))
            case Between(field, low, high):
                must.append(qe.FieldCondition(key=field, range=qe.RangeFloat(gte=low, lte=high)))
            case HasPhrase(field, terms, yes):
                phrase = qe.FieldCondition(key=field, match=qe.MatchPhrase(terms))
                (must if yes else must_not).append(phrase)
            case HasVector(name, yes):
                (must if yes else must_not).append(qe.HasVectorCondition(name))
            case HasId(keys, yes):
                (must if yes else must_not).append(qe.HasIdCondition(set(keys)))
    return qe.Filter(must=must, must_not=must_not)


def query(search: Search) -> qe.QueryRequest:
    """Return the request of a search.

    Candidates found by int8 are rescored on the original vectors.
    """
    acorn = qe.AcornSearchParams(enable=needs_acorn(search.conditions), max_selectivity=1.0)
    rescored = qe.QuantizationSearchParams(rescore=True, oversampling=layout.OVERSAMPLING)
    return qe.QueryRequest(
        query=qe.Query.Nearest(_query_vector(search.query), using=search.vector),
        limit=search.limit,
        filter=filter_of(search.conditions),
        params=qe.SearchParams(
            hnsw_ef=search.ef, exact=search.exact, acorn=acorn, quantization=rescored
        ),
        with_payload=True if search.payload is None else ["id", *search.payload],
    )


def point(row: Row) -> qe.Point:
    """Return a checked point as the engine's."""
    vectors: dict[str, Any] = {name: vector.tolist() for name, vector in row.vectors.items()}
    vectors |= {name: _sparse(vector) for name, vector in row.sparse.items()}
    return qe.Point(row.key, vectors, json.loads(row.payload))


def _query_vector(query: np.ndarray | SparseVector) -> list[float] | qe.SparseVector:
    return _sparse(query) if isinstance(query, SparseVector) else query.tolist()


def _sparse(vector: SparseVector) -> qe.SparseVector:
    return qe.SparseVector(vector.indices.tolist(), vector.values.tolist())
