"""Readers of published generations, each with a private folder of hard links.

The engine admits one owner per folder. A reader therefore opens a folder of its own: hard links to
the segments, which nobody writes any more, its own copy of the configuration, which the engine
rewrites, and no write-ahead log, which a reader does not need. (The log is also what would keep a
second owner out; nobody else knows this folder.)

The engine allots its files by the megabyte and fills little of them. Some file systems (tmpfs) give
a file its missing pages when they are only looked at, and one that is full then ends the process
by SIGBUS: so a reader asks for that room before it opens anything.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from qdrant.embedded.generations import (
    CONFIG,
    READERS,
    Generations,
    Stamp,
    disk_full,
    extents,
    megabytes,
    mirror,
)
from qdrant.embedded.lock import Claim
from qdrant.embedded.shard import Shard
from qdrant.errors import CollectionBroken, DiskFull, EngineError, StoreError
from qdrant.model import Collection

# What a reader's configuration says otherwise. One search thread, since a generation has one graph:
# with more, handing a query over doubles its time and work on a busy machine.
PRIVATE = {"wal_enabled": False, "max_search_threads": 1}
READ = 1 << 20  # bytes read at once
BLOCK = 512  # bytes, the unit of st_blocks
# A generation can be retired between reading CURRENT and linking it; the next one then is there.
ATTEMPTS = 5


class Reader:
    """An open generation, counted by who uses it."""

    def __init__(self, stamp: Stamp, collection: Collection, shard: Shard, claim: Claim) -> None:
        self.stamp = stamp
        self.collection = collection
        self.shard = shard
        self.leases = 0
        self.retired = False
        self._claim = claim

    def close(self) -> None:
        """Close the generation and remove the private folder."""
        self.shard.close()
        shutil.rmtree(self._claim.path.with_suffix(""), ignore_errors=True)
        self._claim.release(remove=True)


class Readers:
    """The open readers of a store, one per variant, shared by its threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, Reader] = {}
        # By variant: held by who opens a generation, a second for a large one. Taken before _lock.
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def lease(self, generations: Generations) -> Iterator[Reader]:
        """Use the generation that is current now; it stays open for as long as it is used.

        While one thread opens a new generation, the others use the one before.

        Raises:
            CollectionMissing, CollectionBroken: there is none to read.
        """
        reader = self._take(generations) or self._renew(generations)
        try:
            yield reader
        finally:
            self._release(reader)

    def refresh(self, generations: Generations) -> None:
        """Open the current generation where one before it is open, for all threads at once.

        Who has published something finds it in the next search, whatever others are opening. What
        is wrong with it that search tells.
        """
        if generations.variant in self._open:
            with suppress(StoreError):
                self._release(self._renew(generations))

    def forget(self, variant: str) -> None:
        """Close the variant's reader as soon as nobody uses it."""
        with self._opening[variant], self._lock:
            self._retire(variant)

    def close(self) -> None:
        """Close every reader as soon as nobody uses it."""
        for variant in list(self._opening):
            self.forget(variant)

    def _take(self, generations: Generations) -> Reader | None:
        """The open reader, if it is of the current generation or the next is being opened."""
        variant = generations.variant
        with self._lock:
            try:
                stamp, _ = generations.current()
            except StoreError:
                self._retire(variant)
                raise
            reader = self._open.get(variant)
            if reader is None or not (reader.stamp == stamp or self._opening[variant].locked()):
                return None
            reader.leases += 1
            return reader

    def _renew(self, generations: Generations) -> Reader:
        """Open the current generation, unless another thread has done so meanwhile."""
        variant = generations.variant
        with self._opening[variant]:
            stamp, _ = generations.current()
            with self._lock:
                reader = self._open.get(variant)
                if reader is not None and reader.stamp == stamp:
                    reader.leases += 1
                    return reader
            fresh = _open(generations)
            with self._lock:
                self._retire(variant)
                self._open[variant] = fresh
                fresh.leases += 1
                return fresh

    def _release(self, reader: Reader) -> None:
        with self._lock:
            reader.leases -= 1
            if reader.retired and not reader.leases:
                reader.close()

    def _retire(self, variant: str) -> None:
        reader = self._open.pop(variant, None)
        if reader is None:
            return
        reader.retired = True
        if not reader.leases:
            reader.close()


def sweep(variant: Path) -> None:
    """Remove the private folders of readers that have ended without closing."""
    folder = variant / READERS
    if not folder.is_dir():
        return
    for name in {entry.name.removesuffix(".lock") for entry in folder.iterdir()}:
        claim = Claim.take(folder / f"{name}.lock")
        if claim is not None:
            shutil.rmtree(folder / name, ignore_errors=True)
            claim.release(remove=True)


def _open(generations: Generations) -> Reader:
    sweep(generations.folder)
    for _ in range(ATTEMPTS):
        stamp, collection = generations.current()
        try:
            return _link(generations, stamp, collection)
        except FileNotFoundError as error:
            what = f"{error.filename} is not there"
        except (EngineError, ValueError) as error:
            what = str(error).rstrip(".")
            break
    raise CollectionBroken(generations.variant, what)


def _link(generations: Generations, stamp: Stamp, collection: Collection) -> Reader:
    source = generations.path(collection.generation)
    with disk_full():
        _require_room(generations.variant, source / "segments")
        claim = _claim(generations.folder / READERS)
        folder = claim.path.with_suffix("")
        try:
            config = json.loads((source / CONFIG).read_text())
            folder.mkdir()
            mirror(source / "segments", folder / "segments", os.link)
            (folder / CONFIG).write_text(json.dumps({**config, **PRIVATE}))
            _read_ahead(folder / "segments")
            return Reader(stamp, collection, Shard.open(folder), claim)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            claim.release(remove=True)
            raise


def _read_ahead(segments: Path) -> None:
    """Bring the files into the system's cache, one after the other, while other threads run on.

    The engine maps them for random access and then touches every page, holding Python's lock: from
    a busy disk 50 MB took it 30 s, and read like this 0.1 s. It also drops them from the cache
    when a reader closes, so the next one finds none there.
    """
    buffer = bytearray(READ)
    for path in sorted(segments.rglob("*")):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                for start, end in extents(file.fileno()):
                    file.seek(start)
                    while file.tell() < end and file.readinto(buffer):
                        pass


def _require_room(variant: str, segments: Path) -> None:
    files = [path.stat() for path in segments.rglob("*") if path.is_file()]
    needed = sum(max(file.st_size - file.st_blocks * BLOCK, 0) for file in files)
    free = shutil.disk_usage(segments).free
    if free < needed:
        raise DiskFull(
            f"Opening the collection of variant '{variant}' needs {megabytes(needed)} MB free in "
            f"{segments.parent.parent}, and there are {megabytes(free)}; free some space."
        )


def _claim(readers: Path) -> Claim:
    readers.mkdir(exist_ok=True)
    while True:
        claim = Claim.take(readers / f"{os.getpid()}-{secrets.token_hex(4)}.lock")
        if claim is not None:  # else a sweeper was quicker than we
            return claim
