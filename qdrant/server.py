"""The store on a Qdrant server, through `qdrant-client`.

A generation is a server collection `products_VARIANT__GENERATION`; the alias `products_VARIANT`
names the one in use and changes in one call. The collection's metadata holds the spec, and once
it is complete the number of points and the time: without those it was left by a build that died,
and the next build removes it. Two builders of one variant on several machines are not kept apart.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Any, Self

import numpy as np
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException
from qdrant_client.http.exceptions import ApiException

from qdrant import layout, wire
from qdrant.errors import (
    BuildRunning,
    CollectionBroken,
    CollectionMissing,
    EngineError,
    NothingKept,
    StoreError,
)
from qdrant.points import Row, checked, checked_queries, point_id
from qdrant.store import NO_FILTERS, Collection, Filters, Hit, Point, Spec, check_variant

PREFIX = "products_"
SEPARATOR = "__"


def connect(url: str, api_key: str | None = None) -> ServerStore:
    """Return the store of the server at an address such as `http://localhost:6333`.

    Raises:
        StoreError: the address has no scheme.
    """
    if not url.startswith(("http://", "https://")):
        raise StoreError(f"QDRANT_URL is '{url}': it must start with http:// or https://.")
    return ServerStore(QdrantClient(url=url, api_key=api_key, check_compatibility=False))


class ServerStore:
    """Collections on a server; a `qdrant.store.Store`.

    Args:
        client: the connection, or `QdrantClient(":memory:")` in tests.
    """

    def __init__(self, client: QdrantClient) -> None:
        self._client = client
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
        aliases = [name for name in self._aliases() if name.startswith(PREFIX)]
        return [self.collection(alias.removeprefix(PREFIX)) for alias in sorted(aliases)]

    def collection(self, variant: str) -> Collection:
        """Return what is published for the variant: two requests."""
        return self._published(variant)[1]

    def build(self, spec: Spec, points: Iterable[Point]) -> Collection:
        """Publish a new generation made of these points alone."""
        return self._make(spec, checked(spec, points))

    def update(self, spec: Spec, points: Iterable[Point], delete: Iterable[str] = ()) -> Collection:
        """Publish a new generation: the current one without `delete`, then with `points`."""
        name, base = self._published(spec.variant)
        layout.check_same(base, spec)
        gone = {point_id(product) for product in delete}
        old = (wire.row(point) for point in self._pages(name, vectors=True))
        return self._make(spec, (row for row in old if row.key not in gone), checked(spec, points))

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
        name, collection = self._published(variant)
        rows = checked_queries(collection, queries, vector, k)
        if not collection.points:
            return [[] for _ in rows]
        request = partial(
            models.QueryRequest,
            using=vector,
            limit=min(k, collection.points),
            filter=wire.filter_of(wanted),
            params=models.SearchParams(
                hnsw_ef=layout.effort(wanted, ef),
                exact=exact or layout.scan_all(collection.points, collection.dim),
                quantization=models.QuantizationSearchParams(
                    rescore=True, oversampling=layout.OVERSAMPLING
                ),
            ),
            with_payload=True,
        )
        requests = [request(query=query) for query in rows.tolist()]
        with _server():
            answers = self._client.query_batch_points(name, requests)
        return [layout.ranked([wire.hit(p) for p in answer.points]) for answer in answers]

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """Return how many products match, exactly."""
        wanted = layout.conditions(filters)
        name, _ = self._published(variant)
        with _server():
            return self._client.count(name, count_filter=wire.filter_of(wanted), exact=True).count

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """Return exact counts by value of `category` or `brand`, most frequent first."""
        layout.check_facet(field, limit)
        wanted = layout.conditions(filters)
        name, _ = self._published(variant)
        with _server():
            answer = self._client.facet(
                name, field, facet_filter=wire.filter_of(wanted), limit=limit, exact=True
            )
        return layout.most_frequent({str(hit.value): hit.count for hit in answer.hits})

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Return points by product id; ids that are not there are absent."""
        keys = iter([str(point_id(product)) for product in dict.fromkeys(ids)])
        name, _ = self._published(variant)
        found: dict[str, Point] = {}
        while page := list(islice(keys, layout.BATCH)):
            with _server():
                records = self._client.retrieve(name, page, with_vectors=vectors)
            found.update((point.id, point) for point in map(wire.point, records))
        return {product: found[product] for product in ids if product in found}

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Yield every point of one generation in bounded memory, in the order of point ids."""
        yield from self._pages(self._published(variant)[0], vectors=vectors)

    def rollback(self, variant: str) -> Collection:
        """Change places between the current generation and the one kept beside it."""
        current, _ = self._published(variant)
        with self._claim(variant):
            others = [name for name in self._complete(variant) if name != current]
            if not others:
                raise NothingKept(variant)
            self._point_alias(variant, max(others))
        return self.collection(variant)

    def drop(self, variant: str) -> None:
        """Remove the variant's collection with all its generations."""
        if _alias(variant) not in self._aliases():
            raise CollectionMissing(variant)
        with self._claim(variant), _server():
            self._client.update_collection_aliases([_unalias(variant)])
            self._keep(variant, set())

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _make(self, spec: Spec, *parts: Iterable[Row]) -> Collection:
        with self._claim(spec.variant):
            self._keep(spec.variant, self._complete(spec.variant))
            generation = layout.generation_name()
            name = _name(spec.variant, generation)
            try:
                self._create(name, spec)
                for rows in parts:
                    self._fill(name, rows)
                made = Collection(
                    **spec.facts(),
                    generation=generation,
                    points=self._size(name),
                    created=datetime.now(UTC).isoformat(timespec="seconds"),
                )
                with _server():
                    self._client.update_collection(name, metadata=_metadata(made))
            except BaseException:
                self._keep(spec.variant, self._complete(spec.variant))
                raise
            last = self._aliases().get(_alias(spec.variant))
            self._point_alias(spec.variant, name)
            self._keep(spec.variant, {name, last})
        return made

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

    def _create(self, name: str, spec: Spec) -> None:
        with _server():
            self._client.create_collection(name, **wire.parameters(spec), metadata=spec.facts())
            for field, index in wire.INDEXES.items():
                self._client.create_payload_index(name, field, index)

    def _fill(self, name: str, rows: Iterable[Row]) -> None:
        rows = iter(rows)
        while batch := list(islice(rows, layout.BATCH)):
            points = [
                models.PointStruct(
                    id=str(row.key),
                    payload=json.loads(row.payload),
                    vector={part: vector.tolist() for part, vector in row.vectors.items()},
                )
                for row in batch
            ]
            with _server():
                self._client.upsert(name, points, wait=True)

    def _pages(self, name: str, *, vectors: bool) -> Iterator[Point]:
        offset = None
        while True:
            with _server():
                records, offset = self._client.scroll(
                    name,
                    limit=layout.BATCH,
                    offset=offset,
                    with_payload=True,
                    with_vectors=vectors,
                )
            yield from map(wire.point, records)
            if offset is None:
                return

    def _size(self, name: str) -> int:
        with _server():
            return self._client.count(name, exact=True).count

    def _published(self, variant: str) -> tuple[str, Collection]:
        name = self._aliases().get(_alias(variant))
        if name is None:
            raise CollectionMissing(variant)
        found = self._described(name)
        if found is None:
            raise CollectionBroken(variant, f"{name} carries no description")
        return name, found

    def _described(self, name: str) -> Collection | None:
        """Return what a server collection holds, None while it is not complete."""
        with _server():
            facts = self._client.get_collection(name).config.metadata or {}
        if "points" not in facts:
            return None
        vectors, generation = tuple(facts["vectors"]), name.rpartition(SEPARATOR)[2]
        return Collection(**{**facts, "vectors": vectors, "generation": generation})

    def _aliases(self) -> dict[str, str]:
        with _server():
            return {a.alias_name: a.collection_name for a in self._client.get_aliases().aliases}

    def _generations(self, variant: str) -> list[str]:
        """Return the variant's server collections, oldest first."""
        with _server():
            names = [c.name for c in self._client.get_collections().collections]
        return sorted(name for name in names if name.rpartition(SEPARATOR)[0] == _alias(variant))

    def _complete(self, variant: str) -> set[str]:
        return {name for name in self._generations(variant) if self._described(name)}

    def _keep(self, variant: str, kept: Container[str | None]) -> None:
        for name in self._generations(variant):
            if name not in kept:
                with _server():
                    self._client.delete_collection(name)

    def _point_alias(self, variant: str, name: str) -> None:
        alias = _alias(variant)
        changes: list[models.AliasOperations] = [
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name=name, alias_name=alias)
            )
        ]
        if alias in self._aliases():
            changes.insert(0, _unalias(variant))
        with _server():
            self._client.update_collection_aliases(changes)


def _alias(variant: str) -> str:
    return PREFIX + check_variant(variant)


def _name(variant: str, generation: str) -> str:
    return _alias(variant) + SEPARATOR + generation


def _unalias(variant: str) -> models.DeleteAliasOperation:
    return models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=_alias(variant)))


def _metadata(collection: Collection) -> dict[str, Any]:
    return {**collection.facts(), "points": collection.points, "created": collection.created}


@contextmanager
def _server() -> Iterator[None]:
    try:
        yield
    except (ApiException, QdrantException) as error:
        words = " ".join(str(error).split()).rstrip(".")
        raise EngineError(f"The Qdrant server refused or did not answer: {words}.") from None
