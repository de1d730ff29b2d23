"""How the store's words become those of `qdrant-client`, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdrant_client import models

from qdrant import layout
from qdrant.model import Hit, Point, Spec
from qdrant.points import Row, point_id

# How the client names a point; ours are UUIDs.
Key = models.ExtendedPointId
# Points per request, both ways: Qdrant advises 64 to 256, and at most 5 MB; 3 vectors of 512
# dimensions make 2.5 MB of JSON.
BATCH = 128
# Decimals of a vector's numbers. Within float32 of a unit vector, and 40 % less to send than the
# 17 digits that Python writes of every float32.
DECIMALS = 9
# Searches per request.
SEARCH_BATCH = 64
# What no search of ours comes near, and what a console's or a stranger's may not pass.
STRICT = models.StrictModeConfig(
    enabled=True,
    max_query_limit=10_000,
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


@dataclass(frozen=True)
class Placement:
    """How a collection lies on a cluster; None leaves it to the server: one shard, one copy.

    Attributes:
        shards: parts that the points are divided into.
        replicas: copies of each part.
    """

    shards: int | None = None
    replicas: int | None = None


INDEXES: Mapping[str, models.PayloadSchemaParams] = {
    field: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
    for field in layout.KEYWORD_INDEXES
} | {
    field: models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=False)
    for field in layout.FLOAT_INDEXES
}


def parameters(spec: Spec, placement: Placement) -> dict[str, Any]:
    """Return the parameters of a new server collection: int8 in memory, originals on disk.

    It has no graph yet: `GRAPH` asks for it when all points are there, so that it is made once.
    """
    params = models.VectorParams(size=spec.dim, distance=models.Distance.COSINE, on_disk=True)
    int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    return {
        "vectors_config": dict.fromkeys(spec.vectors, params),
        "quantization_config": models.ScalarQuantization(scalar=int8),
        "hnsw_config": models.HnswConfigDiff(
            m=0,
            ef_construct=layout.HNSW_EF_CONSTRUCT,
            full_scan_threshold=layout.FULL_SCAN_KIB,
        ),
        "on_disk_payload": True,
        "shard_number": placement.shards,
        "replication_factor": placement.replicas,
        "strict_mode_config": STRICT,
    }


GRAPH = models.HnswConfigDiff(m=layout.HNSW_M)


def query(
    vector: np.ndarray,
    name: str,
    k: int,
    wanted: list[layout.Condition],
    *,
    exact: bool,
    ef: int | None,
) -> models.QueryRequest:
    """Return the request for the k nearest points of one vector of shape (d,)."""
    return models.QueryRequest(
        query=vector.tolist(),
        using=name,
        limit=k,
        filter=filter_of(wanted),
        params=models.SearchParams(
            hnsw_ef=ef or layout.EF,
            exact=exact,
            acorn=models.AcornSearchParams(enable=layout.needs_acorn(wanted), max_selectivity=1.0),
            quantization=models.QuantizationSearchParams(
                rescore=True, oversampling=layout.OVERSAMPLING
            ),
        ),
        with_payload=True,
    )


def points(rows: Iterable[Row]) -> list[models.PointStruct]:
    """Return checked points as the client's."""
    return [
        models.PointStruct(
            id=str(row.key),
            payload=json.loads(row.payload),
            vector={name: _numbers(vector) for name, vector in row.vectors.items()},
        )
        for row in rows
    ]


def filter_of(wanted: list[layout.Condition]) -> models.Filter | None:
    """Return conditions as the client's filter, None for none."""
    if not wanted:
        return None
    must: list[models.Condition] = []
    must_not: list[models.Condition] = []
    for condition in wanted:
        match condition:
            case layout.OneOf(field, values):
                one_of = models.MatchAny(any=list(values))
                must.append(models.FieldCondition(key=field, match=one_of))
            case layout.Between(field, low, high):
                bounds = models.Range(gte=low, lte=high)
                must.append(models.FieldCondition(key=field, range=bounds))
            case layout.HasVector(name, yes):
                (must if yes else must_not).append(models.HasVectorCondition(has_vector=name))
            case layout.Among(keys, yes):
                ids: list[models.ExtendedPointId] = [str(key) for key in keys]
                (must if yes else must_not).append(models.HasIdCondition(has_id=ids))
    return models.Filter(must=must, must_not=must_not)


def row(stored: Point) -> Row:
    """Return a point that was checked when it was stored, for storing it again."""
    payload = json.dumps(stored.payload, ensure_ascii=False)
    return Row(point_id(stored.id), payload, stored.vectors)


def hit(found: models.ScoredPoint) -> Hit:
    """Return a product found."""
    payload = found.payload or {}
    return Hit(payload["id"], found.score, payload)


def point(record: models.Record) -> Point:
    """Return a product read; vectors come as numbers only when they were asked for."""
    payload = record.payload or {}
    named = record.vector if isinstance(record.vector, dict) else {}
    vectors = {name: np.asarray(vector, dtype=np.float32) for name, vector in named.items()}
    return Point(payload["id"], payload, vectors)


def _numbers(vector: np.ndarray) -> list[float]:
    return np.round(vector.astype(np.float64), DECIMALS).tolist()
