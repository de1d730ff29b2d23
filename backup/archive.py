"""The format of an archive: a tar file, by itself or compressed by Zstandard.

Its first member has the facts of the archive, its last one the number, the bytes and the SHA-256 of
all files between them, so that it can be written and checked in one pass.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from backup import BackupError

FIRST, LAST = "vitrine-backup.json", "vitrine-backup-end.json"
FORMAT = 1
COMPRESSED, PLAIN = ".tar.zst", ".tar"
MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878
BLOCK = 1 << 20  # bytes read at once


@dataclass
class Total:
    """What the files of an archive come to.

    Attributes:
        files: their number.
        size: their bytes.
    """

    files: int = 0
    size: int = 0

    def __post_init__(self) -> None:
        self._digest = hashlib.sha256()

    def begin(self, name: str, size: int) -> None:
        """Add a file, whose bytes follow."""
        self.files += 1
        self.size += size
        self._digest.update(f"{len(name.encode())} {size} {name}".encode())

    def add(self, block: bytes) -> None:
        """Add some of its bytes."""
        self._digest.update(block)

    def facts(self) -> dict[str, Any]:
        """What the last member says."""
        return {"files": self.files, "bytes": self.size, "sha256": self._digest.hexdigest()}


@contextmanager
def writer(path: Path, name: str) -> Iterator[IO[bytes]]:
    """Open a file to write an archive to; `name` is what it will be called.

    Raises:
        BackupError: the name says of no format.
    """
    if not name.endswith((COMPRESSED, PLAIN)):
        raise BackupError(f"{name}: name the archive *{COMPRESSED} (compressed) or *{PLAIN}.")
    with path.open("xb") as file:
        if name.endswith(PLAIN):
            yield file
            return
        with pa.CompressedOutputStream(pa.PythonFile(file, "w"), "zstd") as packed:
            yield packed


@contextmanager
def reader(path: Path) -> Iterator[IO[bytes]]:
    """Open an archive, whatever it is called.

    Raises:
        OSError: it is missing or cannot be read.
    """
    with path.open("rb") as file:
        compressed = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        if not compressed:
            yield file
            return
        with pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd") as unpacked:
            yield unpacked
