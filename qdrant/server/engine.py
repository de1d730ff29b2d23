"""Collections on a Qdrant server, through `qdrant-client`.

Searches read the published generation by its own name, so that what was checked against its
metadata is what answers; a key limited to the alias reads by that. A new generation is noticed
within `generations.FRESH` seconds. Builds write a generation that is not searched yet (`build`) and
publish it by moving an alias (`generations`).
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from qdrant import layout
from qdrant.engine import scroll
from qdrant.errors import BuildFailed, BuildRunning, NotFound
from qdrant.generation import EngineInfo, Generation, generation_name
from qdrant.model import Collection, Point, Spec
from qdrant.points import Row, stored_row
from qdrant.server.build import Build
from qdrant.server.connection import BUILDING, Connection, connect
from qdrant.server.generations import PREFIX, Generations, variants
from qdrant.server.point_writer import PRESENT, STREAMS
from qdrant.server.reader import Reader
from qdrant.server.settings import Placement, Reading
from qdrant.server.shards import CopyImpossible
from vitrine.batches import batched

# Of 100,000 points of 3 x 512 dimensions on 2 cores, a build takes 136 s. An update takes 6 s for
# the copy and, by 5,000 changed points, 0.9 ms a point to send it and 7.4 ms to optimise: as long
# as the build at 15,700.
REBUILD_SHARE = 0.15

log = logging.getLogger(__name__)


class ServerEngine:
    """Keeps collections on a server; a `qdrant.engine.Engine`.

    Args:
        connection: to the server.
        placement: shards and replicas of new collections.
        reading: how collections are read.
        prefix: before every name of ours on the server.
        streams: requests of a build that are under way at once.
    """

    def __init__(
        self,
        connection: Connection,
        placement: Placement | None = None,
        *,
        reading: Reading | None = None,
        prefix: str = PREFIX,
        streams: int = STREAMS,
    ) -> None:
        self.connection = connection
        self._placement = placement or Placement()
        self._reading = reading or Reading()
        self._prefix = prefix
        self._streams = streams
        self._variants: dict[str, Generations] = {}
        self._building: set[str] = set()
        self._lock = threading.Lock()

    @property
    def rebuild_share(self) -> float:
        """The share of changed points from which building anew is quicker: `REBUILD_SHARE`."""
        return REBUILD_SHARE

    def info(self) -> EngineInfo:
        """Return name, version and address."""
        version = self.connection.version()
        return EngineInfo("server", version, self.connection.server.address)

    def variants(self) -> list[str]:
        """Return the variants that have a published generation, ascending."""
        return variants(self.connection, self._prefix)

    def collection(self, variant: str) -> Collection:
        """Return the published generation; at most one request a second."""
        return self._generations(variant).current()[1]

    def generations(self, variant: str) -> list[Generation]:
        """Return every generation of the variant on the server, the published one first."""
        generations = self._generations(variant)
        generations.forget()
        current, _ = generations.current()
        stored = sorted(generations.all(), key=lambda each: each.name != current)
        sizes = self.connection.sizes()
        return [each.generation(current, sizes.get(each.name)) for each in stored]

    @contextmanager
    def reader(self, variant: str) -> Iterator[Reader]:
        """Read the published generation by its own name, or by the alias.

        By the alias, which may move meanwhile, NotFound is raised when it has.
        """
        generations = self._generations(variant)
        name, collection = generations.current()
        try:
            readable = generations.readable(name)
            yield Reader(
                self.connection, readable, collection, consistency=self._reading.consistency
            )
            if readable != name and generations.published() != name:
                raise NotFound(f"{name} was replaced while it was read; run this again.")
        except NotFound:
            generations.forget()
            raise

    @contextmanager
    def lock(self, variant: str) -> Iterator[None]:
        """Keep other threads from writing the variant; `Build` keeps other processes away."""
        with self._lock:
            if variant in self._building:
                raise BuildRunning(variant, str(os.getpid()))
            self._building.add(variant)
        try:
            self._generations(variant).forget()
            yield
        finally:
            self._building.discard(variant)

    def build(self, spec: Spec, rows: Iterable[Row], expected: int) -> Collection:
        """Write a new generation in parallel streams, then publish it."""
        build = self._build(spec, generation_name())
        with build.started(self._placement):
            made = build.finish(build.points.fill(rows))
        self._generations(spec.variant).publish(build.name)
        return made

    def update(
        self,
        base: Collection,
        spec: Spec,
        rows: Iterable[Row],
        deleted: Sequence[UUID],
        expected: int,
    ) -> Collection:
        """Publish a changed copy of a generation, which the server makes by itself.

        Where it cannot, all points are read from it and sent again.
        """
        generations = self._generations(spec.variant)
        source = generations.name(base.generation)
        if not self.connection.remote:  # local mode has no snapshots
            return self._send_merged(base, spec, rows, deleted)
        stored = generations.get(source).info.config.params
        placement = Placement(stored.shard_number, stored.replication_factor)
        build = self._build(spec, generation_name())
        try:
            with build.started(placement, source=source):
                build.copy(source)
                gone = build.points.delete(deleted)
                written, new = build.points.replace(rows)
                changed = base.changed + written + gone
                drifted = changed > layout.DRIFT * base.points
                made = build.finish(
                    base.points - gone + new,
                    measured=None if drifted else base,
                    changed=0 if drifted else changed,
                )
        except CopyImpossible as error:
            log.warning("%s All points are sent again.", error)
            return self._send_merged(base, spec, rows, deleted)
        generations.publish(build.name)
        return made

    def _send_merged(
        self, base: Collection, spec: Spec, rows: Iterable[Row], deleted: Sequence[UUID]
    ) -> Collection:
        """Publish a changed copy of a generation whose points travel through this process."""
        replaced = set(deleted)
        name = self._generations(spec.variant).name(base.generation)
        last = Reader(self.connection, name, base, BUILDING)

        def merged() -> Iterator[Row]:
            # The new ones first: parallel streams keep no order, so nothing may be sent twice.
            for row in rows:
                replaced.add(row.key)
                yield row
            old = map(stored_row, scroll(last, vectors=True))
            yield from (row for row in old if row.key not in replaced)

        return self.build(spec, merged(), 0)

    def receive(
        self,
        made: Collection,
        points: Iterable[Point],
        check: Callable[[Reader], None],
    ) -> int:
        """Store another store's generation under its own name, and publish it.

        Idempotent and resumable: points that arrived before are not sent again.

        Args:
            made: the generation.
            points: all of its points, as they were stored there.
            check: reads the copy before it is published, and raises BuildFailed when it differs;
                the copy is then removed.

        Returns:
            how many points were sent.

        Raises:
            BuildRunning, BuildFailed, DiskFull: as `Store.build`.
        """
        spec = Spec(**made.facts())
        build = self._build(spec, made.generation)
        generations = self._generations(spec.variant)
        sent = 0
        with self.lock(spec.variant):
            if generations.published() == build.name:
                return 0
            if not generations.complete(build.name):
                rows = map(stored_row, points)
                with build.started(self._placement, resumable=True) as begun:
                    sent = build.points.fill(rows if begun else _missing(build, rows))
                    build.finish(made.points, made.created)
            try:
                check(Reader(self.connection, build.name, made, BUILDING))
            except BuildFailed:
                generations.remove(build.name)
                raise
            generations.publish(build.name)
        return sent

    def rollback(self, variant: str) -> Collection:
        """Exchange the published generation and the one kept beside it."""
        return self._generations(variant).rollback()

    def drop(self, variant: str) -> None:
        """Remove every generation but one that another process builds."""
        self._generations(variant).drop()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _build(self, spec: Spec, generation: str) -> Build:
        generations = self._generations(spec.variant)
        return Build(generations, self.connection, spec, generation, self._streams, self._reading)

    def _generations(self, variant: str) -> Generations:
        fresh = Generations(self.connection, variant, self._prefix)
        return self._variants.setdefault(variant, fresh)


def connect_engine(url: str, api_key: str | None = None) -> ServerEngine:
    """Return the engine of the server at an address such as `http://localhost:6333`.

    Of a cluster, those of several nodes, divided by commas. QDRANT_SHARDS and QDRANT_REPLICAS set
    how new collections are spread over it, QDRANT_READ_… how they are read.

    Raises:
        StoreError: the address or one of those is not valid.
    """
    return ServerEngine(
        connect(url, api_key),
        Placement.from_environment(),
        reading=Reading.from_environment(),
    )


def _missing(build: Build, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield those rows that the server lacks."""
    for batch in batched(rows, PRESENT):
        present = build.points.present([row.key for row in batch])
        yield from (row for row in batch if str(row.key) not in present)
