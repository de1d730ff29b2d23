"""A folder of `qdrant_edge` that is written.

Each call of the engine holds Python's global lock until it returns.

Of points that were added since it last optimised, the engine keeps ids, sparse vectors and payload
indexes in memory. So a large collection is received in parts: each becomes a segment of mapped
files without a graph, and in the end all of them are merged into one segment with graphs.
"""

import ctypes
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import qdrant_edge as qe

from qdrant import layout
from qdrant.embedded import mapping
from qdrant.embedded.errors import engine_errors
from qdrant.embedded.generations import CONFIG
from qdrant.embedded.point_ids import PointIds
from qdrant.embedded.reader import Reader
from qdrant.engine import Offset
from qdrant.errors import BuildFailed
from qdrant.model import Collection, Spec
from qdrant.points import Change, Deletion, Row

# Bytes of payloads and vectors in a part.
PART_BYTES = 256 << 20
# The optimizer's parameters while parts are received, and while they are merged. Sizes are in KB.
_LARGEST = {"max_segment_size": 1 << 40}
_RECEIVING = {**_LARGEST, "indexing_threshold": 1, "default_segment_number": 10_000}
_MERGING = {**_LARGEST, "default_segment_number": 1}


class Shard:
    """One folder of the engine, open for writing.

    Args:
        shard: opened.
        folder: where it is.
        spec: of the collection.
        config: the engine's parameters of a new collection; None for one that is continued.
    """

    def __init__(
        self, shard: qe.EdgeShard, folder: Path, spec: Spec, config: dict[str, Any] | None = None
    ) -> None:
        self._shard = shard
        self._folder = folder
        self._spec = spec
        self._config = config
        self._ids = PointIds.read(shard)
        self._received = 0  # bytes since the last part
        self._parts = 0

    @classmethod
    def create(cls, folder: Path, spec: Spec) -> "Shard":
        """Make an empty collection in a folder that has none; it has no indexes of payloads yet."""
        with engine_errors(spec.variant):
            shard = qe.EdgeShard.create(str(folder), mapping.config(spec))
            return cls(shard, folder, spec, json.loads((folder / CONFIG).read_text()))

    @classmethod
    def open(cls, folder: Path, spec: Spec) -> "Shard":
        """Open a folder; no other process may have this very folder open."""
        with engine_errors(spec.variant):
            return cls(qe.EdgeShard.load(str(folder)), folder, spec)

    def write(self, changes: Sequence[Change]) -> None:
        """Delete points, then store others.

        Raises:
            BuildFailed: a point has the id of another product's.
        """
        gone: list[Offset] = [
            self._ids.of(change.key) for change in changes if isinstance(change, Deletion)
        ]
        rows = [change for change in changes if isinstance(change, Row)]
        points = [mapping.point(row, self._ids.of(row.key)) for row in rows]
        with engine_errors(self._spec.variant):
            if gone:
                self._shard.update(qe.UpdateOperation.delete_points(gone))
            if points:
                self._check_owners(points)
                self._shard.update(qe.UpdateOperation.upsert_points(points))
                self._received += sum(map(_size, rows))
            if self._config and self._received > PART_BYTES:
                self._end_part(self._config)

    def finish(self) -> Reader:
        """Build the graphs, and write everything to disk.

        Returns:
            what reads it in the same folder, to be closed. Its collection has no name and no time.
        """
        with engine_errors(self._spec.variant):
            if self._config:
                self._build(self._config)
            else:
                self._shard.optimize()
            self._shard.flush()
            points = self._shard.count(qe.CountRequest(exact=True))
        return Reader(Collection(**self._spec.facts(), points=points), self._shard)

    def _build(self, config: Mapping[str, Any]) -> None:
        """Build the graphs and the indexes of payloads of a new collection.

        Values of some indexes get links in the graph, so these come first. The others are made of
        the one segment that is left: made twice, they took a fifth of the processor time of 12,000
        products. Phrases have an index of our own (`phrase_index`).
        """
        kinds = layout.indexes(self._spec.numbers)
        indexes = {field: kind for field, kind in kinds.items() if kind in mapping.INDEXES}
        if self._parts:
            self._end_part(config)
        self._index({name: kind for name, kind in indexes.items() if kind == "keyword"})
        if self._parts:
            self._reopen({**config, "optimizers": {**config.get("optimizers", {}), **_MERGING}})
        self._shard.optimize()
        if self._parts:
            self._reopen(config)
        self._index({name: kind for name, kind in indexes.items() if kind != "keyword"})

    def _end_part(self, config: Mapping[str, Any]) -> None:
        """Make a segment of files of what was received since the last part."""
        receiving = {
            **config,
            "hnsw_config": {**config["hnsw_config"], "m": 0},
            "quantization_config": None,
            "optimizers": _RECEIVING,
        }
        if not self._parts:
            self._reopen(receiving)
        self._shard.optimize()
        self._reopen(receiving)
        self._received = 0
        self._parts += 1

    def _reopen(self, config: Mapping[str, Any]) -> None:
        """Open the folder anew with these parameters.

        The engine frees what it had in memory when it closes, and the C library keeps it.
        """
        self._shard.flush()
        self._shard.close()
        with suppress(AttributeError):  # glibc alone has it
            ctypes.CDLL(None).malloc_trim(0)
        (self._folder / CONFIG).write_text(json.dumps(config))
        self._shard = qe.EdgeShard.load(str(self._folder))

    def _index(self, fields: Mapping[str, layout.Kind]) -> None:
        for field, kind in fields.items():
            index = mapping.INDEXES[kind]()
            self._shard.update(qe.UpdateOperation.create_field_index(field, index))

    def _check_owners(self, points: Sequence[qe.Point]) -> None:
        """Check that no point would replace that of another product."""
        stored = self._shard.retrieve([point.id for point in points], ["id"], False)
        owners = {record.id: (record.payload or {})["id"] for record in stored}
        for point in points:
            product = (point.payload or {})["id"]
            owner = owners.setdefault(point.id, product)
            if product != owner:
                raise BuildFailed(
                    f"the ids of the products {owner!r} and {product!r} have the same digest, by "
                    "which points are stored: give one of them another id"
                )


def _size(row: Row) -> int:
    """Bytes of a row's payload and vectors."""
    dense = sum(vector.nbytes for vector in row.vectors.values())
    sparse = sum(vector.indices.nbytes + vector.values.nbytes for vector in row.sparse.values())
    return len(row.payload) + dense + sparse
