"""The words at the seam of the vector store, and the protocol that both engines keep."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np

from qdrant.errors import StoreError

VECTORS = ("image", "text", "fused")
# A variant names a folder and a server collection, so nothing else may stand in it.
_VARIANT = re.compile(r"[a-z0-9_]{1,64}")


@dataclass(frozen=True, slots=True)
class Point:
    """One product in a collection.

    Attributes:
        id: product id.
        payload: plain JSON facts; the store adds the product id as `payload["id"]`.
        vectors: float32 unit vectors of shape (d,), by name; a product without a picture has
            only `text`.
    """

    id: str
    payload: dict[str, Any]
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """One product found; score is the exact cosine of the query and the searched vector."""

    id: str
    score: float
    payload: dict[str, Any]


@dataclass(frozen=True)
class Spec:
    """What a collection is built from.

    Attributes:
        variant: name of the variant, `[a-z0-9_]{1,64}`.
        fingerprint: fingerprint of the variant's manifest.
        dim: dimensions of every vector.
        base: base checkpoint of the variant, for people to read.
        source: digest of what the points were made from; opaque to the store.
        vectors: names of the vectors that points may carry.
    """

    variant: str
    fingerprint: str
    dim: int
    base: str = ""
    source: str = ""
    vectors: tuple[str, ...] = VECTORS

    def __post_init__(self) -> None:
        check_variant(self.variant)
        if self.dim < 1:
            raise StoreError(f"Variant '{self.variant}' has vectors of {self.dim} dimensions.")
        if not self.vectors or len(set(self.vectors)) != len(self.vectors):
            raise StoreError(f"Variant '{self.variant}' needs vector names that differ.")

    def facts(self) -> dict[str, Any]:
        """Return the fields of a Spec by name, of a Collection too."""
        return {part.name: getattr(self, part.name) for part in fields(Spec)}


@dataclass(frozen=True)
class Collection(Spec):
    """A published generation of a variant's vectors.

    Attributes:
        generation: name of the build, made of its time.
        points: products in it.
        created: UTC time of the build, ISO 8601.
    """

    generation: str = ""
    points: int = 0
    created: str = ""


@dataclass(frozen=True)
class Engine:
    """What keeps the collections, for an operator.

    Attributes:
        name: `embedded` or `server`.
        version: of the engine.
        place: folder or address.
    """

    name: str
    version: str
    place: str


@dataclass(frozen=True)
class Generation:
    """One generation of a variant, for an operator.

    Attributes:
        name: of the build.
        use: `current`, `kept` beside it, or `building`: not complete, or left by a dead builder.
        points: products in it, as far as it has come.
        indexed: vectors that have a graph; None where the engine was not asked.
        size: bytes on disk, None where nobody tells; a server estimates.
        state: the server's word (`green`, `yellow`, `grey`, `red`), or `green`.
        created: UTC time of the build, ISO 8601.
    """

    name: str
    use: str
    points: int
    indexed: int | None
    size: int | None
    state: str
    created: str


@dataclass(frozen=True)
class Filters:
    """Which products may be found; every part given must hold.

    Attributes:
        categories: one of these.
        brands: one of these.
        price_min: price at least this; a product without a price never matches.
        price_max: price at most this.
        rating_min: rating at least this.
        has_picture: True: only products with an `image` vector; False: only those without.
        exclude: not these product ids.
        ids: only these product ids; empty means all.
    """

    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    price_min: float | None = None
    price_max: float | None = None
    rating_min: float | None = None
    has_picture: bool | None = None
    exclude: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


NO_FILTERS = Filters()


class Store(Protocol):
    """Collections of vectors, one per variant. Usable from several threads at once.

    Every error is a `qdrant.errors.StoreError`. A variant without a collection raises
    `CollectionMissing` wherever it is named.
    """

    def collections(self) -> list[Collection]:
        """Return the published collections, by ascending variant."""

    def collection(self, variant: str) -> Collection:
        """Return what is published for the variant. Cheap enough to ask on each query."""

    def engine(self) -> Engine:
        """Return what keeps the collections."""

    def generations(self, variant: str) -> list[Generation]:
        """Return every generation of the variant, the one in use first."""

    def build(self, spec: Spec, points: Iterable[Point]) -> Collection:
        """Publish a new generation made of these points alone.

        Points are streamed. Readers answer from the old generation until the new one is
        complete, then from the new one; a build that fails changes nothing.

        Raises:
            InvalidPoint: a point is not fit to be stored, or a product id repeats.
            BuildRunning: the variant is being built by another process or thread.
            BuildFailed: the generation could not be made.
            DiskFull: there is no room for it.
        """

    def update(self, spec: Spec, points: Iterable[Point], delete: Iterable[str] = ()) -> Collection:
        """Publish a new generation: the current one without `delete`, then with `points`.

        A point replaces the earlier one of its product as a whole, vectors included. Product
        ids in `delete` that are not there are ignored.

        Raises:
            SpecMismatch: fingerprint, dimension or vectors are not those of the collection.
            InvalidPoint, BuildRunning, BuildFailed, DiskFull: as `build`.
        """

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
        """Return the k nearest products of each query, best first, ties by ascending id.

        Args:
            variant: whose collection.
            queries: float vectors of shape (n, d) or (d,); their length does not matter.
            vector: which vector of the products; products without it are not found.
            k: how many, at least 1; fewer come back when fewer match.
            filters: which products may be found.
            exact: compare with every product instead of asking the index.
            ef: candidates the index keeps; None takes `layout.EF`.

        Raises:
            InvalidQuery: wrong dimension, NaN, zero vector, unknown vector name, k < 1.
        """

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """Return how many products match, exactly."""

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """Return exact counts by value of `category` or `brand`, most frequent first."""

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Return points by product id; ids that are not there are absent."""

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Yield every point of one generation in bounded memory, in the order of point ids."""

    def rollback(self, variant: str) -> Collection:
        """Change places between the current generation and the one kept beside it."""

    def drop(self, variant: str) -> None:
        """Remove the variant's collection with all its generations."""

    def close(self) -> None:
        """Let go of everything held open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...


def check_variant(variant: str) -> str:
    """Return the name when it can name a collection.

    Raises:
        StoreError: it cannot.
    """
    if not _VARIANT.fullmatch(variant):
        raise StoreError(
            f"'{variant}' cannot name a variant: use 1 to 64 of a-z, 0-9 and the underscore."
        )
    return variant


def open_store(home: Path) -> Store:
    """Open the store of an installation: the server of `QDRANT_URL`, else the engine in `home`.

    Args:
        home: the installation's folder; collections lie in its `qdrant/`.
    """
    url = os.environ.get("QDRANT_URL", "").strip()
    if url:  # imported here: the client costs 0.7 s that an embedded search need not pay
        from qdrant.server import open_server

        return open_server(url, os.environ.get("QDRANT_API_KEY") or None)
    from qdrant.embedded import EmbeddedStore

    return EmbeddedStore(home / "qdrant")
