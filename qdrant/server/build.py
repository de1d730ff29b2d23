"""One generation being written on a server; it is not searched before it is published."""

import json
import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from typing import Any

from qdrant_client import models

from qdrant import layout
from qdrant.errors import (
    AlreadyExists,
    BuildFailed,
    BuildRunning,
    EngineError,
    NotFound,
    RequestTooLarge,
    StoreError,
)
from qdrant.generation import now
from qdrant.model import Collection, Spec
from qdrant.points import Row
from qdrant.recall import measure as measure_recall
from qdrant.server import mapping
from qdrant.server.connection import BUILDING, SEARCHING, WRITE, Connection, RetryLimit
from qdrant.server.generations import (
    BEAT,
    BUILDER,
    Generations,
    heartbeat,
    metadata_of,
    removed,
)
from qdrant.server.reader import Reader

# Requests under way at once: Qdrant advises two to four, each a queue to one of its writers.
STREAMS = 4
# Seconds between two heartbeats; `generations.STALE_AFTER` allows for several that were lost.
HEARTBEAT = 20
# Seconds between two requests for the status of a server that builds graphs.
POLL = 0.5
# Seconds without change after which the graphs count as made. A server from 1.19 on applies changed
# settings in the background, and a node of a cluster when it hears of them: it is green before it
# begins, too.
STILL = 5
# Seconds for which a complete, idle collection may still count points that it has acknowledged.
SETTLE = 30
# The server applies changed settings after its current optimisation: for a large collection, hours.
OPTIMISING = RetryLimit(24 * 3600)


