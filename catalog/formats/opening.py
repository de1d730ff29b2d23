"""Opening a product file: its format, and its rows."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from catalog import CatalogError
from catalog.amazon import hub_category, open_category
from catalog.formats import Feed, Rows
from catalog.formats.archive import PRODUCTS
from catalog.formats.contents import DAMAGE, Contents, read_head
from catalog.formats.delimited import read_delimited
from catalog.formats.encoding import declared_encoding, find_encoding, open_as_utf8
from catalog.formats.json_rows import read_json, read_json_lines
from catalog.formats.parquet import read_parquet
from catalog.formats.workbook import read_workbook
from catalog.formats.xml_rows import read_xml

HEAD = 2**12  # bytes that a format is known by
PARQUET = b"PAR1"
WORKBOOK = b"PK\x03\x04"  # a zip archive of no product files
# Files that are often taken for a product file: how they begin, and what to do about them.
OTHERS = {
    b"\xd0\xcf\x11\xe0": "is an Excel file of before 2007 (.xls); save it as .xlsx or .csv",
    b"%PDF": "is a PDF; export the products as CSV, JSON or Excel",
    b"SQLite format 3": "is an SQLite database; export its table of products as CSV",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd; unpack it first",
    b"7z\xbc\xaf": "is a 7z archive; unpack it first",
    b"Rar!": "is a RAR archive; unpack it first",
    b"\x89PNG": "is a picture; name a file of products",
    b"\xff\xd8\xff": "is a picture; name a file of products",
    b"GIF8": "is a picture; name a file of products",
}
HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<table", b"<meta")
JSON = (".json", ".jsonl", ".ndjson")


def open_feed(source: Path) -> Feed:
    """Open a product file. Its format is known by its content.

    Args:
        source: CSV, JSON, XML, Excel or Parquet, compressed or in a zip archive or not; or a
            category of Amazon Reviews 2023 on the hub, as amazon:All_Beauty.

    Raises:
        CatalogError: At once when the file is missing, empty or of no known format; while the
            rows are read when it is damaged further on.
    """
    with _errors_of(source):
        if category := hub_category(source):
            feed = read_json_lines(open_category(category))
        else:
            feed = _read(source)
    feed.rows = _guarded(source, feed.rows)
    return feed


def _read(source: Path) -> Feed:
    if source.is_dir():
        raise CatalogError(f"{source} is a folder; name a file of products inside it.")
    if source.stat().st_size == 0:
        raise CatalogError(f"{source} is empty: there are no products in it.")
    contents = Contents(source)
    with contents.open() as data:
        head = read_head(data, HEAD)
    if head.startswith(PARQUET):
        feed = read_parquet(source, contents.open_seekable())
    elif head.startswith(WORKBOOK):
        feed = read_workbook(source, contents.open_seekable())
    else:
        _reject_others(source, head)
        feed = _read_text(source, contents, head)
    feed.facts |= contents.facts
    feed.archive = contents.archive
    return feed


def _reject_others(source: Path, head: bytes) -> None:
    if not head.strip(b"\0"):
        what = "is empty" if not head else "holds nothing but zero bytes; copy it again"
        raise CatalogError(f"{source} {what}: there are no products in it.")
    for signature, remedy in OTHERS.items():
        if head.startswith(signature):
            raise CatalogError(f"{source} {remedy}.")


def _read_text(source: Path, contents: Contents, head: bytes) -> Feed:
    with contents.open() as data:
        encoding = find_encoding(data)
    if encoding not in ("utf-8", "utf-16-le", "utf-16-be"):
        encoding = declared_encoding(head) or encoding

    def open_text() -> io.BufferedReader:
        return open_as_utf8(contents.open(), encoding)

    with open_text() as data:
        start = read_head(data, HEAD).lstrip()
    suffix = Path(contents.name).suffix.casefold()
    if start.lower().startswith(HTML):
        raise CatalogError(
            f"{source} is a web page (HTML), for example an error or login page that was saved "
            "under this name; download the file again."
        )
    if start[:1] == b"<":
        feed = read_xml(source, open_text)
    elif start[:1] in (b"{", b"[") or suffix in JSON:
        feed = read_json(source, open_text)
    else:
        feed = read_delimited(source, open_text(), suffix)
        if len(feed.columns) < 2 and suffix not in PRODUCTS:
            raise CatalogError(
                f"{source} is of no known format: product files are CSV, JSON, XML, Excel or "
                f"Parquet, and end in {', '.join(PRODUCTS)}, each also compressed."
            )
    if encoding != "utf-8":
        feed.facts["encoding"] = encoding
    return feed


def _guarded(source: Path, rows: Rows) -> Rows:
    with _errors_of(source):
        yield from rows


@contextmanager
def _errors_of(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CatalogError(f"There is no file {source}.") from error
    except DAMAGE as error:
        raise CatalogError(
            f"{source} is incomplete: its compressed data is damaged or cut off; download it again."
        ) from error
    except OSError as error:
        raise CatalogError(f"{source} cannot be read: {error.strerror or error}.") from error
