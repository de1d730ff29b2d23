"""How the store's words become those of `qdrant-client`, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from qdrant_client import models

from qdrant import layout
from qdrant.points import Row, point_id
from qdrant.store import Hit, Point, Spec

INDEXES: Mapping[str, models.PayloadSchemaParams] = {
    field: models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD)
    for field in layout.KEYWORD_INDEXES
} | {
    field: models.FloatIndexParams(type=models.FloatIndexType.FLOAT, enable_hnsw=False)
    for field in layout.FLOAT_INDEXES
}


def parameters(spec: Spec) -> dict[str, Any]:
    """Return the parameters of a new server collection: int8 in memory, originals on disk."""
    params = models.VectorParams(size=spec.dim, distance=models.Distance.COSINE, on_disk=True)
    int8 = models.ScalarQuantizationConfig(type=models.ScalarType.INT8, always_ram=True)
    return {
        "vectors_config": dict.fromkeys(spec.vectors, params),
        "quantization_config": models.ScalarQuantization(scalar=int8),
        "hnsw_config": models.HnswConfigDiff(
            m=layout.HNSW_M,
            ef_construct=layout.HNSW_EF_CONSTRUCT,
            full_scan_threshold=layout.FULL_SCAN_KIB,
        ),
    }


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
