"""The one place that speaks to `qdrant_edge`, the Qdrant engine inside this process.

Each call holds Python's global lock until it is done. Errors come as bare `Exception`; here they
become `EngineError`, or `DiskFull` when the words say so.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import numpy as np
import qdrant_edge as qe

from qdrant import layout
from qdrant.errors import DiskFull, EngineError
from qdrant.model import Hit, Point, Spec
from qdrant.points import Change, Deletion, Row

# More threads than this tear the graph (Qdrant's own bound is 8 to 16).
INDEXING_THREADS = min(os.cpu_count() or 1, 8)


# What the engine says when it notices a full disk in time.
DISK_FULL = ("os error 28", "No space left", "Not enough space")
# How the engine names a point; ours are UUIDs.
Key = int | UUID | str


class Shard:
    """One folder of the engine: written by the builder, read by readers."""

    def __init__(self, shard: qe.EdgeShard) -> None:
        self._shard = shard

    @classmethod
    def create(cls, folder: Path, spec: Spec) -> Shard:
        """Make an empty collection in a folder that has none."""
        with _engine():
            shard = qe.EdgeShard.create(str(folder), _config(spec))
            for field in layout.KEYWORD_INDEXES:
                index = qe.KeywordIndexParams()
                shard.update(qe.UpdateOperation.create_field_index(field, index))
            for field in layout.FLOAT_INDEXES:
                bounds = qe.FloatIndexParams(enable_hnsw=False)
                shard.update(qe.UpdateOperation.create_field_index(field, bounds))
        return cls(shard)

    @classmethod
    def open(cls, folder: Path) -> Shard:
        """Open a folder; nobody else may have this very folder open."""
        with _engine():
            return cls(qe.EdgeShard.load(str(folder)))

    def write(self, changes: Sequence[Change]) -> None:
        """Delete points, then store others."""
        gone: list[Key] = [change.key for change in changes if isinstance(change, Deletion)]
        points = [
            qe.Point(
                row.key,
                {name: vector.tolist() for name, vector in row.vectors.items()},
                json.loads(row.payload),
            )
            for row in changes
            if isinstance(row, Row)
        ]
        with _engine():
            if gone:
                self._shard.update(qe.UpdateOperation.delete_points(gone))
            if points:
                self._shard.update(qe.UpdateOperation.upsert_points(points))

    def finish(self) -> int:
        """Build the graphs, put everything on disk, close; return the number of points."""
        with _engine():
            self._shard.optimize()
            self._shard.flush()
            points = self._shard.count(qe.CountRequest(exact=True))
            self._shard.close()
        return points

    def close(self) -> None:
        """Let go of the folder."""
        with _engine():
            self._shard.close()

    def search(
        self,
        queries: np.ndarray,
        vector: str,
        k: int,
        wanted: list[layout.Condition],
        *,
        exact: bool,
        ef: int | None,
    ) -> list[list[Hit]]:
        """Return the k nearest points of each query of shape (n, d), unordered among ties."""
        params = qe.SearchParams(
            hnsw_ef=ef or layout.EF,
            exact=exact,
            acorn=qe.AcornSearchParams(enable=layout.needs_acorn(wanted), max_selectivity=1.0),
            quantization=qe.QuantizationSearchParams(
                rescore=True, oversampling=layout.OVERSAMPLING
            ),
        )
        requests = [
            qe.QueryRequest(
                query=qe.Query.Nearest(query, using=vector),
                limit=k,
                filter=_filter(wanted),
                params=params,
                with_payload=True,
            )
            for query in queries.tolist()
        ]
        with _engine():
            answers = self._shard.query_batch(qe.QueryBatchRequest(requests))
        return [[_hit(point) for point in answer] for answer in answers]

    def indexed(self) -> int:
        """Return how many vectors have a graph, about."""
        with _engine():
            return self._shard.info().indexed_vectors_count

    def count(self, wanted: list[layout.Condition]) -> int:
        """Return the exact number of points that match."""
        with _engine():
            return self._shard.count(qe.CountRequest(exact=True, filter=_filter(wanted)))

    def facet(self, field: str, wanted: list[layout.Condition], limit: int) -> dict[str, int]:
        """Return exact counts of the most frequent values."""
        request = qe.FacetRequest(key=field, limit=limit, exact=True, filter=_filter(wanted))
        with _engine():
            return {str(hit.value): hit.count for hit in self._shard.facet(request).hits}

    def retrieve(self, keys: Sequence[UUID], *, vectors: bool) -> list[Point]:
        """Return the points that are there."""
        with _engine():
            records = self._shard.retrieve(list(keys), True, vectors)
        return [_point(record) for record in records]

    def page(self, offset: Key | None, *, vectors: bool) -> tuple[list[Point], Key | None]:
        """Return some points in the order of their keys, and the offset of the next page."""
        request = qe.ScrollRequest(
            offset=offset, limit=layout.BATCH, with_payload=True, with_vector=vectors
        )
        with _engine():
            records, following = self._shard.scroll(request)
        return [_point(record) for record in records], following


def _config(spec: Spec) -> qe.EdgeConfig:
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


def _filter(wanted: list[layout.Condition]) -> qe.Filter | None:
    if not wanted:
        return None
    must: list[qe.ConditionType] = []
    must_not: list[qe.ConditionType] = []
    for condition in wanted:
        match condition:
            case layout.OneOf(field, values):
                must.append(qe.FieldCondition(key=field, match=qe.MatchAny(list(values))))
            case layout.Between(field, low, high):
                must.append(qe.FieldCondition(key=field, range=qe.RangeFloat(gte=low, lte=high)))
            case layout.HasVector(name, yes):
                (must if yes else must_not).append(qe.HasVectorCondition(name))
            case layout.Among(keys, yes):
                (must if yes else must_not).append(qe.HasIdCondition(set(keys)))
    return qe.Filter(must=must, must_not=must_not)


def _hit(point: qe.ScoredPoint) -> Hit:
    payload = point.payload or {}
    return Hit(payload["id"], point.score, payload)


def _point(record: qe.Record) -> Point:
    payload = record.payload or {}
    named = record.vector if isinstance(record.vector, dict) else {}
    vectors = {name: np.asarray(vector, dtype=np.float32) for name, vector in named.items()}
    return Point(payload["id"], payload, vectors)


@contextmanager
def _engine() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if type(error) is not Exception:  # ours, or Python's: not the engine's
            raise
        words = str(error)
        if any(sign in words for sign in DISK_FULL):
            raise DiskFull(f"The disk is full: {words}.") from None
        raise EngineError(f"The vector engine refused: {words}.") from None