class Build:
    """A generation that is being written.

    Args:
        generations: those of its variant.
        connection: to the server.
        spec: what is built.
        generation: its name.
        streams: requests under way at once.
    """

    def __init__(
        self,
        generations: Generations,
        connection: Connection,
        spec: Spec,
        generation: str,
        streams: int = STREAMS,
    ) -> None:
        self.name = generations.name(generation)
        self._generations = generations
        self._connection = connection
        self._spec = spec
        self._generation = generation
        self._streams = streams
        self._batch = mapping.BATCH  # less, once a request was refused for its size
        self._builder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._done = threading.Event()
        self._heartbeat = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @contextmanager
    def started(self, placement: mapping.Placement, *, resumable: bool = False) -> Iterator[bool]:
        """Begin the generation, or resume it, and keep other builders away.

        Yields True when it is begun here. After an error it is removed or, when it is resumable,
        left for another builder to resume.

        Raises:
            BuildRunning: the variant is being built by another process.
        """
        self._generations.others()
        begun = self._create(placement)
        try:
            # Once more: of two that began at once, at least one sees the other.
            for stored in self._generations.others(self.name):
                if not stored.collection:  # its builder has ended
                    self._generations.remove(stored.name)
            self._heartbeat.start()
            try:
                yield begun
            finally:
                self._stop_heartbeat()
        except BaseException as error:
            with suppress(StoreError):  # else the next build sweeps it
                if not resumable or (begun and isinstance(error, BuildRunning)):
                    self._generations.remove(self.name)
                else:
                    self._change(SEARCHING, metadata={BUILDER: None, BEAT: None})
            raise

    def fill(self, rows: Iterable[Row]) -> int:
        """Store rows in parallel streams; return how many there were.

        Raises:
            BuildFailed: the generation was removed meanwhile.
        """
        sent = 0
        stop = threading.Event()
        limit = RetryLimit(BUILDING.seconds, stop)
        under_way: deque[Future[None]] = deque()
        with ThreadPoolExecutor(self._streams) as threads:
            try:
                for batch in mapping.batches(rows):
                    under_way.append(threads.submit(self._send, batch, limit))
                    sent += len(batch)
                    if len(under_way) > self._streams:  # one more waits than are sent
                        under_way.popleft().result()
                while under_way:
                    under_way.popleft().result()
            except NotFound:
                raise removed(self._spec.variant, self.name) from None
            finally:  # nothing is under way, or the build has failed
                stop.set()
                for future in under_way:
                    future.cancel()
        return sent

    def present(self, rows: Iterable[Row]) -> set[str]:
        """Return the keys of those rows that are stored already."""
        keys = [str(row.key) for row in rows]
        records = self._connection.call(
            lambda client: client.retrieve(self.name, keys, with_payload=False, with_vectors=False),
            BUILDING,
        )
        return {str(record.id) for record in records}

    def finish(self, points: int, created: str | None = None) -> Collection:
        """Build the graphs, wait until the server is done, count the points, write the metadata.

        Args:
            points: how many there must be.
            created: UTC time of the build, now by default.

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
            self._change(hnsw_config=mapping.GRAPH, optimizers_config=mapping.INDEXING)
            self._wait(points)
            with suppress(EngineError):  # an exact search may take too long: `layout.EF` will do
                graphs = measure_recall(Reader(self._connection, self.name, made, SEARCHING))
                made = replace(made, graphs=graphs)
            self._stop_heartbeat()  # none may come after the last change
            described = {name: asdict(graph) for name, graph in made.graphs.items()}
            done = {"points": points, "created": made.created, BUILDER: None, BEAT: None}
            self._change(metadata={**done, "graphs": described})
        except NotFound:
            raise removed(self._spec.variant, self.name) from None
        return made

    def _create(self, placement: mapping.Placement) -> bool:
        """Make the server collection; return whether it was not there."""
        metadata = {**metadata_of(self._spec, self._generation), **heartbeat(self._builder)}
        parameters = mapping.parameters(self._spec, placement)
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
        for field, kind in layout.indexes(self._spec.numbers).items():
            self._index(field, mapping.INDEXES[kind])
        return begun

    def _index(self, field: str, index: models.PayloadSchemaParams) -> None:
        self._connection.call(
            lambda client: client.create_payload_index(self.name, field, index, timeout=WRITE),
            BUILDING,
        )

    def _send(self, rows: list[Row], limit: RetryLimit) -> None:
        """Store rows in one request, or in several where a proxy refuses one of that size."""
        if len(rows) > self._batch:
            half = len(rows) // 2
            self._send(rows[:half], limit)
            self._send(rows[half:], limit)
            return
        points = mapping.points(rows)
        try:
            self._connection.call(
                lambda client: client.upsert(self.name, points, wait=True, timeout=WRITE), limit
            )
        except RequestTooLarge as error:
            if len(rows) == 1:
                product = json.loads(rows[0].payload)["id"]
                raise BuildFailed(
                    f"Product {product!r} is too large to be stored. {error}"
                ) from None
            self._batch = min(self._batch, len(rows) // 2)
            self._send(rows, limit)

    def _change(self, limit: RetryLimit = OPTIMISING, **changes: Any) -> None:  # noqa: ANN401
        self._connection.call(
            lambda client: client.update_collection(self.name, timeout=WRITE, **changes), limit
        )

    def _wait(self, points: int) -> None:
        """Wait until every copy of every shard has its graph, and every point is counted."""
        # A collection below the threshold of a segment gets no graph.
        still = 0 if layout.scan_all(points, self._spec.dim) else STILL
        indexed: int | None = None
        changed = 0.0
        complete_until: float | None = None
        while True:
            info = self._generations.get(self.name, BUILDING).info
            states = {info.status.value}
            if still:  # the collection's own status is that of one copy of each shard
                states |= self._connection.replica_states(self.name, BUILDING)
            time = self._connection.clock()
            if "red" in states:
                raise BuildFailed(
                    f"The Qdrant server could not make {self.name}: "
                    f"{getattr(info.optimizer_status, 'error', info.optimizer_status)}; see its "
                    "log. What was published is untouched."
                )
            if "grey" in states:  # a restart stopped the optimiser
                self._change(optimizers_config=models.OptimizersConfigDiff())
            if states != {"green"} or info.indexed_vectors_count != indexed:
                indexed, changed = info.indexed_vectors_count, time
            if states == {"green"} and time - changed >= still:
                counted = self._count()
                if counted == points:
                    return
                complete_until = complete_until or time + SETTLE
                if time > complete_until:
                    raise BuildFailed(
                        f"The Qdrant server counts {counted} points in {self.name}, and {points} "
                        "were sent; what was published is untouched: run this again."
                    )
            self._connection.pause(POLL)

    def _count(self) -> int:
        return self._connection.call(
            lambda client: client.count(self.name, exact=True), BUILDING
        ).count

    def _beat(self) -> None:
        while not self._done.wait(HEARTBEAT):
            with suppress(StoreError):  # the next may get through
                self._change(RetryLimit(HEARTBEAT, self._done), metadata=heartbeat(self._builder))

    def _stop_heartbeat(self) -> None:
        """Send no more heartbeats; when this returns, none is under way."""
        self._done.set()
        self._heartbeat.join()
