"""The folder of one variant: its generations, and CURRENT, which names the one in use.

```
VARIANT/CURRENT          two lines: the generation in use, the one kept beside it
VARIANT/GENERATION/      segments/, columns/, edge_config.json, wal/, generation.json; never
                         written again
VARIANT/LOCK             held by the process that builds
VARIANT/readers/         private folders of readers (reader.py)
```

A generation is published exactly when CURRENT names it, and CURRENT changes by one `os.replace`.
Every other generation was left by a build that ended early, and the next build removes it.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from qdrant.disk import BLOCK, disk_full, files_of, sync, sync_tree
from qdrant.embedded.lock import Lock, holder
from qdrant.errors import (
    BuildRunning,
    CollectionBroken,
    CollectionMissing,
    StoreError,
    no_earlier_generation,
)
from qdrant.model import Collection

CURRENT = "CURRENT"
LOCK = "LOCK"
READERS = "readers"
CONFIG = "edge_config.json"  # the engine's own
DESCRIPTION = "generation.json"
_GENERATION = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")

T = TypeVar("T")
# Changes whenever CURRENT is replaced: inode, time of change, size.
Stamp = tuple[int, int, int]


class Generations:
    """The generations of one variant."""

    def __init__(self, store: Path, variant: str) -> None:
        self.variant = variant
        self.folder = store / variant
        self._current = self.folder / CURRENT
        self._known: tuple[Stamp, Collection] | None = None

    def current(self) -> tuple[Stamp, Collection]:
        """Return the published generation and the stamp of CURRENT; one `stat` if unchanged.

        Raises:
            CollectionMissing: nothing is published.
            CollectionBroken: CURRENT or what it names cannot be read.
        """
        try:
            status = self._current.stat()
        except FileNotFoundError:
            raise CollectionMissing(self.variant) from None
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        known = self._known
        if known is None or known[0] != stamp:
            published = self._consistently(lambda names: self._read(names[0]))
            known = self._known = (stamp, published)
        return known

    def listed(self) -> list[Collection]:
        """Return the generation in use and the one kept beside it."""
        return self._consistently(lambda names: [self._read(name) for name in names])

    def size(self, generation: str) -> int:
        """Return the bytes that a generation takes on disk; 0 when a build has removed it."""
        try:
            return sum(file.st_blocks * BLOCK for file in files_of(self.path(generation)))
        except FileNotFoundError:
            return 0

    def path(self, generation: str) -> Path:
        """Return the folder of a generation."""
        return self.folder / generation

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other builder of this variant out.

        Raises:
            BuildRunning: another process or thread has the lock.
        """
        with disk_full():
            lock = self._take_lock()
        if lock is None:
            raise BuildRunning(self.variant, holder(self.folder / LOCK))
        try:
            yield
        finally:
            lock.release()

    def sweep(self) -> None:
        """Remove every generation that CURRENT does not name; none while CURRENT is damaged."""
        try:
            named = self._named()
        except CollectionMissing:
            named = []
        except CollectionBroken:
            return
        for entry in self.folder.iterdir():
            if _GENERATION.fullmatch(entry.name) and entry.name not in named:
                shutil.rmtree(entry, ignore_errors=True)  # what stays is swept next time

    def publish(self, collection: Collection) -> None:
        """Make a complete generation the current one, and keep the last one beside it."""
        with disk_full():
            folder = self.path(collection.generation)
            (folder / DESCRIPTION).write_text(json.dumps(asdict(collection), indent=1))
            sync_tree(folder)
            try:
                kept = self._named()[:1]
            except StoreError:
                kept = []
            self._name([collection.generation, *kept])

    def rollback(self) -> Collection:
        """Exchange the two kept generations.

        Raises:
            StoreError: only one is kept.
        """
        named = self._named()
        if len(named) < 2:
            raise no_earlier_generation(self.variant)
        collection = self._read(named[1])
        with disk_full():
            self._name(named[::-1])
        return collection

    def drop(self) -> None:
        """Unpublish everything, then remove it; running readers keep their own links."""
        self._current.unlink(missing_ok=True)
        self.sweep()
        (self.folder / LOCK).unlink()
        with suppress(OSError):  # readers of other processes are still there
            (self.folder / READERS).rmdir()
        with suppress(OSError):
            self.folder.rmdir()

    def _take_lock(self) -> Lock | None:
        """Take the lock in the folder, which is made again where a drop removes it meanwhile."""
        while True:
            self.folder.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                return Lock.take(self.folder / LOCK)

    def _consistently(self, read: Callable[[list[str]], T]) -> T:
        """Read what CURRENT names, again where builds have removed one of them meanwhile."""
        while True:
            names = self._named()
            try:
                return read(names)
            except CollectionBroken:
                if self._named() == names:
                    raise

    def _named(self) -> list[str]:
        path = self._current
        try:
            names = path.read_text().split()
        except FileNotFoundError:
            raise CollectionMissing(self.variant) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CollectionBroken(self.variant, f"{path} cannot be read ({error})") from None
        if not 1 <= len(names) <= 2 or not all(map(_GENERATION.fullmatch, names)):
            raise CollectionBroken(self.variant, f"{path} does not name a generation")
        return names

    def _name(self, generations: list[str]) -> None:
        fresh = self.folder / f"{CURRENT}.new"
        with fresh.open("w") as file:
            file.write("".join(f"{name}\n" for name in generations))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._current)
        sync(self.folder)

    def _read(self, generation: str) -> Collection:
        path = self.path(generation) / DESCRIPTION
        try:
            return Collection(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError) as error:
            what = f"{path} cannot be read ({type(error).__name__})"
            raise CollectionBroken(self.variant, what) from None
