"""Rows of the file formats that shops export, streamed.

Each format yields `(row, record)`: the row's number from 1 (of the line in JSON Lines, of the
record below the header in CSV and Parquet) and either the record as a mapping of columns, or the
reason why there is none. Only the current row is held in memory.
"""

import csv
import gzip
import io
import json
import shutil
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, cast

from catalog import CatalogError
from catalog.amazon import hub_category, open_category

Record = dict[str, Any]
Rows = Iterator[tuple[int, Record | str]]

# A row may contain pictures as data: addresses; above this it is damaged.
MAX_ROW = 16 * 2**20  # bytes of a JSON line, characters of a CSV line or cell
MAX_LINES = 500  # of one CSV record; an unclosed quote would otherwise extend over the whole file
PARQUET_BATCH = 256  # rows; decoded together: faster than one by one, and small
UTF16 = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS = ",;\t|"  # spreadsheets write semicolons where the comma is decimal


def open_rows(source: Path) -> Rows:
    """Rows of a product file, by its suffix.

    Args:
        source: .jsonl, .ndjson, .json (JSON Lines), .csv, .tsv or .parquet, each also as .gz;
            or a category of Amazon Reviews 2023 on the hub, as amazon:All_Beauty.

    Raises:
        CatalogError: At once when the file is missing, empty or of no known format; while
            iterating when it is damaged further on.
    """
    rows = _format(source)
    if hub_category(source):
        return _read(source, rows)
    try:
        if source.is_dir():
            raise CatalogError(f"{source} is a folder; name a file of products inside it.")
        if source.stat().st_size == 0:
            raise CatalogError(f"{source} is empty: there are no products in it.")
        source.open("rb").close()
    except FileNotFoundError as error:
        raise CatalogError(f"There is no file {source}.") from error
    except OSError as error:
        raise CatalogError(f"{source} cannot be read: {error.strerror}.") from error
    return _read(source, rows)


def is_tabular(source: Path) -> bool:
    """Whether every row of the file has the same columns."""
    return _format(source) is not json_rows


def _format(source: Path) -> Callable[[Path, IO[bytes]], Rows]:
    if hub_category(source):
        return json_rows
    suffix = Path(source.name.removesuffix(".gz")).suffix.casefold()
    if suffix not in FORMATS:
        raise CatalogError(
            f"{source} is of no format known by its name: product files end in "
            f"{', '.join(FORMATS)}, each also with .gz."
        )
    return FORMATS[suffix]


