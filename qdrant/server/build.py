"""One generation being written on a server; it is not searched before it is published."""

import os
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from qdrant_client import models

from qdrant import layout
from qdrant.errors import (
    AlreadyExists,
    BuildRunning,
    DiskFull,
    EngineError,
    NotFound,
    StoreError,
)
from qdrant.generation import now
from qdrant.model import Collection, Spec
from qdrant.recall import measure as measure_recall
from qdrant.server import mapping
from qdrant.server.connection import BUILDING, SEARCHING, WRITE, Connection, RetryLimit
from qdrant.server.generations import (
    BEAT,
    BUILDER,
    COPIED,
    Generations,
    Metadata,
    heartbeat,
    metadata_of,
    removed,
)
from qdrant.server.point_writer import STREAMS, PointWriter
from qdrant.server.reader import Reader
from qdrant.server.readiness import OPTIMISING, change, wait_until_ready
from qdrant.server.settings import Placement, Reading
from qdrant.server.shards import CopyImpossible, copy_collection

# Seconds between two heartbeats; `generations.STALE_AFTER` allows for several that were lost.
HEARTBEAT = 20


class Build:
    """A generation that is being written.

    Args:
        generations: those of its variant.
        connection: to the server.
        spec: what is built.
        generation: its name.
        streams: requests under way at once.
        reading: how the generation will be read.

    Attributes:
        name: of the server collection.
        points: writes its points.
    """

    def __init__(
        self,
        generations: Generations,
        connection: Connection,
        spec: Spec,
        generation: str,
        streams: int = STREAMS,
        reading: Reading | None = None,
    ) -> None:
        self._reading = reading or Reading()
        self.name = generations.name(generation)
        self.points = PointWriter(connection, self.name, spec.variant, streams)
        self._generations = generations
        self._connection = connection
        self._spec = spec
        self._generation = generation
        self._copied: Metadata = {}  # see `generations.COPIED`
        self._builder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._done = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @contextmanager
    def started(
        self, placement: Placement, *, resumable: bool = False, source: str = ""
    ) -> Iterator[bool]:
        """Begin the generation, or resume it, and keep other builders away.

        Yields True when it is begun here. After an error it is removed or, when it is resumable,
        left for another builder to resume.

        Args:
            placement: how it is spread over a cluster.
            resumable: keep it after an error.
            source: the server collection that it is to be copied from (`copy`).

        Raises:
            BuildRunning: the variant is being built by another process.
        """
        self._generations.others()
        begun = self._create(placement, source)
        try:
            # Once more: of two that began at once, at least one sees the other.
            for stored in self._generations.others(self.name):
                if not stored.collection:  # its builder has ended
                    self._generations.discard(stored)
            self._heartbeat.start()
            try:
                yield begun
            finally:
                self._stop_heartbeat()
        except BaseException as error:
            with suppress(StoreError):  # else the next build sweeps it
                if not resumable or (begun and isinstance(error, BuildRunning)):
                    self._generations.discard(self._generations.get(self.name))
                else:
                    self._change(SEARCHING, metadata={BUILDER: None, BEAT: None})
            raise

    def copy(self, source: str) -> None:
        """Take the points of another generation over, within the server.

        Raises:
            CopyImpossible: the server cannot do that.
        """
        try:
            copy_collection(self._connection, source, self.name)
            self._generations.delete_snapshots(self._copied)
            self._change(metadata={COPIED: None})
            self._index()
        except (EngineError, DiskFull) as error:
            raise CopyImpossible(str(error)) from None

    def finish(
        self,
        points: int,
        created: str | None = None,
        measured: Collection | None = None,
        changed: int = 0,
    ) -> Collection:
        """Build the graphs, wait until the server is done, count the points, write the metadata.

        Args:
            points: how many there must be.
            created: UTC time of the build, now by default.
            measured: a generation that differs so little that its searches need not be measured
                again.
            changed: points written or deleted since they were measured.

        Raises:
            BuildFailed: the server could not make it, or lacks points.
        """
        made = Collection(
            **self._spec.facts(),
            generation=self._generation,
            points=points,
            created=created or now(),
        )
        try:
            self._change(
                hnsw_config=mapping.GRAPH,
                optimizers_config=mapping.indexing(self._spec),
                **self._reading.parameters(),
            )
            wait_until_ready(self._generations, self._connection, self.name, self._spec, points)
            if measured:
                made = replace(made, graphs=measured.graphs, changed=changed)
            else:
                with suppress(EngineError):  # an exact search may take too long: `EF` will do
                    graphs = measure_recall(Reader(self._connection, self.name, made, SEARCHING))
                    made = replace(made, graphs=graphs)
            self._stop_heartbeat()  # none may come after the last change
            described = {name: asdict(graph) for name, graph in made.graphs.items()}
            done = {"points": points, "created": made.created, BUILDER: None, BEAT: None}
            self._change(metadata={**done, "graphs": described, "changed": made.changed})
        except NotFound:
            raise removed(self._spec.variant, self.name) from None
        return made

    def _create(self, placement: Placement, source: str = "") -> bool:
        """Make the server collection; return whether it was not there."""
        metadata = {**metadata_of(self._spec, self._generation), **heartbeat(self._builder)}
        if source:
            try:
                self._copied = self._generations.snapshots(source)
            except (EngineError, DiskFull) as error:
                raise CopyImpossible(str(error)) from None
            metadata[COPIED] = self._copied
        parameters = mapping.parameters(self._spec, placement, optimised=bool(source))
        begun = True
        try:
            self._connection.call(
                lambda client: client.create_collection(
                    self.name, **parameters, metadata=metadata, timeout=WRITE
                ),
                BUILDING,
            )
        except AlreadyExists:  # made by a try whose answer was lost, or resumed
            begun = self._generations.get(self.name).metadata.get(BUILDER) == self._builder
            self._change(metadata=heartbeat(self._builder))
        if not source:
            self._index()
        return begun

    def _index(self) -> None:
        """Index the fields of payloads that are not indexed yet."""
        for field, kind in layout.indexes(self._spec.numbers).items():
            self._index_field(field, mapping.INDEXES[kind])

    def _index_field(self, field: str, index: models.PayloadSchemaParams) -> None:
        self._connection.call(
            lambda client: client.create_payload_index(self.name, field, index, timeout=WRITE),
            BUILDING,
        )

    def _change(self, limit: RetryLimit = OPTIMISING, **changes: Any) -> None:  # noqa: ANN401
        change(self._connection, self.name, limit, **changes)

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT):
            with suppress(StoreError):  # the next may get through
                self._change(RetryLimit(HEARTBEAT, self._done), metadata=heartbeat(self._builder))

    def _stop_heartbeat(self) -> None:
        """Send no more heartbeats; when this returns, none is under way."""
        self._done.set()
        self._heartbeat.join()
