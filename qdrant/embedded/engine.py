"""The store in this process: Qdrant's engine on the installation's own disk.

Searches read private hard-linked copies of the published generation (`readers`); builds run in a
child process (`construction`, `builder`) and are published in a single step (`generations`). So
one process searches while another does too and a third builds.
"""

from __future__ import annotations

import importlib.metadata
import operator
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from qdrant import layout
from qdrant.embedded import readers
from qdrant.embedded.build import Build
from qdrant.embedded.generations import CONFIG, CURRENT, Generations, copy_sparse, disk_full, mirror
from qdrant.errors import CollectionMissing
from qdrant.model import NO_FILTERS, Collection, Engine, Filters, Generation, Hit, Point, Spec
from qdrant.points import Change, checked, checked_deletions, checked_queries, point_id

# Points asked for by id in one call to the engine.
RETRIEVE = 1000


class EmbeddedStore:
    """Collections in a folder; a `qdrant.store.Store`.

    Args:
        folder: where the collections lie; made by the first build.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._readers = readers.Readers()
        self._variants: dict[str, Generations] = {}

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
        found = sorted(self._folder.glob(f"*/{CURRENT}"))
        return [self.collection(current.parent.name) for current in found]

    def collection(self, variant: str) -> Collection:
        """Return what is published for the variant: one `stat` when nothing has changed."""
        return self._generations(variant).current()[1]

    def engine(self) -> Engine:
        """Return what keeps the collections."""
        version = importlib.metadata.version("qdrant-edge-py")
        return Engine("embedded", version, str(self._folder))

    def generations(self, variant: str) -> list[Generation]:
        """Return the generation in use and the one kept beside it."""
        generations = self._generations(variant)
        with self._readers.lease(generations) as reader:
            current, indexed = reader.collection.generation, reader.shard.indexed()
        return [
            Generation(
                name=listed.generation,
                use="current" if listed.generation == current else "kept",
                points=listed.points,
                indexed=indexed if listed.generation == current else None,
                size=generations.size(listed.generation),
                state="green",
                created=listed.created,
            )
            for listed in generations.listed()
        ]

    def build(self, spec: Spec, points: Iterable[Point]) -> Collection:
        """Publish a new generation made of these points alone."""
        return self._make(spec, checked(spec, points), operator.length_hint(points))

    def update(self, spec: Spec, points: Iterable[Point], delete: Iterable[str] = ()) -> Collection:
        """Publish a new generation: the current one without `delete`, then with `points`."""
        changes: Iterable[Change] = chain(checked_deletions(delete), checked(spec, points))
        return self._make(spec, changes, operator.length_hint(points), onto_current=True)

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
        with self._readers.lease(self._generations(variant)) as reader:
            collection = reader.collection
            rows = checked_queries(collection, queries, vector, k)
            if not collection.points:
                return [[] for _ in rows]
            answers = reader.shard.search(
                rows,
                vector,
                min(k, collection.points),
                wanted,
                exact=exact or layout.scan_all(collection.points, collection.dim),
                ef=ef,
            )
        return [layout.ranked(hits) for hits in answers]

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """Return how many products match, exactly."""
        wanted = layout.conditions(filters)
        with self._readers.lease(self._generations(variant)) as reader:
            return reader.shard.count(wanted)

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """Return exact counts by value of `category` or `brand`, most frequent first."""
        layout.check_facet(field, limit)
        wanted = layout.conditions(filters)
        with self._readers.lease(self._generations(variant)) as reader:
            counts = reader.shard.facet(field, wanted, limit)
        return layout.most_frequent(counts)

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Return points by product id; ids that are not there are absent."""
        keys = [point_id(product) for product in dict.fromkeys(ids)]
        found: dict[str, Point] = {}
        with self._readers.lease(self._generations(variant)) as reader:
            for start in range(0, len(keys), RETRIEVE):
                page = reader.shard.retrieve(keys[start : start + RETRIEVE], vectors=vectors)
                found.update((point.id, point) for point in page)
        return {product: found[product] for product in ids if product in found}

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Yield every point of one generation in bounded memory, in the order of point ids."""
        with self._readers.lease(self._generations(variant)) as reader:
            offset = None
            while True:
                page, offset = reader.shard.page(offset, vectors=vectors)
                yield from page
                if offset is None:
                    return

    def rollback(self, variant: str) -> Collection:
        """Change places between the current generation and the one kept beside it."""
        generations = self._published(variant)
        with generations.claim():
            current = generations.rollback()
        self._readers.refresh(generations)
        return current

    def drop(self, variant: str) -> None:
        """Remove the variant's collection with all its generations, damaged ones too."""
        generations = self._published(variant)
        self._readers.forget(variant)
        with generations.claim():
            readers.sweep(generations.folder)
            generations.drop()

    def close(self) -> None:
        """Let go of everything held open."""
        self._readers.close()

    def _make(
        self, spec: Spec, changes: Iterable[Change], expected: int, *, onto_current: bool = False
    ) -> Collection:
        generations = self._generations(spec.variant)
        with generations.claim():
            readers.sweep(generations.folder)
            generations.sweep()
            base = _base(generations, spec) if onto_current else None
            present = base.points if base else 0
            name = layout.generation_name()
            folder = generations.path(name)
            try:
                folder.mkdir()
                with Build(folder, spec, expected + present) as construction:
                    if base:
                        _copy(generations.path(base.generation), folder)
                    points = construction.feed(changes, present)
                created = datetime.now(UTC).isoformat(timespec="seconds")
                made = Collection(**spec.facts(), generation=name, points=points, created=created)
                generations.publish(made)
            finally:  # done: the generation before the last; failed: the one begun
                generations.sweep()
        self._readers.refresh(generations)
        return made

    def _generations(self, variant: str) -> Generations:
        found = self._variants.get(variant)
        if found is None:
            found = self._variants[variant] = Generations(self._folder, variant)
        return found

    def _published(self, variant: str) -> Generations:
        generations = self._generations(variant)
        if not generations.published():
            raise CollectionMissing(variant)
        return generations


def _base(generations: Generations, spec: Spec) -> Collection:
    base = generations.current()[1]
    layout.check_same(base, spec)
    return base


def _copy(source: Path, target: Path) -> None:
    """Copy what the engine needs to go on writing.

    The write-ahead log belongs to it: its numbers go on where the points' versions end. With a
    new log they start from 0, and the engine takes every change for an old one and ignores it.
    """
    with disk_full():
        for name in ("segments", "wal"):
            mirror(source / name, target / name, copy_sparse)
        copy_sparse(source / CONFIG, target / CONFIG)
