"""Collections in a folder, by Qdrant's engine inside this process.

Searches read private hard-linked copies of the published generation (`private`, `leases`); builds
run in a child process (`build`, `builder`) and are published in one step (`generations`). So
one process searches while another does too and a third builds.
"""

import importlib.metadata
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain
from pathlib import Path
from uuid import UUID

from qdrant import layout
from qdrant.disk import copy_sparse, disk_full, mirror, read_ahead
from qdrant.embedded.facts import FOLDER as FACTS
from qdrant.embedded.generations import CONFIG, CURRENT, READERS, Generations
from qdrant.embedded.leases import Leases
from qdrant.embedded.private import PrivateReader, sweep
from qdrant.embedded.segment_files import copy_for_writing, link_or_copy, split_by_use
from qdrant.generation import EngineInfo, Generation, generation_name, now
from qdrant.model import Collection, Spec
from qdrant.points import Change, Deletion, Row

# The engine rebuilds a segment's graph when a fifth of it is gone.
REBUILD_SHARE = 0.2


class EmbeddedEngine:
    """Keeps collections in a folder; a `qdrant.engine.Engine`.

    Args:
        folder: where the collections are; made by the first build.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._leases = Leases()
        self._variants: dict[str, Generations] = {}

    @property
    def rebuild_share(self) -> float:
        """The share of changed points from which building anew is quicker: `REBUILD_SHARE`."""
        return REBUILD_SHARE

    def info(self) -> EngineInfo:
        """Return name, version and folder."""
        version = importlib.metadata.version("qdrant-edge-py")
        return EngineInfo("embedded", version, str(self.folder))

    def variants(self) -> list[str]:
        """Return the variants that have a published generation, ascending."""
        return sorted(current.parent.name for current in self.folder.glob(f"*/{CURRENT}"))

    def collection(self, variant: str) -> Collection:
        """Return the generation that searches read: one `stat` when nothing has changed.

        Under the lock of the variant it is the published one.
        """
        return self._leases.collection(self._generations(variant))

    def generations(self, variant: str) -> list[Generation]:
        """Return the published generation and the one kept beside it."""
        generations = self._generations(variant)
        with self.reader(variant) as reader:
            current, indexed = reader.collection.generation, reader.indexed()
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

    def reader(self, variant: str) -> AbstractContextManager[PrivateReader]:
        """Open the published generation; threads share one reader."""
        return self._leases.lease(self._generations(variant))

    @contextmanager
    def lock(self, variant: str) -> Iterator[None]:
        """Keep other processes and threads from writing the variant."""
        generations = self._generations(variant)
        with generations.lock():
            self._leases.forget(variant)
            yield

    def build(self, spec: Spec, rows: Iterable[Row], expected: int) -> Collection:
        """Write a new generation in a child process, then publish it."""
        return self._make(spec, rows, expected)

    def update(
        self,
        base: Collection,
        spec: Spec,
        rows: Iterable[Row],
        deleted: Sequence[UUID],
        expected: int,
    ) -> Collection:
        """Publish a changed copy of a generation."""
        changes: Iterable[Change] = chain(map(Deletion, deleted), rows)
        return self._make(spec, changes, expected + len(deleted), base)

    def rollback(self, variant: str) -> Collection:
        """Exchange the published generation and the one kept beside it."""
        generations = self._generations(variant)
        current = generations.rollback()
        self._leases.forget(variant)
        return current

    def drop(self, variant: str) -> None:
        """Remove every generation; readers of other processes keep their own links."""
        generations = self._generations(variant)
        self._leases.forget(variant)
        sweep(generations.folder / READERS)
        generations.drop()

    def close(self) -> None:
        """Close the readers."""
        self._leases.close()

    def _make(
        self, spec: Spec, changes: Iterable[Change], expected: int, base: Collection | None = None
    ) -> Collection:
        from qdrant.embedded.build import Build  # pyarrow, which no search needs

        generations = self._generations(spec.variant)
        sweep(generations.folder / READERS)
        generations.sweep()
        present = base.points if base else 0
        changed = base.changed + expected if base else expected
        measured = base is not None and changed <= layout.DRIFT * present
        name = generation_name()
        folder = generations.path(name)
        try:
            folder.mkdir()
            with Build(folder, spec, expected, present, measure=not measured) as build:
                if base:
                    _copy(generations.path(base.generation), folder)
                built = build.feed(changes)
            made = Collection(
                **spec.facts(),
                generation=name,
                points=built.points,
                created=now(),
                graphs=base.graphs if base and measured else built.graphs,
                changed=changed if measured else 0,
            )
            generations.publish(made)
        finally:  # after success the generation before the last, after an error the one begun
            generations.sweep()
        self._leases.forget(spec.variant)
        return made

    def _generations(self, variant: str) -> Generations:
        known = self._variants.get(variant)
        return known or self._variants.setdefault(variant, Generations(self.folder, variant))


def _copy(source: Path, target: Path) -> None:
    """Make what the engine needs to continue a generation, which stays as it is.

    The write-ahead log belongs to it: its numbers continue the points' versions. With a new log
    they start from 0, and the engine ignores every change as an old one.
    """
    with disk_full():
        copy_for_writing(source / "segments", target / "segments")
        for name, each in (("wal", copy_sparse), (FACTS, link_or_copy)):
            if (source / name).exists():  # earlier generations have no facts
                mirror(source / name, target / name, each)
        copy_sparse(source / CONFIG, target / CONFIG)
    now, _ = split_by_use(target / "segments", json.loads((target / CONFIG).read_text()))
    read_ahead(now)
