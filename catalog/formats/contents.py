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

BUFFER = 2**16  # bytes
# A file that is read from its end is unpacked to disk: above MIN_LIMIT, at most MAX_RATIO times
# what it has on disk. Parquet is compressed already.
MIN_LIMIT = 2**30  # bytes
MAX_RATIO = 20

COMPRESSIONS: dict[bytes, tuple[str, Callable[[Path], object]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\0": ("xz", lzma.open),
}
PACKED = (".gz", ".bz2", ".xz")  # browsers unpack such a file and keep its name
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
EMPTY_PACKED = (".gz", ".bz2", ".xz")  # browsers unpack such a file and keep its name
ZIP = (b"PK\x03\x04", b"PK\x05\x06")
PRODUCTS = (
    ".csv",
    ".tsv",
    ".tab",
    ".json",
    ".jsonl",
    ".ndjson",
    ".xml",
    ".xlsx",
    ".parquet",
    ".txt",
)
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".tif", ".tiff", ".bmp")
MAX_LISTED = 5  # names in a sentence


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
        facts: `compression`, `member` and `pictures not read`, where there are any.
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
        self._opened: list[IO[bytes]] = []
        with source.open("rb") as file:
            head = file.read(8)
        self._unpack: Callable[[Path], object] | None = None
        for signature, (name, unpack) in COMPRESSIONS.items():
            if head.startswith(signature):
                self._unpack = unpack
                self.facts["compression"] = name
        self._member = ""
        if head.startswith(ZIP):
            self._look_into_archive()

    def open(self) -> io.BufferedReader:
        """The contents from their beginning."""
        if self._member:
            with zipfile.ZipFile(self._source) as archive:
                data: object = archive.open(self._member)
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
        try:
            with zipfile.ZipFile(self._source) as archive:
                members = archive.infolist()
        except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError) as error:
            raise CatalogError(
                f"{self._source} is a damaged zip archive ({error}); copy or download it again."
            ) from error
        names = [each.filename for each in members]
        if "xl/workbook.xml" in names:
            return  # an Excel workbook
        if "mimetype" in names and "content.xml" in names:
            raise CatalogError(f"{self._source} is an OpenDocument file; save it as .xlsx or .csv.")
        found = [each for each in members if _is_product_file(each)]
        tables = [each for each in found if not each.filename.casefold().endswith(".txt")]
        member = self._only(tables or found, len(names))
        if member.flag_bits & 1:
            raise CatalogError(
                f"{self._source} has a password; unpack it and name the file inside."
            )
        self._member = member.filename
        self.name = PurePosixPath(member.filename).name
        self.facts |= {"compression": "zip", "member": member.filename}
        if pictures := sum(name.casefold().endswith(PICTURES) for name in names):
            self.facts["pictures not read"] = pictures  # paths start from a folder on disk

    def _only(self, found: list[zipfile.ZipInfo], count: int) -> zipfile.ZipInfo:
        if len(found) == 1:
            return found[0]
        listed = ", ".join(each.filename for each in found[:MAX_LISTED])
        if len(found) > MAX_LISTED:
            listed += ", …"
        raise CatalogError(
            f"{self._source} holds {len(found)} product files ({listed}); unpack it and name one."
            if found
            else f"{self._source} holds no product file among its {count:,} files; they end in "
            f"{', '.join(PRODUCTS)}."
        )


def _is_product_file(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return not (member.is_dir() or hidden) and path.suffix.casefold() in PRODUCTS
