"""The store's types as those of `qdrant_edge`."""

import json
import os

import numpy as np
import qdrant_edge as qe

from qdrant import layout
from qdrant.engine import Search
from qdrant.filters import Between, Condition, HasId, HasVector, OneOf, needs_acorn
from qdrant.model import Spec
from qdrant.points import Row

# More threads than this make a disconnected graph (Qdrant's own bound is 8 to 16).
INDEXING_THREADS = min(os.cpu_count() or 1, 8)


def config(spec: Spec) -> qe.EdgeConfig:
    """Return the parameters of a new collection."""
    params = qe.EdgeVectorParams(size=spec.dim, distance=qe.Distance.Cosine)
    return qe.EdgeConfig(
        vectors=dict.fromkeys(spec.vectors, params),
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
            case HasVector(name, yes):
                (must if yes else must_not).append(qe.HasVectorCondition(name))
            case HasId(keys, yes):
                (must if yes else must_not).append(qe.HasIdCondition(set(keys)))
    return qe.Filter(must=must, must_not=must_not)


def query(vector: np.ndarray, search: Search) -> qe.QueryRequest:
    """Return the request for the nearest points of one vector of shape (d,).

    Candidates found by int8 are rescored on the original vectors.
    """
    acorn = qe.AcornSearchParams(enable=needs_acorn(search.conditions), max_selectivity=1.0)
    rescored = qe.QuantizationSearchParams(rescore=True, oversampling=layout.OVERSAMPLING)
    return qe.QueryRequest(
        query=qe.Query.Nearest(vector.tolist(), using=search.vector),
        limit=search.limit,
        filter=filter_of(search.conditions),
        params=qe.SearchParams(
            hnsw_ef=search.ef, exact=search.exact, acorn=acorn, quantization=rescored
        ),
        with_payload=True,
    )


def point(row: Row) -> qe.Point:
    """Return a checked point as the engine's."""
    vectors = {name: vector.tolist() for name, vector in row.vectors.items()}
    return qe.Point(row.key, vectors, json.loads(row.payload))
