"""The store's types as those of `qdrant-client`."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from qdrant_client import grpc, models
from qdrant_client.conversions.conversion import RestToGrpc

from qdrant import layout
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
from qdrant.server.settings import Placement
from qdrant.storage import Kept, Searched

# Points per request, both ways: Qdrant advises 64 to 256, and at most 5 MB; 3 vectors of 512
# dimensions make 2.5 MB of JSON.
BATCH = 128
# Bytes of a request to store points, about: a server refuses 32 MiB by default.
BATCH_BYTES = 4_000_000
# Bytes of a number of a vector in JSON, as `DECIMALS` leaves it.
NUMBER_BYTES = 14
# Decimals of a vector's numbers. Within float32 of a unit vector, and 40 % less to send than the
# 17 digits that Python writes of every float32.
DECIMALS = 9
# Searches per request.
SEARCH_BATCH = 64
# Limits that no search of ours comes near, against others' expensive requests.
STRICT = models.StrictModeConfig(
    enabled=True,
    max_query_limit=layout.MAX_RESULTS,
    max_timeout=600,
    unindexed_filtering_retrieve=False,
    unindexed_filtering_update=False,
    search_max_hnsw_ef=4096,
    search_max_oversampling=16,
    search_max_batchsize=SEARCH_BATCH,
    upsert_max_batchsize=1000,
    filter_max_conditions=64,
    condition_max_size=20_000,  # products left out of a search are named one by one
)


INDEXES: Mapping[layout.Kind, models.PayloadSchemaParams] = {
    "keyword": models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD),
    "float": models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=False),
    "integer": models.IntegerIndexParams(type=models.IntegerIndexType.INTEGER, enable_hnsw=False),
    "date": models.DatetimeIndexParams(type=models.DatetimeIndexType.DATETIME, enable_hnsw=False),
    "phrases": models.TextIndexParams(
        type=models.TextIndexType.TEXT,
        tokenizer=models.TokenizerType.WHITESPACE,
        phrase_matching=True,
        enable_hnsw=False,
        on_disk=True,  # with the positions as large as the text
    ),
}


QUANTIZATIONS: Mapping[Searched, models.QuantizationConfig | None] = {
    "": None,
    "int8": models.ScalarQuantization(
        scalar=models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    ),
    "turbo4": models.TurboQuantization(
        turbo=models.TurboQuantQuantizationConfig(
            bits=models.TurboQuantBitSize.BITS4, always_ram=True
        )
    ),
}
# None is a server's default, so that float32 needs no server that has others.
DATATYPES: Mapping[Kept, models.Datatype | None] = {
    "float32": None,
    "turbo16": models.Datatype.TURBO16,
    "turbo8": models.Datatype.TURBO8,
}


def parameters(spec: Spec, placement: Placement, *, optimised: bool = False) -> dict[str, Any]:
    """Return the parameters of a new server collection: what is searched in memory, the rest not.

    Args:
        spec: what it holds.
        placement: how it is spread over a cluster.
        optimised: make graphs at once, for points that come with them. Otherwise nothing is
            optimised yet: `GRAPH` and `indexing` turn it on when all points are there, so that it
            is done once. A server that optimises while points arrive takes 7.5 times the final
            disk.
    """
    storage = spec.stored_as
    vectors = {
        name: models.VectorParams(
            size=spec.dim_of(name),
            distance=models.Distance.COSINE,
            on_disk=storage.searched != "",
            datatype=DATATYPES[storage.kept],
        )
        for name in spec.stored
    }
    idf = models.SparseVectorParams(modifier=models.Modifier.IDF)
    return {
        "vectors_config": vectors,
        "sparse_vectors_config": dict.fromkeys(spec.sparse, idf) or None,
        "quantization_config": QUANTIZATIONS[storage.searched],
        "hnsw_config": models.HnswConfigDiff(
            m=layout.HNSW_M if optimised else 0,
            ef_construct=layout.HNSW_EF_CONSTRUCT,
            full_scan_threshold=layout.stored_kib(layout.SERVER_FILTERED_SCAN_KIB, spec),
        ),
        "optimizers_config": models.OptimizersConfigDiff(
            indexing_threshold=layout.stored_kib(layout.FULL_SCAN_KIB, spec) if optimised else 0
        ),
        "on_disk_payload": True,
        "shard_number": placement.shards,
        "replication_factor": placement.replicas,
        "strict_mode_config": STRICT,
    }


GRAPH = models.HnswConfigDiff(m=layout.HNSW_M)


def indexing(spec: Spec) -> models.OptimizersConfigDiff:
    """Return the KiB of vectors from which a segment gets a graph and its smaller copies."""
    return models.OptimizersConfigDiff(
        indexing_threshold=layout.stored_kib(layout.FULL_SCAN_KIB, spec)
    )


def query(search: Search, with_payload: bool | list[str]) -> models.QueryRequest:
    """Return the request of a search.

    Candidates found by a smaller copy are rescored by the kept vectors.
    """
    acorn = models.AcornSearchParams(enable=needs_acorn(search.conditions), max_selectivity=1.0)
    oversampling = layout.oversampling(search.limit)
    rescored = models.QuantizationSearchParams(rescore=True, oversampling=oversampling)
    return models.QueryRequest(
        query=_query_vector(search.query),
        using=search.vector,
        limit=search.limit,
        filter=filter_of(search.conditions),
        params=models.SearchParams(
            hnsw_ef=search.ef, exact=search.exact, acorn=acorn, quantization=rescored
        ),
        with_payload=with_payload,
    )


def points(rows: Iterable[Row]) -> list[models.PointStruct]:
    """Return checked points as the client's."""
    return [
        models.PointStruct(id=str(row.key), payload=json.loads(row.payload), vector=_vectors(row))
        for row in rows
    ]