def _read(source: Path, rows: Callable[[Path, IO[bytes]], Rows]) -> Rows:
    try:
        with _open(source) as data:
            yield from rows(source, data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CatalogError(
            f"{source} is incomplete: its gzip data is damaged or cut off; download it again."
        ) from error
    except OSError as error:
        raise CatalogError(f"{source} cannot be read: {error.strerror or error}.") from error


def _open(source: Path) -> IO[bytes]:
    if category := hub_category(source):
        return open_category(category)
    return cast(IO[bytes], gzip.open(source) if source.name.endswith(".gz") else source.open("rb"))


def json_rows(source: Path, data: IO[bytes]) -> Rows:
    """One JSON object a line; empty lines are skipped."""
    number = 0
    while line := data.readline(MAX_ROW):
        number += 1
        if number == 1:
            _reject_utf16(source, line)
            line = line.removeprefix(b"\xef\xbb\xbf")
            if line.lstrip()[:1] == b"[" and line.strip()[-1:] != b"]":
                raise CatalogError(
                    f"{source} is one JSON array; write one object a line, for example with "
                    f"`jq -c '.[]' {source.name}`."
                )
        if len(line) == MAX_ROW and not line.endswith(b"\n"):
            while (rest := data.readline(MAX_ROW)) and not rest.endswith(b"\n"):
                pass
            yield number, "row too long"
        elif line.strip():
            yield number, _json(line)


def _json(line: bytes) -> Record | str:
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return "unreadable row"
    return record if isinstance(record, dict) else "not an object"


def csv_rows(source: Path, data: IO[bytes]) -> Rows:
    """A header and records; the delimiter is the most frequent of `DELIMITERS` in the header."""
    # utf-8-sig drops a byte order mark; bytes that are not UTF-8 cost their own row only.
    lines = _Lines(
        source, io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape", newline="")
    )
    first = lines.peek()
    _reject_utf16(source, first.encode("utf-8", "surrogateescape"))
    csv.field_size_limit(MAX_ROW)
    # strict: a quote out of place drops the row, counted, instead of shifting its cells silently
    table = csv.reader(lines, delimiter=max(DELIMITERS, key=first.count), strict=True)
    records = _records(table, lines)
    header = next(records, [])
    if isinstance(header, csv.Error):
        raise CatalogError(f"The first line of {source} is no CSV header: {header}.")
    names = [name.strip() for name in header]
    for number, cells in enumerate(records, start=1):
        yield number, "unreadable row" if isinstance(cells, csv.Error) else _csv(names, cells)


def _records(table: Iterator[list[str]], lines: "_Lines") -> Iterator[list[str] | csv.Error]:
    """The cells of each record that is not empty; the error of a broken one."""
    while True:
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            lines.push_back()
            yield error
        else:
            lines.taken.clear()
            if cells:
                yield cells


def _csv(header: list[str], cells: list[str]) -> Record | str:
    if any(cells[len(header) :]):
        return "too many cells"
    if any("\ud800" <= max(cell, default="") <= "\udfff" for cell in cells if not cell.isascii()):
        return "unreadable row"
    return {name: cell for name, cell in zip(header, cells, strict=False) if name}


class _Lines:
    """Lines of text, kept while a record is read, so that a broken record costs one line."""

    def __init__(self, source: Path, file: IO[str]) -> None:
        self.taken: list[str] = []
        self._source = source
        self._file = file
        self._again: deque[str] = deque()

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self.taken) == MAX_LINES:
            raise csv.Error("a quote is not closed")
        line = self._again.popleft() if self._again else self._read()
        if not line:
            raise StopIteration
        self.taken.append(line)
        return line

    def peek(self) -> str:
        """The first line, without consuming it."""
        line = self._read()
        self._again.append(line)
        return line

    def push_back(self) -> None:
        """Let all lines of the current record but the first be read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.taken.clear()

    def _read(self) -> str:
        line = self._file.readline(MAX_ROW)
        if len(line) == MAX_ROW and not line.endswith("\n"):
            raise CatalogError(
                f"{self._source} has a line of over {MAX_ROW:,} characters; is it CSV?"
            )
        return line


def parquet_rows(source: Path, data: IO[bytes]) -> Rows:
    """Records of a Parquet file, a batch at a time."""
    # here: the import takes a third of a second, and most feeds are not Parquet
    import pyarrow
    from pyarrow import parquet

    with tempfile.TemporaryFile() as unzipped:
        if isinstance(data, gzip.GzipFile):  # Parquet is read from its end; gzip cannot seek
            shutil.copyfileobj(data, unzipped)
            data = unzipped
        number = 0
        try:
            for batch in parquet.ParquetFile(data).iter_batches(PARQUET_BATCH):
                for record in batch.to_pylist():
                    number += 1
                    yield number, record
        except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as error:
            raise CatalogError(
                f"{source} cannot be read as Parquet after row {number:,}: "
                f"{str(error).splitlines()[0].rstrip('.')}."
            ) from error


def _reject_utf16(source: Path, head: bytes) -> None:
    if head.startswith(UTF16):
        raise CatalogError(f"{source} is UTF-16; save it as UTF-8.")


FORMATS: dict[str, Callable[[Path, IO[bytes]], Rows]] = {
    ".jsonl": json_rows,
    ".ndjson": json_rows,
    ".json": json_rows,
    ".csv": csv_rows,
    ".tsv": csv_rows,
    ".parquet": parquet_rows,
}
