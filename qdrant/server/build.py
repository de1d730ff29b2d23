"""One generation being written on a server: nobody sees it before it is published."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from qdrant_client import QdrantClient, models

from qdrant.errors import AlreadyThere, BuildFailed, BuildRunning, NotThere, StoreError
from qdrant.model import Collection, Spec
from qdrant.points import Row
from qdrant.server import mapping
from qdrant.server.connection import BUILDING, SEARCHING, WRITE, Connection, Patience
from qdrant.server.generations import BEAT, BUILDER, ServerGenerations, facts_of, pulse, removed

# Requests under way at once: Qdrant advises two to four, each a queue to one of its writers.
STREAMS = 4
# Seconds between two signs of life; `remote.SILENCE` forgives several that were lost.
HEARTBEAT = 20
# Seconds between two looks at a server that makes graphs.
LOOK = 0.5
# Seconds for which a complete, idle collection may still count points that it has acknowledged.
SETTLE = 30
# The server takes a change of its settings up when it has ended what it is doing: for a large
# collection, in hours.
OPTIMISING = Patience(24 * 3600)


class ServerBuild:
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
        generations: ServerGenerations,
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
        self._builder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._hushed = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    @contextmanager
    def claimed(self, placement: mapping.Placement, *, resumable: bool = False) -> Iterator[bool]:
        """Begin the generation, or go on with it, and hold it against other builders.

        Yields True when it is begun here. Left by an error it is removed or, when it is resumable,
        let go for another to go on with.

        Raises:
            BuildRunning: the variant is being built by another process.
        """
        self._generations.others()
        begun = self._create(placement)
        try:
            # Once more: of two that began at once, at least one sees the other.
            for served in self._generations.others(self.name):
                if not served.collection:  # its builder died
                    self._generations.remove(served.name)
            self._heart.start()
            try:
                yield begun
            finally:
                self._hush()
        except BaseException as error:
            with suppress(StoreError):  # what stays is taken for dead after a while
                if not resumable or (begun and isinstance(error, BuildRunning)):
                    self._generations.remove(self.name)
                else:
                    self._change(SEARCHING, metadata={BUILDER: None, BEAT: None})
            raise

    def fill(self, rows: Iterable[Row]) -> int:
        """Store rows in parallel streams; return how many there were.

        Raises:
            BuildFailed: somebody removed the generation.
        """
        rows = iter(rows)
        sent = 0
        stop = threading.Event()
        patience = Patience(BUILDING.seconds, stop)
        under_way: deque[Future[None]] = deque()
        with ThreadPoolExecutor(self._streams) as threads:
            try:
                while batch := list(islice(rows, mapping.BATCH)):
                    under_way.append(threads.submit(self._send, batch, patience))
                    sent += len(batch)
                    if len(under_way) > self._streams:  # one more waits than are sent
                        under_way.popleft().result()
                while under_way:
                    under_way.popleft().result()
            except NotThere:
                raise removed(self._spec.variant, self.name) from None
            finally:  # nothing is under way, or it is of no use any more
                stop.set()
                for future in under_way:
                    future.cancel()
        return sent

    def present(self, rows: Iterable[Row]) -> set[str]:
        """Return the keys of those rows that are stored already."""
        keys = [str(row.key) for row in rows]

        def call(client: QdrantClient) -> list[models.Record]:
            return client.retrieve(self.name, keys, with_payload=False, with_vectors=False)

        return {str(record.id) for record in self._connection.ask(call, BUILDING)}

    def finish(self, points: int, created: str | None = None) -> Collection:
        """Have the graphs made, wait until the server is done, count, and describe; once claimed.

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
            created=created or datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            self._change(hnsw_config=mapping.GRAPH)
            self._wait(points)
            self._hush()  # a sign of life must not come after the last word
            done = {"points": points, "created": made.created, BUILDER: None, BEAT: None}
            self._change(metadata=done)
        except NotThere:
            raise removed(self._spec.variant, self.name) from None
        return made

    def _create(self, placement: mapping.Placement) -> bool:
        """Make the server collection; tell whether it was not there."""
        facts = {**facts_of(self._spec, self._generation), **pulse(self._builder)}
        parameters = mapping.parameters(self._spec, placement)

        def create(client: QdrantClient) -> bool:
            return client.create_collection(self.name, **parameters, metadata=facts, timeout=WRITE)

        begun = True
        try:
            self._connection.ask(create, BUILDING)
        except AlreadyThere:  # by a try whose answer was lost, or by a copy that is gone on with
            begun = self._generations.look(self.name).facts.get(BUILDER) == self._builder
            self._change(metadata=pulse(self._builder))
        for field, index in mapping.INDEXES.items():
            self._index(field, index)
        return begun

    def _index(self, field: str, index: models.PayloadSchemaParams) -> None:
        def call(client: QdrantClient) -> models.UpdateResult:
            return client.create_payload_index(self.name, field, index, timeout=WRITE)

        self._connection.ask(call, BUILDING)

    def _send(self, rows: list[Row], patience: Patience) -> None:
        points = mapping.points(rows)
        self._connection.ask(
            lambda client: client.upsert(self.name, points, wait=True, timeout=WRITE), patience
        )

    def _change(self, patience: Patience = OPTIMISING, **changes: Any) -> None:  # noqa: ANN401
        self._connection.ask(
            lambda client: client.update_collection(self.name, timeout=WRITE, **changes), patience
        )

    def _wait(self, points: int) -> None:
        """Wait until the graphs are made and every point is counted."""
        complete_until: float | None = None
        while True:
            info = self._generations.look(self.name, BUILDING).info
            if info.status == models.CollectionStatus.RED:
                raise BuildFailed(
                    f"The Qdrant server could not make {self.name}: "
                    f"{getattr(info.optimizer_status, 'error', info.optimizer_status)}; see its "
                    "log. What was published is untouched."
                )
            if info.status == models.CollectionStatus.GREY:  # a restart stopped it: set it going
                self._change(optimizers_config=models.OptimizersConfigDiff())
            if info.status == models.CollectionStatus.GREEN:
                counted = self._count()
                if counted == points:
                    return
                now = self._connection.clock()
                complete_until = complete_until or now + SETTLE
                if now > complete_until:
                    raise BuildFailed(
                        f"The Qdrant server counts {counted} points in {self.name}, and {points} "
                        "were sent; what was published is untouched: run this again."
                    )
            self._connection.pause(LOOK)

    def _count(self) -> int:
        return self._connection.ask(
            lambda client: client.count(self.name, exact=True), BUILDING
        ).count

    def _beat(self) -> None:
        while not self._hushed.wait(HEARTBEAT):
            with suppress(StoreError):  # the next may get through
                self._change(Patience(HEARTBEAT, self._hushed), metadata=pulse(self._builder))

    def _hush(self) -> None:
        """Give no more signs of life; when this returns, none is under way."""
        self._hushed.set()
        self._heart.join()
