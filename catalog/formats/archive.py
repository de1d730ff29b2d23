"""A zip archive: the product file in it, and the pictures that the file names.

Pictures are found by the paths in the product file, among the members alone: nothing is unpacked to
disk, so no path leads out of the archive.
"""

import io
import posixpath
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import cast

from catalog import CatalogError
from pictures.embedded import MAX_BYTES
from pictures.errors import PictureError

PRODUCTS = (".csv", ".tsv", ".tab", ".json", ".jsonl", ".ndjson", ".xml", ".xlsx", ".parquet",
            ".txt")  # fmt: skip
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".heic", ".tif", ".tiff", ".bmp")
MAX_LISTED = 5  # names in a sentence
MAX_SHOWN = 100  # characters of a name in it
# All pictures of an archive may take so many bytes together: above MIN_LIMIT, at most MAX_RATIO
# times what the archive has on disk (zip bombs). Pictures are compressed already.
MIN_LIMIT = 2**30  # bytes
MAX_RATIO = 20
UTF8 = 1 << 11  # the flag of a member whose name is UTF-8
PASSWORD = 1  # the flag of a member that is encrypted
# What names without that flag may be in: macOS and old programs do not set it, Windows writes the
# code page of its country.
NAME_ENCODINGS = ("utf-8", "cp437", "cp1252", "cp866", "cp932")
# What the library raises for members that are damaged, encrypted or of an unknown method;
# UnicodeDecodeError and ValueError for damaged names and extra fields.
DAMAGE = (EOFError, OSError, RuntimeError, ValueError, zlib.error, zipfile.BadZipFile)


class Archive:
    """A zip archive with one product file.

    Attributes:
        member: The name of the product file; empty where the archive is an Excel workbook.
        pictures: How many members are pictures, by their names.
        read: How many of its pictures have been read.
    """

    def __init__(self, source: Path) -> None:
        """Look into an archive.

        Raises:
            CatalogError: It is damaged, has a password, or holds no product file, or several.
        """
        self.read = 0
        self._source = source
        self._left = max(MIN_LIMIT, MAX_RATIO * source.stat().st_size)  # bytes of pictures
        try:
            self._zip = zipfile.ZipFile(source)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self._damage(error) from error
        members = [each for each in self._zip.infolist() if each.filename]
        self.member = self._product_file(members)
        self.pictures = sum(each.filename.casefold().endswith(PICTURES) for each in members)
        self._folder = posixpath.dirname(self.member)
        self._members: dict[str, zipfile.ZipInfo] = {}  # by path
        self._by_name: dict[str, zipfile.ZipInfo | None] = {}  # by file name; None: several
        if self.member and self.pictures:
            self._index([each for each in members if not each.is_dir()])

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    def open_products(self) -> io.RawIOBase:
        """The product file from its beginning.

        Raises:
            CatalogError: The archive is damaged there.
        """
        try:
            with zipfile.ZipFile(self._source) as archive:  # reads on after it is closed
                return cast(io.RawIOBase, archive.open(self.member))
        except UnicodeDecodeError as error:
            raise self._damage(error) from error

    def has_folder(self, path: str) -> bool:
        """Whether members lie in a folder beside the product file."""
        begun = _key(posixpath.join(self._folder, path)) + "/"
        return any(each.startswith(begun) for each in self._members)

    def find(self, path: str) -> zipfile.ZipInfo | None:
        """The member that a path names, if there is one.

        Args:
            path: Relative to the product file or to the archive; or with a name that only one
                member has. Case, accents in one or two characters, and slashes do not matter.
        """
        path = path.lstrip("/")
        for start in (self._folder, ""):
            beside = posixpath.normpath(posixpath.join(start, path))
            found = self._members.get(beside) or self._members.get(_key(beside))
            if found:
                return found
        return self._by_name.get(_key(posixpath.basename(path)))

    def read_picture(self, member: zipfile.ZipInfo) -> bytes:
        """The bytes of a member; of one above the cap of embedded pictures, one more than that cap.

        Raises:
            PictureError: "unreadable file".
            CatalogError: The pictures of the archive take too many bytes.
        """
        try:
            with self._zip.open(member) as file:
                data = file.read(MAX_BYTES + 1)
        except DAMAGE as error:
            raise PictureError(
                "unreadable file", f"{shown(member.filename)} cannot be read: {error}."
            ) from error
        self.read += 1
        self._left -= len(data)
        if self._left < 0:
            raise CatalogError(
                f"The pictures in {self._source} unpack to many times its size; unpack it and name "
                "the file inside."
            )
        return data

    def _product_file(self, members: list[zipfile.ZipInfo]) -> str:
        names = {each.filename for each in members}
        if "xl/workbook.xml" in names:
            return ""
        if {"mimetype", "content.xml"} <= names:
            raise CatalogError(f"{self._source} is an OpenDocument file; save it as .xlsx or .csv.")
        found = [each for each in members if _is_product_file(each)]
        tables = [each for each in found if not each.filename.casefold().endswith(".txt")] or found
        if len(tables) == 1:
            if tables[0].flag_bits & PASSWORD:
                raise CatalogError(
                    f"{self._source} has a password; unpack it and name the file inside."
                )
            return tables[0].filename
        listed = ", ".join(shown(each.filename) for each in tables[:MAX_LISTED])
        if len(tables) > MAX_LISTED:
            listed += ", …"
        raise CatalogError(
            f"{self._source} holds {len(tables)} product files ({listed}); unpack it and name one."
            if tables
            else f"{self._source} holds no product file among its {len(members):,} files; they end "
            f"in {', '.join(PRODUCTS)}."
        )

    def _index(self, members: list[zipfile.ZipInfo]) -> None:
        for each in members:  # first: what is written exactly so
            self._members.setdefault(posixpath.normpath(each.filename), each)
        for each in members:
            for name in _names(each):
                self._members.setdefault(_key(name), each)
                file = _key(posixpath.basename(name))
                known = self._by_name.setdefault(file, each)
                self._by_name[file] = each if known is each else None

    def _damage(self, error: Exception) -> CatalogError:
        return CatalogError(
            f"{self._source} is a damaged zip archive ({error}); copy or download it again."
        )


def shown(name: str) -> str:
    """The name of a member in a sentence; of a damaged archive it may hold anything."""
    return "".join(each if each.isprintable() else " " for each in name)[:MAX_SHOWN]


def _is_product_file(member: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(member.filename)
    hidden = path.name.startswith(".") or "__MACOSX" in path.parts
    return not (member.is_dir() or hidden) and path.suffix.casefold() in PRODUCTS


def _names(member: zipfile.ZipInfo) -> list[str]:
    """What the name of a member may be; zipfile reads names without a flag as cp437."""
    if member.flag_bits & UTF8 or member.filename.isascii():
        return [member.filename]
    raw = member.orig_filename.encode("cp437", "replace")
    names = []
    for encoding in NAME_ENCODINGS:
        try:
            names.append(raw.decode(encoding))
        except UnicodeDecodeError:
            continue
    return names


def _key(path: str) -> str:
    """A path as paths are compared."""
    return unicodedata.normalize("NFC", posixpath.normpath(path.replace("\\", "/"))).casefold()