def grpc_points(rows: Iterable[Row]) -> list[grpc.PointStruct]:
    """Return checked points as gRPC's messages, straight from their arrays."""
    return [
        grpc.PointStruct(
            id=grpc.PointId(uuid=str(row.key)),
            payload=RestToGrpc.convert_payload(json.loads(row.payload)),
            vectors=grpc.Vectors(
                vectors=grpc.NamedVectors(
                    vectors={
                        **{
                            name: grpc.Vector(dense=grpc.DenseVector(data=vector))
                            for name, vector in row.vectors.items()
                        },
                        **{
                            name: grpc.Vector(
                                sparse=grpc.SparseVector(
                                    indices=vector.indices, values=vector.values
                                )
                            )
                            for name, vector in row.sparse.items()
                        },
                    }
                )
            ),
        )
        for row in rows
    ]


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield rows in batches of one request, cut by number and by bytes."""
    batch: list[Row] = []
    filled = 0
    for row in rows:
        numbers = sum(map(len, row.vectors.values()))
        numbers += sum(2 * len(vector.indices) for vector in row.sparse.values())
        size = len(row.payload.encode()) + NUMBER_BYTES * numbers
        if batch and (len(batch) == BATCH or filled + size > BATCH_BYTES):
            yield batch
            batch, filled = [], 0
        batch.append(row)
        filled += size
    if batch:
        yield batch


def filter_of(conditions: Sequence[Condition]) -> models.Filter | None:
    """Return conditions as the client's filter, None for none."""
    if not conditions:
        return None
    return models.Filter(
        must=[_condition(each) for each in conditions if not isinstance(each, Not)],
        must_not=[_condition(each.condition) for each in conditions if isinstance(each, Not)],
    )


def _condition(condition: Positive) -> models.Condition:
    match condition:
        case OneOf(field, values):
            return models.FieldCondition(key=field, match=models.MatchAny(any=list(values)))
        case Between(field, bounds):
            dated = any(isinstance(each, str) for each in bounds.bounds)
            within = (models.DatetimeRange if dated else models.Range)(**asdict(bounds))
            return models.FieldCondition(key=field, range=within)
        case HasPhrase(field, terms):
            return models.FieldCondition(key=field, match=models.MatchPhrase(phrase=terms))
        case HasVector(name):
            return models.HasVectorCondition(has_vector=name)
        case HasId(keys):
            return models.HasIdCondition(has_id=[str(key) for key in keys])
        case AnyOf(alternatives):
            return models.Filter(should=list(map(_condition, alternatives)))


def _vectors(row: Row) -> dict[str, Any]:
    dense = {name: _numbers(vector) for name, vector in row.vectors.items()}
    return dense | {name: _sparse(vector) for name, vector in row.sparse.items()}


def _query_vector(query: np.ndarray | SparseVector) -> list[float] | models.SparseVector:
    return _sparse(query) if isinstance(query, SparseVector) else query.tolist()


def _sparse(vector: SparseVector) -> models.SparseVector:
    return models.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())


def _numbers(vector: np.ndarray) -> list[float]:
    return np.round(vector.astype(np.float64), DECIMALS).tolist()
