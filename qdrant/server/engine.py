"""The store on a Qdrant server, through `qdrant-client`.

Searches read the generation in use by its own name, so that what was checked against its
description is what answers; a new one is noticed within `remote.FRESH` seconds. Builds write a
generation that nobody sees (`remote_build`) and publish it in one call (`remote`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from qdrant import layout
from qdrant.errors import BuildFailed, BuildRunning, CollectionMissing, NotThere, StoreError
from qdrant.model import NO_FILTERS, Collection, Engine, Filters, Generation, Hit, Point, Spec
from qdrant.points import Row, checked, checked_queries, point_id
from qdrant.server import mapping
from qdrant.server.build import STREAMS, ServerBuild
from qdrant.server.connection import BUILDING, Connection, connect
from qdrant.server.generations import PREFIX, ServerGenerations, variants
from qdrant.server.reader import RETRIEVE, ServerReader

T = TypeVar("T")
# Reads points by product id.
Read = Callable[[Sequence[str]], dict[str, Point]]


class ServerStore:
    """Collections on a server; a `qdrant.store.Store`.

    Args:
        connection: to the server.
        placement: how new collections lie on a cluster.
        prefix: before every name of ours on the server.
        streams: requests of a build that are under way at once.
    """

    def __init__(
        self,
        connection: Connection,
        placement: mapping.Placement | None = None,
        *,
        prefix: str = PREFIX,
        streams: int = STREAMS,
    ) -> None:
        self._connection = connection
        self._placement = placement or mapping.Placement()
        self._prefix = prefix
        self._streams = streams
        self._variants: dict[str, ServerGenerations] = {}
        self._building: set[str] = set()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def collections(self) -> list[Collection]:
        """Return the published collections, by ascending variant."""
        return [self.collection(name) for name in variants(self._connection, self._prefix)]

    def collection(self, variant: str) -> Collection:
        """Return what is published for the variant; at most one request a second."""
        return self._generations(variant).current()[1]

    def engine(self) -> Engine:
        """Return what keeps the collections."""
        return Engine("server", self._connection.version(), self._connection.place.address)

    def generations(self, variant: str) -> list[Generation]:
        """Return every generation of the variant that is on the server, the one in use first."""
        generations = self._generations(variant)
        generations.forget()
        current, _ = generations.current()
        served = sorted(generations.all(), key=lambda each: each.name != current)
        sizes = self._connection.sizes()
        return [each.told(current, sizes.get(each.name)) for each in served]

    def build(self, spec: Spec, points: Iterable[Point]) -> Collection:
        """Publish a new generation made of these points alone."""
        return self._make(spec, checked(spec, points))

    def update(self, spec: Spec, points: Iterable[Point], delete: Iterable[str] = ()) -> Collection:
        """Publish a new generation: the current one without `delete`, then with `points`."""
        generations = self._generations(spec.variant)
        generations.forget()
        name, base = generations.current()
        layout.check_same(base, spec)
        replaced = {point_id(product) for product in delete}

        def rows() -> Iterator[Row]:
            # The new ones first: parallel streams keep no order, so nothing may be sent twice.
            for row in checked(spec, points):
                replaced.add(row.key)
                yield row
            last = ServerReader(self._connection, name, BUILDING)
            old = map(mapping.row, last.scroll(vectors=True))
            yield from (row for row in old if row.key not in replaced)

        return self._make(spec, rows())

    def receive(
        self, made: Collection, points: Iterable[Point], check: Callable[[Read], None]
    ) -> int:
        """Take over a generation of another store under its own name, and publish it.

        A copy that was broken off is gone on with: what has arrived is not sent again.

        Args:
            made: what the other store tells of it.
            points: all of its points, as they were stored there.
            check: reads some points of the copy by product id before it is published, and raises
                BuildFailed when they are not as they should be; the copy is then removed.

        Returns:
            how many points were sent.

        Raises:
            BuildRunning, BuildFailed, DiskFull: as `build`.
        """
        spec = Spec(**made.facts())
        build = self._build(spec, made.generation)
        generations = self._generations(spec.variant)
        sent = 0
        with self._claim(spec.variant):
            if generations.published() == build.name:
                return 0
            if not generations.complete(build.name):
                rows = map(mapping.row, points)
                with build.claimed(self._placement, resumable=True) as begun:
                    sent = build.fill(rows if begun else _missing(build, rows))
                    build.finish(made.points, made.created)
            try:
                reader = ServerReader(self._connection, build.name, BUILDING)
                check(lambda ids: reader.retrieve(ids, vectors=True))
            except BuildFailed:
                generations.remove(build.name)
                raise
            generations.publish(build.name)
        return sent

    def search(
        self,
        variant: str,
        queries: np.ndarray,
        *,
        vector: str = "fused",
        k: int = 10,
        filters: Filters = NO_FILTERS,
        exact: bool = False,
        ef: int | None = None,
    ) -> list[list[Hit]]:
        """Return the k nearest products of each query, best first, ties by ascending id."""
        wanted = layout.conditions(filters)

        def ask(reader: ServerReader, collection: Collection) -> list[list[Hit]]:
            rows = checked_queries(collection, queries, vector, k)
            if not collection.points:
                return [[] for _ in rows]
            scan = exact or layout.scan_all(collection.points, collection.dim)
            most = min(k, collection.points)
            found = reader.search(rows, vector, most, wanted, exact=scan, ef=ef)
            return [layout.ranked(hits) for hits in found]

        return self._read(variant, ask)

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """Return how many products match, exactly."""
        wanted = layout.conditions(filters)
        return self._read(variant, lambda reader, _: reader.count(wanted))

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """Return exact counts by value of `category` or `brand`, most frequent first."""
        layout.check_facet(field, limit)
        wanted = layout.conditions(filters)
        counts = self._read(variant, lambda reader, _: reader.facet(field, wanted, limit))
        return layout.most_frequent(counts)

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Return points by product id; ids that are not there are absent."""
        return self._read(variant, lambda reader, _: reader.retrieve(ids, vectors=vectors))

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Yield every point of one generation in bounded memory, in the order of point ids."""
        name, _ = self._generations(variant).current()
        yield from ServerReader(self._connection, name).scroll(vectors=vectors)

    def rollback(self, variant: str) -> Collection:
        """Change places between the current generation and the one kept beside it."""
        with self._claim(variant):
            return self._generations(variant).rollback()

    def drop(self, variant: str) -> None:
        """Remove the variant's collection with all its generations."""
        if variant not in variants(self._connection, self._prefix):
            raise CollectionMissing(variant)
        with self._claim(variant):
            self._generations(variant).drop()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _make(self, spec: Spec, rows: Iterable[Row]) -> Collection:
        with self._claim(spec.variant):
            build = self._build(spec, layout.generation_name())
            with build.claimed(self._placement):
                made = build.finish(build.fill(rows))
            self._generations(spec.variant).publish(build.name)
        return made

    def _build(self, spec: Spec, generation: str) -> ServerBuild:
        generations = self._generations(spec.variant)
        return ServerBuild(generations, self._connection, spec, generation, self._streams)

    def _generations(self, variant: str) -> ServerGenerations:
        found = self._variants.get(variant)
        if found is None:
            found = ServerGenerations(self._connection, variant, self._prefix)
            self._variants[variant] = found
        return found

    def _read(self, variant: str, ask: Callable[[ServerReader, Collection], T]) -> T:
        """Ask the generation in use; once more when it was swept since it was looked up."""
        generations = self._generations(variant)
        for _ in range(2):
            name, collection = generations.current()
            try:
                return ask(ServerReader(self._connection, name), collection)
            except NotThere:
                generations.forget()
        raise CollectionMissing(variant)

    @contextmanager
    def _claim(self, variant: str) -> Iterator[None]:
        with self._lock:
            if variant in self._building:
                raise BuildRunning(variant, str(os.getpid()))
            self._building.add(variant)
        try:
            yield
        finally:
            self._building.discard(variant)


def open_server(url: str, api_key: str | None = None) -> ServerStore:
    """Return the store of the server at an address such as `http://localhost:6333`.

    QDRANT_SHARDS and QDRANT_REPLICAS say how new collections lie on a cluster.

    Raises:
        StoreError: the address or one of those is not what it should be.
    """
    placement = mapping.Placement(_number("QDRANT_SHARDS"), _number("QDRANT_REPLICAS"))
    return ServerStore(connect(url, api_key), placement)


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise StoreError(f"{variable} is '{value}': it must be a number from 1 on.")
    return int(value)


def _missing(build: ServerBuild, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield those rows that the server has not got."""
    rows = iter(rows)
    while batch := list(islice(rows, RETRIEVE)):
        present = build.present(batch)
        yield from (row for row in batch if str(row.key) not in present)
