"""A reader of one published generation, in a private folder of hard links.

The engine admits one owner per folder. A reader therefore opens a folder of its own: hard links to
the segments and the facts, its own copies of the configuration and of the versions of points, which
the engine rewrites when it opens the folder, and no write-ahead log, which a reader does not need.
(The log also holds the lock that excludes a second owner; no other process opens this folder.)

The engine opens all of the segments for writing. Where it may not, as on a read-only disk, the
folder is one in the system's folder of temporary files, and holds a copy.

The engine allocates its files by the megabyte and fills little of them. Some file systems (tmpfs)
allocate a file's missing pages when they are only read, and a full one then ends the process by
SIGBUS: so a reader checks the free space before it opens anything.
"""

import errno
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Thread

import qdrant_edge as qe

from qdrant.disk import (
    BLOCK,
    copy_sparse,
    disk_full,
    files_of,
    megabytes,
    mirror,
    read_ahead,
)
from qdrant.embedded.errors import engine_errors
from qdrant.embedded.facts import FOLDER as FACTS
from qdrant.embedded.facts import KeptFacts
from qdrant.embedded.generations import CONFIG, READERS, Generations, Stamp
from qdrant.embedded.lock import Lock
from qdrant.embedded.reader import Reader
from qdrant.embedded.segment_files import NO_LINK, link_for_reading, split_by_use
from qdrant.errors import CollectionBroken, DiskFull, EngineError
from qdrant.model import Collection

# What a reader's configuration has otherwise. One search thread, since a generation has one graph:
# with more, handing a query over doubles its time and CPU time on a busy machine.
PRIVATE = {"wal_enabled": False, "max_search_threads": 1}
# On a read-only disk; in a folder or with files that another user owns.
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)
# A generation can be removed between reading CURRENT and linking it, and its folder by a drop; the
# next one, or none, is then there.
ATTEMPTS = 5


class PrivateReader(Reader):
    """A reader of a published generation.

    Args:
        stamp: of CURRENT when it was opened.
        collection: the generation.
        shard: opened in the private folder.
        facts: opened there, if the generation has some.
        lock: held on the private folder while it is in use.
    """

    def __init__(
        self,
        stamp: Stamp,
        collection: Collection,
        shard: qe.EdgeShard,
        facts: KeptFacts | None,
        lock: Lock,
    ) -> None:
        super().__init__(collection, shard, facts)
        self.stamp = stamp
        self._lock = lock

    def close(self) -> None:
        """Close the generation and remove the private folder."""
        try:
            super().close()
        finally:
            shutil.rmtree(self._lock.path.with_suffix(""), ignore_errors=True)
            self._lock.release(remove=True)


def open_reader(generations: Generations) -> PrivateReader:
    """Open the current generation.

    Raises:
        CollectionMissing, CollectionBroken: there is none to read.
        DiskFull: there is too little disk space to open it.
    """
    for _ in range(ATTEMPTS):
        stamp, collection = generations.current()
        try:
            sweep(generations.folder / READERS)
            return _open(generations, stamp, collection)
        except FileNotFoundError as error:
            what = f"{error.filename} is not there"
        except (EngineError, ValueError) as error:
            what = str(error).rstrip(".")
            break
    raise CollectionBroken(generations.variant, what)


def sweep(readers: Path) -> None:
    """Remove the private folders of readers whose process has ended."""
    if not readers.is_dir():
        return
    for name in {entry.name.removesuffix(".lock") for entry in readers.iterdir()}:
        try:
            lock = Lock.take(readers / f"{name}.lock")
        except OSError as error:
            if error.errno in NOT_WRITABLE:
                return
            raise
        if lock is not None:
            shutil.rmtree(readers / name, ignore_errors=True)
            lock.release(remove=True)


def _open(generations: Generations, stamp: Stamp, collection: Collection) -> PrivateReader:
    """Open hard links or, where these may not be made or written to, a copy."""
    try:
        readers = generations.folder / READERS
        return _open_private(generations, stamp, collection, readers, link_for_reading)
    except OSError as error:
        if error.errno not in (*NOT_WRITABLE, *NO_LINK):
            raise
    readers = _temporary_readers()
    sweep(readers)
    return _open_private(generations, stamp, collection, readers, copy_sparse)


def _temporary_readers() -> Path:
    """This user's folder of readers among the temporary files."""
    readers = Path(tempfile.gettempdir()) / f"vitrine-{READERS}-{os.getuid()}"
    readers.mkdir(mode=0o700, exist_ok=True)
    if readers.is_symlink() or readers.stat().st_uid != os.getuid():
        raise EngineError(f"{readers} belongs to another user; name another folder in TMPDIR.")
    return readers


def _open_private(
    generations: Generations,
    stamp: Stamp,
    collection: Collection,
    readers: Path,
    each: Callable[[Path, Path], object],
) -> PrivateReader:
    """Open a generation in a new folder of `readers`, its files made by `each`."""
    source = generations.path(collection.generation)
    with disk_full():
        parts = [source / "segments"]
        parts += [facts] if (facts := source / FACTS).exists() else []
        _check_space(generations.variant, parts, readers, each)
        lock = _lock_new_folder(readers)
        folder = lock.path.with_suffix("")
        try:
            config = json.loads((source / CONFIG).read_text())
            folder.mkdir()
            for part in parts:
                mirror(part, folder / part.name, each)
            (folder / CONFIG).write_text(json.dumps({**config, **PRIVATE}))
            now, later = split_by_use(folder / "segments", config)
            read_ahead(now)
            with engine_errors(generations.variant):
                shard = qe.EdgeShard.load(str(folder))
            kept = KeptFacts(folder / FACTS) if facts in parts else None
            Thread(target=read_ahead, args=(later,), daemon=True).start()
            return PrivateReader(stamp, collection, shard, kept, lock)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            lock.release(remove=True)
            raise


def _lock_new_folder(readers: Path) -> Lock:
    readers.mkdir(exist_ok=True)
    while True:
        lock = Lock.take(readers / f"{os.getpid()}-{secrets.token_hex(4)}.lock")
        if lock is not None:  # else another process sweeps just now
            return lock


def _check_space(
    variant: str, parts: Sequence[Path], readers: Path, each: Callable[[Path, Path], object]
) -> None:
    """Check for what the engine may allocate: the files' holes, and all of copied files."""
    files = [file for part in parts for file in files_of(part)]
    present = BLOCK if each is link_for_reading else 0
    needed = sum(max(file.st_size - file.st_blocks * present, 0) for file in files)
    free = shutil.disk_usage(readers.parent).free
    if free < needed:
        raise DiskFull(
            f"Opening the collection of variant '{variant}' needs {megabytes(needed)} MB free in "
            f"{readers.parent}, and there are {megabytes(free)}; free some space."
        )
