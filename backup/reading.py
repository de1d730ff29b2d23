"""From an archive into a folder: checked before anything of it is in its place.

An archive may come from anywhere: names that lead out of the folder, links, devices, more files or
bytes than it states, and headers that would fill the memory are errors.
"""

import json
import os
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from backup import BackupError
from backup.archive import BLOCK, FIRST, FORMAT, LAST, Total, reader
from catalog.database import FILE

UNPACKED = ".restoring"  # folder in the new shop's, until all of it has been checked
FACTS_BYTES = 10_000  # of the first and the last member
NAME_BYTES = 4096  # of a member's name: Linux allows no longer path
PRIVATE = "events"  # folder for its owner alone: it has what people searched for
ZEROS = bytes(BLOCK)
# Bytes beyond what an archive states, and a tenth of that, which it may hold: a log of events may
# have grown while it was written.
GROWTH = 64 << 20


def check_archive(path: Path, advance: Callable[[int], None]) -> dict[str, Any]:
    """Read an archive to its end and check it.

    Returns:
        `created`, and `files`, `bytes` and `sha256` of what it holds.

    Raises:
        BackupError: it is damaged, cut off, or no archive of a shop.
        OSError: it cannot be read.
    """
    with _opened(path) as archive:
        return _read(path, archive, None, advance)


def restore_archive(path: Path, home: Path, advance: Callable[[int], None]) -> dict[str, Any]:
    """Unpack an archive into a folder that is empty or missing.

    All of it is read and checked before any file has its name; the catalogue, which makes the
    folder a shop, comes last. What a run left that was killed is replaced.

    Args:
        path: the archive.
        home: the new shop's folder.
        advance: called with the bytes written.

    Returns:
        As `check_archive`.

    Raises:
        BackupError: the folder is not empty, or the archive is not sound.
        OSError: a file cannot be read or written.
    """
    unpacked = home / UNPACKED
    begun = unpacked.is_dir() and not (home / FILE).exists()
    if home.is_dir() and not begun and any(home.iterdir()):
        raise BackupError(
            f"{home} is not empty: name an empty or a new folder in VITRINE_HOME, or move it away."
        )
    with _opened(path) as archive:
        shutil.rmtree(unpacked, ignore_errors=True)
        unpacked.mkdir(parents=True)
        try:
            facts = _read(path, archive, unpacked, advance)
        except BaseException:
            shutil.rmtree(unpacked, ignore_errors=True)
            with suppress(OSError):
                home.rmdir()  # unless something else is there
            raise
    with suppress(FileNotFoundError):
        (unpacked / PRIVATE).chmod(0o700)
    os.sync()
    for entry in sorted(unpacked.iterdir(), key=lambda each: each.name == FILE):
        target = home / entry.name
        if target.is_dir():  # of a run that was killed
            shutil.rmtree(target)
        entry.replace(target)
    unpacked.rmdir()
    return facts


def stated(path: Path) -> int:
    """Return the bytes that an archive says it holds.

    Raises:
        BackupError: it is no archive of a shop.
        OSError: it cannot be read.
    """
    with _opened(path) as archive:
        return int(_first(path, archive)["bytes"])


class _Member(tarfile.TarInfo):
    """A member whose header is bounded: long names and the like are read into memory."""

    def _proc_member(self, tarfile_: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type not in tarfile.REGULAR_TYPES and self.size > NAME_BYTES:
            raise tarfile.ReadError("a header is too long")
        return super()._proc_member(tarfile_)  # type: ignore[misc]


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an archive; what its bytes make fail is one error."""
    try:
        with (
            reader(path) as file,
            tarfile.open(fileobj=file, mode="r|", tarinfo=_Member, bufsize=BLOCK) as archive,
        ):
            yield archive
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _unsound(path, str(error)) from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _unsound(path, str(error)) from None  # of the compression


def _read(
    path: Path, archive: tarfile.TarFile, folder: Path | None, advance: Callable[[int], None]
) -> dict[str, Any]:
    """Check every member, and write it below a folder where one is named."""
    facts = _first(path, archive)
    if folder:
        free = shutil.disk_usage(folder).free
        if facts["bytes"] > free:
            raise BackupError(
                f"{path} holds {facts['bytes']:,} bytes and {folder.parent} has {free:,} free: "
                "free some space, or name another folder in VITRINE_HOME."
            )
    most = facts["bytes"] + facts["bytes"] // 10 + GROWTH
    total = Total()
    while member := archive.next():
        archive.members.clear()  # type: ignore[attr-defined] # tarfile keeps every header
        if member.name == LAST:
            if _json(path, archive, member) != total.facts():
                raise _unsound(path, "its digest does not match its files")
            return {"created": facts["created"], **total.facts()}
        if member.isdir():
            _check_name(path, member)
            if folder:
                (folder / member.name).mkdir(parents=True, exist_ok=True)
            continue
        source = _checked(path, archive, member)
        if total.size + member.size > most:
            raise _unsound(path, "it holds more than it states")
        total.begin(member.name, member.size)
        if folder is None:
            _copy(source, None, total, advance)
            continue
        target = folder / member.name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                _copy(source, file, total, advance)
        except (FileExistsError, NotADirectoryError):
            raise _unsound(path, f"it has {member.name} twice") from None
        os.utime(target, (member.mtime, member.mtime))
    raise _unsound(path, "it is cut off")


def _first(path: Path, archive: tarfile.TarFile) -> dict[str, Any]:
    member = archive.next()
    if member is None or member.name != FIRST:
        raise _unsound(path, f"it does not begin with {FIRST}")
    facts = _json(path, archive, member)
    if not isinstance(facts, dict) or not isinstance(facts.get("bytes"), int):
        raise _unsound(path, f"{FIRST} is not what it should be")
    if facts.get("format") != FORMAT:
        raise BackupError(f"{path} was written by a newer Vitrine: open it with that one.")
    return {"created": str(facts.get("created", "")), "bytes": facts["bytes"]}


def _json(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Any:  # noqa: ANN401
    if member.size > FACTS_BYTES:
        raise _unsound(path, f"{member.name} is too large")
    return json.loads(_checked(path, archive, member).read())


def _checked(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    """The bytes of a member that is a file below the folder."""
    _check_name(path, member)
    source = archive.extractfile(member) if member.isreg() else None
    if source is None:
        raise _unsound(path, f"{member.name!r} is a link or a device")
    return source


def _check_name(path: Path, member: tarfile.TarInfo) -> None:
    parts = member.name.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\0" in member.name:
        raise _unsound(path, f"{member.name!r} leads out of the shop's folder")
    if len(member.name.encode("utf-8", "surrogateescape")) > NAME_BYTES:
        raise _unsound(path, "it has a name that is too long")


def _copy(
    source: IO[bytes], target: IO[bytes] | None, total: Total, advance: Callable[[int], None]
) -> None:
    """Copy a file; blocks of zeros become holes, which the vector store's files are full of."""
    size = 0
    while block := source.read(BLOCK):
        total.add(block)
        advance(len(block))
        size += len(block)
        if target is None:
            continue
        if block == ZEROS:
            target.seek(size)
        else:
            target.write(block)
    if target is not None:
        target.truncate(size)


def _unsound(path: Path, what: str) -> BackupError:
    return BackupError(
        f"{path} is not a sound archive of a shop ({what}): nothing was restored; take another "
        "copy of it."
    )
