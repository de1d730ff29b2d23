"""The store's types as those of `qdrant_edge`, and back."""

import json
import os

import numpy as np
import qdrant_edge as qe

from qdrant import layout
from qdrant.filters import Between, Condition, HasId, HasVector, OneOf, needs_acorn
from qdrant.model import Hit, Point, Spec
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


def hit(found: qe.ScoredPoint) -> Hit:
    """Return a product found."""
    payload = found.payload or {}
    return Hit(payload["id"], found.score, payload)


def point(record: qe.Record) -> Point:
    """Return a product read; it has vectors only when they were read too."""
    payload = record.payload or {}
    named = record.vector if isinstance(record.vector, dict) else {}
    vectors = {name: np.asarray(vector, dtype=np.float32) for name, vector in named.items()}
    return Point(payload["id"], payload, vectors)


def search_params(conditions: list[Condition], *, exact: bool, ef: int) -> qe.SearchParams:
    """Return how to search: int8 candidates are rescored on the original vectors."""
    return qe.SearchParams(
        hnsw_ef=ef,
        exact=exact,
        acorn=qe.AcornSearchParams(enable=needs_acorn(conditions), max_selectivity=1.0),
        quantization=qe.QuantizationSearchParams(rescore=True, oversampling=layout.OVERSAMPLING),
    )


def stored(row: Row) -> qe.Point:
    """Return a checked point as the engine's."""
    vectors = {name: vector.tolist() for name, vector in row.vectors.items()}
    return qe.Point(row.key, vectors, json.loads(row.payload))
