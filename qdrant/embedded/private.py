"""A reader of one published generation, in a private folder of hard links.

The engine admits one owner per folder. A reader therefore opens a folder of its own: hard links to
the segments and the facts, which are never written again, its own copy of the configuration, which
the engine rewrites, and no write-ahead log, which a reader does not need. (The log also holds the
lock that excludes a second owner; no other process opens this folder.)

The engine opens segments for writing, though it writes nothing. Where it may not, as on a read-only
disk, the folder is one in the system's folder of temporary files, and holds a copy.

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
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import Any

import qdrant_edge as qe

from qdrant.disk import BLOCK, copy_sparse, disk_full, extents, files_of, megabytes, mirror
from qdrant.embedded.errors import engine_errors
from qdrant.embedded.facts import FOLDER as FACTS
from qdrant.embedded.facts import KeptFacts
from qdrant.embedded.generations import CONFIG, READERS, Generations, Stamp
from qdrant.embedded.lock import Lock
from qdrant.embedded.reader import Reader
from qdrant.errors import CollectionBroken, DiskFull, EngineError
from qdrant.model import Collection

# What a reader's configuration has otherwise. One search thread, since a generation has one graph:
# with more, handing a query over doubles its time and CPU time on a busy machine.
PRIVATE = {"wal_enabled": False, "max_search_threads": 1}
# The engine's files of a vector, in a segment with a graph.
ORIGINALS, QUANTIZED = "matrix.dat", "quantized.data"
READ = 1 << 20  # bytes of a block, which the kernel reads at once
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
        return _open_private(generations, stamp, collection, generations.folder / READERS, os.link)
    except OSError as error:
        if error.errno not in NOT_WRITABLE:
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
            _read_ahead(now)
            with engine_errors(generations.variant):
                shard = qe.EdgeShard.load(str(folder))
            kept = KeptFacts(folder / FACTS) if facts in parts else None
            Thread(target=_read_ahead, args=(later,), daemon=True).start()
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


def split_by_use(segments: Path, config: Mapping[str, Any]) -> tuple[list[Path], list[Path]]:
    """Return the files of segments that opening and searching reads, and the others.

    The others are original vectors beside smaller copies, most of the bytes: the engine does not
    read them as it opens, and a search reads some hundred of them, to rescore.

    Args:
        segments: their folder.
        config: the engine's parameters of the collection.
    """
    cold = {
        f"vector_storage-{name}"
        for name, parameters in config["vectors"].items()
        if parameters.get("memory") == "cold"
    }
    now: list[Path] = []
    later: list[Path] = []
    for path in sorted(filter(Path.is_file, segments.rglob("*"))):
        original = path.parent.name in cold and path.name == ORIGINALS
        (later if original and (path.parent / QUANTIZED).exists() else now).append(path)
    return now, later


def _read_ahead(files: Iterable[Path]) -> None:
    """Have files read into the page cache, while other threads run on.

    The engine maps them for random access and then touches every page, holding Python's lock: from
    a busy disk 50 MB took it 30 s, and in their order 0.1 s. It also drops them from the cache
    when a reader closes, so the next one finds none there. The kernel reads blocks that are not
    cached, and one byte of each is waited for: what is cached need not be copied, which took 0.2 s
    a gigabyte.
    """
    for path in files:
        with suppress(FileNotFoundError), path.open("rb", buffering=0) as file:  # closed meanwhile
            blocks = [
                (start, min(start + READ, end))
                for first, end in extents(file.fileno())
                for start in range(first, end, READ)
            ]
            for start, end in blocks:
                os.posix_fadvise(file.fileno(), start, end - start, os.POSIX_FADV_WILLNEED)
            for _, end in blocks:
                os.pread(file.fileno(), 1, end - 1)


def _check_space(
    variant: str, parts: Sequence[Path], readers: Path, each: Callable[[Path, Path], object]
) -> None:
    """Check for what the engine may allocate: the files' holes, and all of copied files."""
    files = [file for part in parts for file in files_of(part)]
    present = BLOCK if each is os.link else 0
    needed = sum(max(file.st_size - file.st_blocks * present, 0) for file in files)
    free = shutil.disk_usage(readers.parent).free
    if free < needed:
        raise DiskFull(
            f"Opening the collection of variant '{variant}' needs {megabytes(needed)} MB free in "
            f"{readers.parent}, and there are {megabytes(free)}; free some space."
        )
