"""The vector store: the protocol that both engines keep, and `open_store`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from qdrant.model import NO_FILTERS, Collection, Engine, Filters, Generation, Hit, Point, Spec


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


def open_store(home: Path) -> Store:
    """Open the store of an installation: the server of `QDRANT_URL`, else the engine in `home`.

    Args:
        home: the installation's folder; collections lie in its `qdrant/`.
    """
    url = os.environ.get("QDRANT_URL", "").strip()
    if url:  # imported here: the client costs 0.7 s that an embedded search need not pay
        from qdrant.server.engine import open_server

        return open_server(url, os.environ.get("QDRANT_API_KEY") or None)
    from qdrant.embedded.engine import EmbeddedStore

    return EmbeddedStore(home / "qdrant")
