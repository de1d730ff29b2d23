"""Which files of a shop's folder are archived: all but temporary ones, caches and locks.

What is left out is made again by the shop itself: compiled models, readers' links, indexes beside
SQLite's files, what points are made of. A training that has not ended is left out too; its adapter
is in `variants/` when it has.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from backup import BackupError

# Patterns of paths below the shop's folder; what lies below a match is left out too.
LEFT_OUT = (
    ".*",  # in any folder: locks and unfinished files
    "*.lock",
    "*.new",
    "*.sqlite-*",  # what SQLite has not merged yet is in the copy that its backup makes
    "/qdrant/*/readers",
    "/qdrant/*/LOCK",
    "/training",
    "/uploads",
    "/variants/*/contents.sqlite",
    "/variants/*/openvino*/cache",
)
GENERATIONS, CURRENT = "/qdrant/*/*", "CURRENT"


@dataclass(frozen=True)
class Item:
    """A file to be archived, or a folder that is empty.

    Attributes:
        path: where it is.
        name: below the shop's folder, with slashes.
        size: bytes, as they were counted; None of a folder.
    """

    path: Path
    name: str
    size: int | None


def items(home: Path) -> Iterator[Item]:
    """Yield the files of a shop's folder that are archived, ascending by name in each folder.

    What links lead to is archived in their place.

    Raises:
        BackupError: a link leads to nothing or to a folder above it, or there is a file that is
            neither file nor folder.
    """
    yield from _below(home, home, (home.resolve(),))


def _below(folder: Path, home: Path, above: tuple[Path, ...]) -> Iterator[Item]:
    found = sorted(folder.iterdir())
    if not found:
        yield Item(folder, folder.relative_to(home).as_posix(), None)
    for path in found:
        relative = path.relative_to(home).as_posix()
        if _left_out(relative, path):
            continue
        if path.is_dir():
            target = path.resolve()
            if target in above:
                raise BackupError(f"{path} is a link to a folder above it: remove it.")
            yield from _below(path, home, (*above, target))
        elif path.is_file():
            yield Item(path, relative, path.stat().st_size)
        elif path.exists() or path.is_symlink():  # else it was removed meanwhile
            raise BackupError(
                f"{path} is neither a file nor a folder, or a link to nothing: remove it."
            )


def _left_out(relative: str, path: Path) -> bool:
    name = PurePosixPath(relative).name
    if any(
        fnmatch(f"/{relative}", pattern) and relative.count("/") == pattern.count("/") - 1
        if pattern.startswith("/")
        else fnmatch(name, pattern)
        for pattern in LEFT_OUT
    ):
        return True
    # A generation that its collection does not name is unfinished, or about to be removed.
    if fnmatch(f"/{relative}", GENERATIONS) and relative.count("/") == 2 and path.is_dir():
        current = path.parent / CURRENT
        return not current.is_file() or name not in current.read_text(errors="replace").split()
    return False
