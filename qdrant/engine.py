"""What an engine implements; `qdrant.store.Store` checks every argument before it calls one."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import numpy as np

from qdrant.figures import Figures, First
from qdrant.filters import Condition
from qdrant.generation import EngineInfo, Generation
from qdrant.model import (
    Collection,
    Hit,
    Point,
    Ranking,
    SparseVector,
    Spec,
)
from qdrant.points import Row

# An engine's own position in a scroll.
Offset = int | str | UUID


@dataclass(frozen=True)
class Search:
    """One checked search.

    Attributes:
        vector: which vector of the points.
        query: float32 (d,), or the terms of a sparse vector.
        limit: how many points.
        conditions: all must hold.
        exact: compare with every point instead of using the graph.
        ef: candidates that the graph search keeps.
        payload: names of the facts to read besides the id; None reads all of them.
    """

    vector: str
    query: np.ndarray | SparseVector
    limit: int
    conditions: list[Condition]
    exact: bool
    ef: int
    payload: tuple[str, ...] | None

    @property
    def with_payload(self) -> bool | list[str]:
        """What is read of the payloads, as both engines take it."""
        return True if self.payload is None else ["id", *self.payload]


class Reader(Protocol):
    """One generation, open for reading.

    Every method raises `NotFound` when the generation was removed meanwhile.
    """

    @property
    def collection(self) -> Collection:
        """The generation that is read."""

    def search(self, searches: Sequence[Search]) -> list[list[Hit]]:
        """Return the nearest points of each search, best first, in any tie order.

        Scores are exact cosines: candidates found by int8 are rescored (`layout.oversampling`).
        """

    def rank(self, searches: Sequence[Search]) -> list[Ranking[int]]:
        """Return the nearest points as `search` does, by the numbers of their point ids alone.

        No payload is read. Of 200 hits that is three quarters of the time.
        """

    def count(self, conditions: list[Condition]) -> int:
        """Return the exact number of points that match."""

    def facet(self, field: str, conditions: list[Condition], limit: int) -> dict[str, int]:
        """Return exact counts of the most frequent values."""

    def retrieve(self, keys: Sequence[UUID], *, vectors: bool) -> list[Point]:
        """Return the points that are there, at most `store.PAGE` of them, in any order."""

    def facts(self, numbers: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return the product's id and at least these facts of the points that are there.

        Args:
            numbers: of point ids, at most `store.PAGE`.
            names: of the facts.

        Returns:
            By the numbers of the point ids.
        """

    def figures(
        self, conditions: list[Condition], names: Sequence[str], first: First | None = None
    ) -> Iterator[Figures]:
        """Yield facts that are numbers or dates of the points that match, some at a time.

        In any order; with `first`, others than those may be left out.
        """

    def page(self, offset: Offset | None, *, vectors: bool) -> tuple[list[Point], Offset | None]:
        """Return some points in ascending order of point ids, and the offset of the next page."""


class Engine(Protocol):
    """Keeps generations of points, of which one per variant is published."""

    @property
    def rebuild_share(self) -> float:
        """The share of changed points from which building anew is quicker than an update."""

    def info(self) -> EngineInfo:
        """Return name, version and place."""

    def variants(self) -> list[str]:
        """Return the variants that have a published generation, ascending; damaged ones too."""

    def collection(self, variant: str) -> Collection:
        """Return the published generation; cheap enough for every query.

        Raises:
            CollectionMissing, CollectionBroken: there is none, or it has no description.
        """

    def generations(self, variant: str) -> list[Generation]:
        """Return every generation of the variant, the published one first."""

    def reader(self, variant: str) -> AbstractContextManager[Reader]:
        """Open the published generation; it stays readable until the end of the block."""

    def lock(self, variant: str) -> AbstractContextManager[None]:
        """Keep other writers of the variant out. The methods below need it.

        Raises:
            BuildRunning: another process or thread has it.
        """

    def build(self, spec: Spec, rows: Iterable[Row], expected: int) -> Collection:
        """Write a new generation, then publish it in one step.

        Args:
            spec: what is built.
            rows: its points, streamed.
            expected: about how many; 0 if unknown.
        """

    def update(
        self,
        base: Collection,
        spec: Spec,
        rows: Iterable[Row],
        deleted: Sequence[UUID],
        expected: int,
    ) -> Collection:
        """Publish a new generation: `base` without `deleted`, then with `rows`."""

    def rollback(self, variant: str) -> Collection:
        """Exchange the published generation and the one before."""

    def drop(self, variant: str) -> None:
        """Unpublish and remove every generation."""

    def close(self) -> None:
        """Release everything held open."""


def scroll(reader: Reader, *, vectors: bool) -> Iterator[Point]:
    """Yield every point of a reader in ascending order of point ids, read in pages."""
    page, offset = reader.page(None, vectors=vectors)
    yield from page
    while offset is not None:
        page, offset = reader.page(offset, vectors=vectors)
        yield from page
