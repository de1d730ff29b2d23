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
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from qdrant_client import models

from qdrant import layout, wire
from qdrant.connection import BUILDING, SEARCHING, Connection, Patience, connect
from qdrant.errors import BuildRunning, CollectionMissing, NotThere, StoreError
from qdrant.points import Row, checked, checked_queries, point_id
from qdrant.remote import PREFIX, RemoteGenerations, variants
from qdrant.remote_build import STREAMS, RemoteBuild
from qdrant.store import NO_FILTERS, Collection, Filters, Hit, Point, Spec

T = TypeVar("T")

# Points asked for by id in one request.
RETRIEVE = 1000


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
        placement: wire.Placement | None = None,
        *,
        prefix: str = PREFIX,
        streams: int = STREAMS,
    ) -> None:
        self._connection = connection
        self._placement = placement or wire.Placement()
        self._prefix = prefix
        self._streams = streams
        self._variants: dict[str, RemoteGenerations] = {}
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
            old = (wire.row(point) for point in self._pages(name, BUILDING, vectors=True))
            yield from (row for row in old if row.key not in replaced)

        return self._make(spec, rows())

    def receive(self, made: Collection, points: Iterable[Point]) -> int:
        """Take over a generation of another store under its own name, and publish it.

        A copy that was broken off is gone on with: what has arrived is not sent again.

        Args:
            made: what the other store tells of it.
            points: all of its points, as they were stored there.

        Returns:
            how many points were sent.

        Raises:
            BuildRunning, BuildFailed, DiskFull: as `build`.
        """
        spec = Spec(**made.facts())
        build = self._build(spec, made.generation)
        with self._claim(spec.variant):
            generations = self._generations(spec.variant)
            if any(served.name == build.name and served.collection for served in generations.all()):
                generations.publish(build.name)
                return 0
            rows = map(wire.row, points)
            with build.claimed(self._placement, resumable=True) as begun:
                sent = build.fill(rows if begun else _missing(build, rows))
                build.finish(made.points, made.created)
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

        def ask(name: str, collection: Collection) -> list[list[Hit]]:
            rows = checked_queries(collection, queries, vector, k)
            if not collection.points:
                return [[] for _ in rows]
            request = partial(
                wire.query,
                name=vector,
                k=min(k, collection.points),
                wanted=wanted,
                exact=exact or layout.scan_all(collection.points, collection.dim),
                ef=layout.effort(wanted, ef),
            )
            found = []
            for start in range(0, len(rows), wire.SEARCH_BATCH):
                batch = rows[start : start + wire.SEARCH_BATCH]
                answers = self._query(name, [request(row) for row in batch])
                found += [layout.ranked([wire.hit(p) for p in each.points]) for each in answers]
            return found

        return self._read(variant, ask)

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """Return how many products match, exactly."""
        wanted = wire.filter_of(layout.conditions(filters))

        def ask(name: str, _: Collection) -> int:
            return self._connection.ask(
                lambda client: client.count(name, count_filter=wanted, exact=True)
            ).count

        return self._read(variant, ask)

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """Return exact counts by value of `category` or `brand`, most frequent first."""
        layout.check_facet(field, limit)
        wanted = wire.filter_of(layout.conditions(filters))

        def ask(name: str, _: Collection) -> models.FacetResponse:
            return self._connection.ask(
                lambda client: client.facet(
                    name, field, facet_filter=wanted, limit=limit, exact=True
                )
            )

        hits = self._read(variant, ask).hits
        return layout.most_frequent({str(hit.value): hit.count for hit in hits})

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Return points by product id; ids that are not there are absent."""
        keys = [str(point_id(product)) for product in dict.fromkeys(ids)]

        def ask(name: str, _: Collection) -> dict[str, Point]:
            found: dict[str, Point] = {}
            for start in range(0, len(keys), RETRIEVE):
                records = self._records(name, keys[start : start + RETRIEVE], vectors=vectors)
                found.update((point.id, point) for point in map(wire.point, records))
            return found

        found = self._read(variant, ask)
        return {product: found[product] for product in ids if product in found}

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Yield every point of one generation in bounded memory, in the order of point ids."""
        name, _ = self._generations(variant).current()
        yield from self._pages(name, SEARCHING, vectors=vectors)

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

    def _build(self, spec: Spec, generation: str) -> RemoteBuild:
        generations = self._generations(spec.variant)
        return RemoteBuild(generations, self._connection, spec, generation, self._streams)

    def _generations(self, variant: str) -> RemoteGenerations:
        found = self._variants.get(variant)
        if found is None:
            found = RemoteGenerations(self._connection, variant, self._prefix)
            self._variants[variant] = found
        return found

    def _read(self, variant: str, ask: Callable[[str, Collection], T]) -> T:
        """Ask the generation in use; once more when it was swept since it was looked up."""
        generations = self._generations(variant)
        try:
            return ask(*generations.current())
        except NotThere:
            generations.forget()
        try:
            return ask(*generations.current())
        except NotThere:
            raise CollectionMissing(variant) from None

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

    def _query(self, name: str, requests: list[models.QueryRequest]) -> list[models.QueryResponse]:
        return self._connection.ask(lambda client: client.query_batch_points(name, requests))

    def _records(self, name: str, keys: Sequence[str], *, vectors: bool) -> list[models.Record]:
        return self._connection.ask(
            lambda client: client.retrieve(name, keys, with_payload=True, with_vectors=vectors)
        )

    def _page(
        self, name: str, offset: wire.Key | None, patience: Patience, *, vectors: bool
    ) -> tuple[list[models.Record], wire.Key | None]:
        return self._connection.ask(
            lambda client: client.scroll(
                name,
                limit=wire.BATCH,
                offset=offset,
                with_payload=True,
                with_vectors=vectors,
            ),
            patience,
        )

    def _pages(self, name: str, patience: Patience, *, vectors: bool) -> Iterator[Point]:
        offset: wire.Key | None = None
        while True:
            records, offset = self._page(name, offset, patience, vectors=vectors)
            yield from map(wire.point, records)
            if offset is None:
                return


def open_server(url: str, api_key: str | None = None) -> ServerStore:
    """Return the store of the server at an address such as `http://localhost:6333`.

    QDRANT_SHARDS and QDRANT_REPLICAS say how new collections lie on a cluster.

    Raises:
        StoreError: the address or one of those is not what it should be.
    """
    placement = wire.Placement(_number("QDRANT_SHARDS"), _number("QDRANT_REPLICAS"))
    return ServerStore(connect(url, api_key), placement)


def _number(variable: str) -> int | None:
    value = os.environ.get(variable, "").strip()
    if not value:
        return None
    if not value.isdecimal() or int(value) < 1:
        raise StoreError(f"{variable} is '{value}': it must be a number from 1 on.")
    return int(value)


def _missing(build: RemoteBuild, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield those rows that the server has not got."""
    rows = iter(rows)
    while batch := list(islice(rows, RETRIEVE)):
        present = build.present(batch)
        yield from (row for row in batch if str(row.key) not in present)
