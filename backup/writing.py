"""From a shop's folder into an archive, in one pass and constant memory."""

import io
import json
import os
import sqlite3
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from backup import BackupError
from backup.archive import BLOCK, FIRST, FORMAT, LAST, Total, writer
from backup.contents import Item, items
from catalog.catalogue import Catalogue

DATABASE = ".sqlite"
MODE = 0o644


def count(home: Path) -> tuple[int, int]:
    """Return how many files will be archived, and their bytes."""
    files = size = 0
    for item in items(home):
        files += item.size is not None
        size += item.size or 0
    return files, size


def write_archive(
    home: Path, out: Path, advance: Callable[[int], None], *, replace: bool = False
) -> dict[str, Any]:
    """Archive a shop; searches go on, and no job can run meanwhile.

    The archive has its name when it is whole.

    Args:
        home: the shop's folder.
        out: the archive.
        advance: called with the bytes read.
        replace: write over an archive of that name.

    Returns:
        `files`, `bytes` and `sha256` of what was archived, and `size` of the archive.

    Raises:
        BackupError: there is such a file, or one changed meanwhile.
        CatalogError: there is no shop, or a job is running.
        OSError: a file cannot be read, or the archive not be written.
    """
    if out.exists() and not replace:
        raise BackupError(f"{out} exists already: name another file, or add --force.")
    if out.resolve().is_relative_to(home.resolve()):
        raise BackupError(f"{out} lies in the shop's own folder: name a file outside of it.")
    with (
        Catalogue(home, create=False) as catalogue,
        catalogue.exclusive("backup"),
        _unfinished(out, ".part") as part,
    ):
        total = Total()
        with (
            writer(part, out.name) as file,
            tarfile.open(
                fileobj=file, mode="w|", format=tarfile.GNU_FORMAT, bufsize=BLOCK
            ) as archive,
        ):
            files, size = count(home)
            begun = {"format": FORMAT, "created": datetime.now(UTC).isoformat(timespec="seconds")}
            _add_json(archive, FIRST, {**begun, "files": files, "bytes": size})
            for item in items(home):
                if item.size is None:
                    _add_folder(archive, item)
                    continue
                with _consistent(item, out) as (source, length):
                    _add(archive, item, source, length, total, advance)
            _add_json(archive, LAST, total.facts())
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(out)
    return {**total.facts(), "size": out.stat().st_size}


@contextmanager
def _unfinished(out: Path, suffix: str) -> Iterator[Path]:
    """The name of a file beside the archive, which is removed unless it was moved."""
    part = out.with_name(out.name + suffix)
    part.unlink(missing_ok=True)  # of a run that was killed
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _consistent(item: Item, out: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open a file at one state of it: of a database a copy, of others the bytes there are now."""
    if not item.name.endswith(DATABASE):
        try:
            with item.path.open("rb") as source:
                yield source, os.fstat(source.fileno()).st_size
        except FileNotFoundError:
            raise _changed(item) from None
        return
    with _unfinished(out, DATABASE) as copied:
        try:
            with (
                closing(
                    sqlite3.connect(f"{item.path.absolute().as_uri()}?mode=ro", uri=True)
                ) as old,
                closing(sqlite3.connect(copied)) as new,
            ):
                old.backup(new)
        except sqlite3.Error as error:
            raise BackupError(
                f"{item.path} cannot be copied ({error}): put it right, then run this again."
            ) from None
        with copied.open("rb") as source:
            yield source, os.fstat(source.fileno()).st_size


def _add(
    archive: tarfile.TarFile,
    item: Item,
    source: BinaryIO,
    size: int,
    total: Total,
    advance: Callable[[int], None],
) -> None:
    member = tarfile.TarInfo(item.name)
    member.size, member.mode = size, MODE
    member.mtime = int(item.path.stat().st_mtime)
    total.begin(item.name, size)

    class Counted(io.RawIOBase):
        """The source, whose bytes are counted as they are read."""

        def read(self, length: int = -1) -> bytes:
            block = source.read(length)
            total.add(block)
            advance(len(block))
            return block

    try:
        archive.addfile(member, Counted())
        archive.members.clear()  # type: ignore[attr-defined] # tarfile keeps every header
    except OSError as error:
        if error.errno is None:  # tarfile's own: the file became shorter
            raise _changed(item) from None
        raise


def _add_folder(archive: tarfile.TarFile, item: Item) -> None:
    member = tarfile.TarInfo(item.name)
    member.type, member.mode = tarfile.DIRTYPE, 0o755
    archive.addfile(member)


def _add_json(archive: tarfile.TarFile, name: str, facts: dict[str, Any]) -> None:
    data = json.dumps(facts, indent=1).encode()
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), MODE
    archive.addfile(member, io.BytesIO(data))


def _changed(item: Item) -> BackupError:
    return BackupError(f"{item.path} was changed while it was archived: run this again.")
