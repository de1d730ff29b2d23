"""The store's types as those of `qdrant_edge`."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import qdrant_edge as qe

from qdrant import layout
from qdrant.embedded.point_ids import PointId, upper_half
from qdrant.engine import Search
from qdrant.filters import (
    AnyOf,
    Between,
    Condition,
    HasId,
    HasPhrase,
    HasVector,
    Not,
    OneOf,
    Positive,
    needs_acorn,
)
from qdrant.model import SparseVector, Spec
from qdrant.points import Row
from qdrant.storage import Kept, Searched

Quantization = qe.ScalarQuantizationConfig | qe.TurboQuantQuantizationConfig
PayloadIndex = (
    qe.KeywordIndexParams | qe.FloatIndexParams | qe.IntegerIndexParams | qe.DatetimeIndexParams
)
# More threads than this make a disconnected graph (Qdrant's own bound is 8 to 16).
INDEXING_THREADS = min(os.cpu_count() or 1, 8)


# Cached, not Pinned: as fast, and readers in several processes share one copy.
QUANTIZATIONS: Mapping[Searched, Callable[[], Quantization | None]] = {
    "": lambda: None,
    "int8": lambda: qe.ScalarQuantizationConfig(type=qe.ScalarType.Int8, memory=qe.Memory.Cached),
    "turbo4": lambda: qe.TurboQuantQuantizationConfig(
        bits=qe.TurboQuantBitSize.Bits4, memory=qe.Memory.Cached
    ),
}
DATATYPES: Mapping[Kept, qe.VectorStorageDatatype] = {
    "float32": qe.VectorStorageDatatype.Float32,
    "turbo16": qe.VectorStorageDatatype.Turbo16,
    "turbo8": qe.VectorStorageDatatype.Turbo8,
}


def config(spec: Spec) -> qe.EdgeConfig:
    """Return the parameters of a new collection."""
    storage = spec.stored_as
    return qe.EdgeConfig(
        vectors={
            name: qe.EdgeVectorParams(
                size=spec.dim_of(name),
                distance=qe.Distance.Cosine,
                datatype=DATATYPES[storage.kept],
                memory=qe.Memory.Cold if storage.searched else qe.Memory.Cached,
            )
            for name in spec.stored
        },
        sparse_vectors={
            name: qe.EdgeSparseVectorParams(modifier=qe.Modifier.Idf, memory=qe.Memory.Cached)
            for name in spec.sparse
        },
        hnsw_config=qe.HnswIndexConfig(
            m=layout.HNSW_M,
            ef_construct=layout.HNSW_EF_CONSTRUCT,
            full_scan_threshold=layout.stored_kib(layout.FULL_SCAN_KIB, spec),
            max_indexing_threads=INDEXING_THREADS,
        ),
        optimizers=qe.EdgeOptimizersConfig(
            indexing_threshold=layout.stored_kib(layout.FULL_SCAN_KIB, spec)
        ),
        quantization_config=QUANTIZATIONS[storage.searched](),
    )


# Cached indexes are mapped files. In memory, with the sparse vectors, those of 100,000 generated
# products took 1.05 s of processor time to open, in which nothing else runs, instead of 0.14, and
# 102 MB in each reader instead of 5. Mapped, a search by graph under an attribute that half of the
# products have takes 4.5 ms of processor time instead of 3.2, under three conditions 4.7 instead of
# 3.8, and by words under these 4.3 instead of 3.5; without a filter it takes as long.
INDEXES: Mapping[layout.Kind, Callable[[], PayloadIndex]] = {
    "keyword": lambda: qe.KeywordIndexParams(memory=qe.Memory.Cached),
    "float": lambda: qe.FloatIndexParams(enable_hnsw=False, memory=qe.Memory.Cached),
    "integer": lambda: qe.IntegerIndexParams(enable_hnsw=False, memory=qe.Memory.Cached),
    "date": lambda: qe.DatetimeIndexParams(enable_hnsw=False, memory=qe.Memory.Cached),
}


def filter_of(conditions: Sequence[Condition]) -> qe.Filter | None:
    """Return conditions as the engine's filter, None for none."""
    if not conditions:
        return None
    return qe.Filter(
        must=[_condition(each) for each in conditions if not isinstance(each, Not)],
        must_not=[_condition(each.condition) for each in conditions if isinstance(each, Not)],
    )


def _condition(condition: Positive) -> "qe.ConditionType":
    match condition:
        case OneOf(field, values):
            return qe.FieldCondition(key=field, match=qe.MatchAny(list(values)))
        case Between(field, bounds):
            dated = any(isinstance(each, str) for each in bounds.bounds)
            within = (qe.RangeDateTime if dated else qe.RangeFloat)(**asdict(bounds))
            return qe.FieldCondition(key=field, range=within)
        case HasPhrase(field, terms):
            return qe.FieldCondition(key=field, match=qe.MatchPhrase(terms))
        case HasVector(name):
            return qe.HasVectorCondition(name)
        case HasId(keys):  # as numbers and as UUIDs: a generation has one or the other
            return qe.HasIdCondition({*map(upper_half, keys), *keys})
        case AnyOf(alternatives):
            return qe.Filter(should=list(map(_condition, alternatives)))


def query(
    search: Search, matching: qe.Filter | None, with_payload: bool | list[str]
) -> qe.QueryRequest:
    """Return the request of a search, with its conditions as the engine's filter.

    Candidates found by a smaller copy are rescored by the kept vectors.
    """
    acorn = qe.AcornSearchParams(enable=needs_acorn(search.conditions), max_selectivity=1.0)
    oversampling = layout.oversampling(search.limit)
    rescored = qe.QuantizationSearchParams(rescore=True, oversampling=oversampling)
    return qe.QueryRequest(
        query=qe.Query.Nearest(_query_vector(search.query), using=search.vector),
        limit=search.limit,
        filter=matching,
        params=qe.SearchParams(
            hnsw_ef=search.ef, exact=search.exact, acorn=acorn, quantization=rescored
        ),
        with_payload=with_payload,
    )


def point(row: Row, point_id: PointId) -> qe.Point:
    """Return a checked point as the engine's."""
    vectors: dict[str, Any] = {name: vector.tolist() for name, vector in row.vectors.items()}
    vectors |= {name: _sparse(vector) for name, vector in row.sparse.items()}
    return qe.Point(point_id, vectors, json.loads(row.payload))


def _query_vector(query: np.ndarray | SparseVector) -> list[float] | qe.SparseVector:
    return _sparse(query) if isinstance(query, SparseVector) else query.tolist()


def _sparse(vector: SparseVector) -> qe.SparseVector:
    return qe.SparseVector(vector.indices.tolist(), vector.values.tolist())
