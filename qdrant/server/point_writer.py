"""Points written into a server collection: sent in parallel, looked up, deleted."""

import json
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID

from qdrant_client import grpc, models

from qdrant.errors import BuildFailed, NotFound, RequestTooLarge
from qdrant.points import Row
from qdrant.server import mapping
from qdrant.server.connection import BUILDING, WRITE, Connection, RetryLimit
from qdrant.server.generations import removed
from vitrine.batches import batched

# Requests under way at once: Qdrant advises two to four, each a queue to one of its writers.
STREAMS = 4
# Point ids looked up, or deleted, in one request.
PRESENT = 1000
# Seconds for the first answer by gRPC: none most likely means that its port is not open.
FIRST_GRPC = 15


class PointWriter:
    """Writes points into one server collection, over REST or by gRPC.

    Args:
        connection: to the server.
        name: of the server collection.
        variant: whose, for sentences.
        streams: requests under way at once.
    """

    def __init__(
        self, connection: Connection, name: str, variant: str, streams: int = STREAMS
    ) -> None:
        self._connection = connection
        self._name = name
        self._variant = variant
        self._streams = streams
        self._batch = mapping.BATCH  # less, once a request was refused for its size
        self._grpc_answered = False

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
                raise removed(self._variant, self._name) from None
            finally:  # nothing is under way, or the build has failed
                stop.set()
                for future in under_way:
                    future.cancel()
        return sent

    def delete(self, keys: Sequence[UUID]) -> int:
        """Delete points; return how many there were."""
        deleted = 0
        for batch in batched(keys, PRESENT):
            present = self.present(batch)
            if present:
                self._delete(sorted(present))
            deleted += len(present)
        return deleted

    def replace(self, rows: Iterable[Row]) -> tuple[int, int]:
        """Store rows in place of those with their ids; return how many, and how many ids are new.

        Raises:
            BuildFailed: the generation was removed meanwhile.
        """
        known = 0

        def looked_up() -> Iterator[Row]:
            nonlocal known
            for batch in mapping.batches(rows):
                known += len(self.present([row.key for row in batch]))
                yield from batch

        stored = self.fill(looked_up())
        return stored, stored - known

    def present(self, keys: Sequence[UUID]) -> set[str]:
        """Return those ids that are stored already."""
        ids = [str(key) for key in keys]
        records = self._connection.call(
            lambda client: client.retrieve(self._name, ids, with_payload=False, with_vectors=False),
            BUILDING,
        )
        return {str(record.id) for record in records}

    def _delete(self, ids: Sequence[str]) -> None:
        points = models.PointIdsList(points=list(ids))
        self._connection.call(
            lambda client: client.delete(self._name, points, wait=True, timeout=WRITE), BUILDING
        )

    def _send(self, rows: list[Row], limit: RetryLimit) -> None:
        """Store rows in one request, or in several where a proxy refuses one of that size."""
        if len(rows) > self._batch:
            half = len(rows) // 2
            self._send(rows[:half], limit)
            self._send(rows[half:], limit)
            return
        try:
            self._upsert(rows, limit)
        except RequestTooLarge as error:
            if len(rows) == 1:
                product = json.loads(rows[0].payload)["id"]
                raise BuildFailed(
                    f"Product {product!r} is too large to be stored. {error}"
                ) from None
            self._batch = min(self._batch, len(rows) // 2)
            self._send(rows, limit)

    def _upsert(self, rows: list[Row], limit: RetryLimit) -> None:
        if self._connection.grpc:
            request = grpc.UpsertPoints(
                collection_name=self._name,
                wait=True,
                points=mapping.grpc_points(rows),
                timeout=WRITE,
            )
            if not self._grpc_answered:
                limit = RetryLimit(FIRST_GRPC, limit.stop)
            self._connection.call(
                lambda client: client.grpc_points.Upsert(request, timeout=WRITE), limit
            )
            self._grpc_answered = True
            return
        points = mapping.points(rows)
        self._connection.call(
            lambda client: client.upsert(self._name, points, wait=True, timeout=WRITE), limit
        )
