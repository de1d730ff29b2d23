"""The contents of a product file, unpacked: what is in a gzip file or in an archive."""

import bz2
import gzip
import io
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, cast

from catalog import CatalogError
from catalog.formats.archive import MAX_RATIO, MIN_LIMIT, Archive, shown

BUFFER = 2**16  # bytes
COMPRESSIONS: dict[bytes, tuple[str, Callable[[Path], object]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\0": ("xz", lzma.open),
}
PACKED = (".gz", ".bz2", ".xz")  # browsers unpack such a file and keep its name
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
# What the libraries raise for compressed data that is damaged or cut off; NotImplementedError for a
# method of zip that is none.
DAMAGE = (
    EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError
)  # fmt: skip


def read_head(data: io.BufferedReader, size: int) -> bytes:
    """The first bytes of some data, fewer where they are damaged further on."""
    head = b""
    try:
        while len(head) < size and (more := data.read1(size - len(head))):
            head += more
    except DAMAGE:
        if not head:
            raise
    return head


class Contents:
    """What a product file holds, once unpacked. It can be opened again and again.

    Attributes:
        name: of the file inside; of the file itself where it is not packed.
        facts: `compression`, `member` and `pictures`, where there are any.
        archive: Of a zip archive, which the caller closes.
    """

    def __init__(self, source: Path) -> None:
        """Look into a file.

        Raises:
            CatalogError: an archive that holds no product file, or several.
            OSError: it cannot be read.
        """
        self.name = source.stem if source.suffix.casefold() in PACKED else source.name
        self.facts: dict[str, str | int] = {}
        self._source = source
        with source.open("rb") as file:
            head = file.read(8)
        self._unpack: Callable[[Path], object] | None = None
        for signature, (name, unpack) in COMPRESSIONS.items():
            if head.startswith(signature):
                self._unpack = unpack
                self.facts["compression"] = name
        self.archive: Archive | None = None
        if head.startswith(ZIP):
            self._look_into_archive()

    def open(self) -> io.BufferedReader:
        """The contents from their beginning."""
        data: object
        if self.archive:
            data = self.archive.open_products()
        else:
            data = self._unpack(self._source) if self._unpack else self._source.open("rb")
        return io.BufferedReader(cast(io.RawIOBase, data), BUFFER)

    def open_seekable(self) -> IO[bytes]:
        """The contents as a file on disk, which can be read from its end."""
        if not self.facts:
            return self._source.open("rb")
        most = max(MIN_LIMIT, MAX_RATIO * self._source.stat().st_size)
        unpacked = tempfile.NamedTemporaryFile()  # noqa: SIM115 - the caller closes it
        with self.open() as data:
            while unpacked.tell() <= most and (chunk := data.read(2**20)):
                unpacked.write(chunk)
        if unpacked.tell() > most:
            unpacked.close()
            raise CatalogError(
                f"{self._source} unpacks to more than {most:,} bytes; unpack it and name the file "
                "inside."
            )
        unpacked.flush()
        unpacked.seek(0)
        return cast(IO[bytes], unpacked)

    def _look_into_archive(self) -> None:
        archive = Archive(self._source)
        if not archive.member:
            archive.close()  # an Excel workbook
            return
        self.archive = archive
        self.name = PurePosixPath(archive.member).name
        self.facts |= {"compression": "zip", "member": shown(archive.member)}
        if archive.pictures:
            self.facts["pictures"] = archive.pictures
