"""The folder of one variant: its generations, and CURRENT, which names the one in use.

```
VARIANT/CURRENT          two lines: the generation in use, the one kept beside it
VARIANT/GENERATION/      segments/, edge_config.json, wal/, generation.json; never written again
VARIANT/LOCK             held by whoever builds
VARIANT/readers/         private folders of readers (readers.py)
```

A generation is published exactly when CURRENT names it, and CURRENT changes by one `os.replace`.
Whatever else lies in the folder was left by a build that died, and the next build sweeps it.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from qdrant.embedded.lock import Claim, holder
from qdrant.errors import (
    BuildRunning,
    CollectionBroken,
    CollectionMissing,
    DiskFull,
    NothingKept,
    StoreError,
)
from qdrant.model import Collection, check_variant

CURRENT = "CURRENT"
LOCK = "LOCK"
READERS = "readers"
CONFIG = "edge_config.json"  # the engine's own
DESCRIPTION = "generation.json"
# A file system writes its journal once for many waiting files: 100 files in 20 ms, not in 400.
SYNC_THREADS = 32
BLOCK = 512  # what st_blocks counts in; files of the engine are long and mostly holes
_GENERATION = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")

# Changes whenever CURRENT is replaced: inode, time of change, size.
Stamp = tuple[int, int, int]


class Generations:
    """The generations of one variant."""

    def __init__(self, store: Path, variant: str) -> None:
        self.variant = check_variant(variant)
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
            known = self._known = (stamp, self._read(self._named()[0]))
        return known

    def published(self) -> bool:
        """Tell whether there is something to read, damaged or not."""
        return self._current.exists()

    def listed(self) -> list[Collection]:
        """Return the generation in use and the one kept beside it."""
        return [self._read(name) for name in self._named()]

    def size(self, generation: str) -> int:
        """Return the bytes that a generation takes on disk."""
        files = self.path(generation).rglob("*")
        return sum(file.stat().st_blocks * BLOCK for file in files if file.is_file())

    def path(self, generation: str) -> Path:
        """Return the folder of a generation."""
        return self.folder / generation

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Keep every other builder of this variant out.

        Raises:
            BuildRunning: another process or thread holds the claim.
        """
        with disk_full():
            self.folder.mkdir(parents=True, exist_ok=True)
            claim = Claim.take(self.folder / LOCK)
        if claim is None:
            raise BuildRunning(self.variant, holder(self.folder / LOCK))
        try:
            yield
        finally:
            claim.release()

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
        """Make a complete generation the one in use, and keep the last one beside it."""
        with disk_full():
            folder = self.path(collection.generation)
            (folder / DESCRIPTION).write_text(json.dumps(asdict(collection), indent=1))
            _sync_tree(folder)
            try:
                kept = self._named()[:1]
            except StoreError:
                kept = []
            self._name([collection.generation, *kept])

    def rollback(self) -> Collection:
        """Let the two kept generations change places.

        Raises:
            NothingKept: only one is kept.
        """
        named = self._named()
        if len(named) < 2:
            raise NothingKept(self.variant)
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
        _sync(self.folder)

    def _read(self, generation: str) -> Collection:
        path = self.path(generation) / DESCRIPTION
        try:
            facts = json.loads(path.read_text())
            return Collection(**{**facts, "vectors": tuple(facts["vectors"])})
        except (OSError, ValueError, KeyError, TypeError) as error:
            what = f"{path} cannot be read ({type(error).__name__})"
            raise CollectionBroken(self.variant, what) from None


@contextmanager
def disk_full() -> Iterator[None]:
    """Turn the system's "no space left" into the sentence of the store."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(
            f"The disk of {error.filename or 'the collections'} is full; free some space, then "
            "run this again: what was published is untouched."
        ) from None


def megabytes(size: int) -> int:
    """Return bytes in megabytes, rounded up, for a sentence."""
    return -(-size // 1_000_000)


def mirror(source: Path, target: Path, each: Callable[[Path, Path], object]) -> None:
    """Make the folders of `source` under `target`, and every file by `each(file, new file)`."""
    target.mkdir()
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            mirror(entry, target / entry.name, each)
        else:
            each(entry, target / entry.name)


def copy_sparse(source: Path, target: Path) -> None:
    """Copy a file without its holes: the engine allots files by the megabyte and fills little."""
    with source.open("rb") as old, target.open("wb") as new:
        for start, end in extents(old.fileno()):
            new.seek(start)
            while start < end:  # one call copies what it can
                start += os.sendfile(new.fileno(), old.fileno(), start, end - start)
        new.truncate(os.fstat(old.fileno()).st_size)


def extents(descriptor: int) -> Iterator[tuple[int, int]]:
    """Yield the parts of a file that hold data: first byte, and the one after the last."""
    size = os.fstat(descriptor).st_size
    end = 0
    while (start := _seek(descriptor, end, os.SEEK_DATA, size)) < size:
        end = _seek(descriptor, start, os.SEEK_HOLE, size)
        yield start, end


def _seek(descriptor: int, position: int, whence: int, size: int) -> int:
    try:
        return os.lseek(descriptor, position, whence)
    except OSError as error:
        if error.errno != errno.ENXIO:  # no data after this
            raise
        return size


def _sync_tree(folder: Path) -> None:
    with ThreadPoolExecutor(SYNC_THREADS) as threads:
        list(threads.map(_sync, [*folder.rglob("*"), folder]))
    _sync(folder.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
