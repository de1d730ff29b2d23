"""A folder of `qdrant_edge` that is written.

Each call of the engine holds Python's global lock until it returns.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import qdrant_edge as qe

from qdrant import layout
from qdrant.embedded import mapping
from qdrant.embedded.errors import engine_errors
from qdrant.embedded.point_ids import PointIds
from qdrant.embedded.reader import Reader
from qdrant.engine import Offset
from qdrant.errors import BuildFailed
from qdrant.model import Collection, Spec
from qdrant.points import Change, Deletion, Row


class Shard:
    """One folder of the engine, open for writing."""

    def __init__(self, shard: qe.EdgeShard, spec: Spec) -> None:
        self._shard = shard
        self._spec = spec
        self._later: Mapping[str, layout.Kind] = {}  # indexes that are not there yet
        self._ids = PointIds.read(shard)

    @classmethod
    def create(cls, folder: Path, spec: Spec) -> "Shard":
        """Make an empty collection in a folder that has none.

        Of its indexes it has those whose values get links in the graph. The others are made when
        the graph is: made twice, for the points as they come and for those with a graph, they took
        a fifth of the processor time of 12,000 products, and a third of that of 5,000.
        """
        indexes = layout.indexes(spec.numbers)
        with engine_errors(spec.variant):
            made = cls(qe.EdgeShard.create(str(folder), mapping.config(spec)), spec)
            made._index({name: kind for name, kind in indexes.items() if kind == "keyword"})
        made._later = {name: kind for name, kind in indexes.items() if kind != "keyword"}
        return made

    @classmethod
    def open(cls, folder: Path, spec: Spec) -> "Shard":
        """Open a folder; no other process may have this very folder open."""
        with engine_errors(spec.variant):
            return cls(qe.EdgeShard.load(str(folder)), spec)

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

    def finish(self) -> Reader:
        """Build the graphs, and write everything to disk.

        Returns:
            what reads it in the same folder, to be closed. Its collection has no name and no time.
        """
        with engine_errors(self._spec.variant):
            self._shard.optimize()
            self._index(self._later)
            self._shard.flush()
            points = self._shard.count(qe.CountRequest(exact=True))
        return Reader(Collection(**self._spec.facts(), points=points), self._shard)
