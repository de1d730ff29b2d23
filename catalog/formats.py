"""Rows of the file formats that shops export, streamed.

Each format yields `(row, record)`: the row's number from 1 (of the line in JSON Lines, of the
record below the header in CSV and Parquet) and either the record as a mapping of columns, or the
reason why there is none. Only the current row is held in memory, of Parquet `PARQUET_BATCH`. A row
is bounded in bytes and in values: three bytes of JSON, `[],`, take 64 bytes as an object.
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
from typing import IO, TYPE_CHECKING, Any, cast

from catalog import CatalogError
from catalog.amazon import hub_category, open_category

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch
    from pyarrow.parquet import FileMetaData

Record = dict[str, Any]
Rows = Iterator[tuple[int, Record | str]]

# A row may contain pictures as data: addresses; above this it is damaged.
MAX_ROW = 16 * 2**20  # bytes of a JSON line or a Parquet row, characters of a CSV record
MAX_VALUES = 20_000  # of a row, nested ones included; a product has some hundreds at most
MAX_LINES = 500  # of one CSV record; an unclosed quote would otherwise extend over the whole file
# Rows that are decoded together. A few bytes of a dictionary-encoded column may be a large value in
# every one of them.
PARQUET_BATCH = 8
# Parquet is decompressed a page at a time, and a page may be a whole column of a row group: above
# MAX_PAGE bytes that must not be many times the compressed ones.
MAX_PAGE = 64 * 2**20
MAX_RATIO = 20
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
    if sum(map(line.count, (b",", b"]", b"}"))) > MAX_VALUES:  # before they are made
        return "too many values"
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
    if len(header) > MAX_VALUES:
        raise CatalogError(f"{source} has {len(header):,} columns; {MAX_VALUES:,} is the most.")
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
            lines.begin_record()
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
        self._size = 0  # characters of the lines taken
        self._delimiters = 0
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
        self._size += len(line)
        self._delimiters += max(map(line.count, DELIMITERS))
        if self._size > MAX_ROW or self._delimiters > MAX_VALUES:
            raise csv.Error("a record is too long, or has too many cells")
        return line

    def peek(self) -> str:
        """The first line, without consuming it."""
        line = self._read()
        self._again.append(line)
        return line

    def push_back(self) -> None:
        """Let all lines of the current record but the first be read again."""
        self._again.extendleft(reversed(self.taken[1:]))
        self.begin_record()

    def begin_record(self) -> None:
        """Forget the lines of the last record."""
        self.taken.clear()
        self._size = self._delimiters = 0

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
            file = parquet.ParquetFile(data)
            _check_pages(source, file.metadata)
            for batch in file.iter_batches(PARQUET_BATCH):
                for row in range(batch.num_rows):
                    number += 1
                    yield number, _parquet(batch.slice(row, 1))
        except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as error:
            raise CatalogError(
                f"{source} cannot be read as Parquet after row {number:,}: "
                f"{str(error).splitlines()[0].rstrip('.')}."
            ) from error


def _check_pages(source: Path, metadata: "FileMetaData") -> None:
    """Reject a file with columns that decompress to many times their size."""
    if metadata.num_columns > MAX_VALUES:
        raise CatalogError(
            f"{source} has {metadata.num_columns:,} columns; {MAX_VALUES:,} is the most."
        )
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            size = column.total_uncompressed_size
            if size > MAX_PAGE and size > MAX_RATIO * column.total_compressed_size:
                raise CatalogError(
                    f"{source} cannot be read within bounds: its column {column.path_in_schema} "
                    f"takes {size:,} bytes, {size // max(1, column.total_compressed_size)} times "
                    "those in the file; write it with smaller row groups."
                )


def _parquet(row: "RecordBatch") -> Record | str:
    """The record of a batch of one row, or the reason why there is none."""
    import pyarrow

    if row.nbytes > MAX_ROW:
        return "row too long"
    if sum(map(_values, row.columns)) > MAX_VALUES:
        return "too many values"
    try:
        (record,) = row.to_pylist()
    except (pyarrow.ArrowException, ValueError, OverflowError):  # a text that is not UTF-8, a date
        return "unreadable row"
    return cast(Record, record)


def _values(array: "Array") -> int:
    """How many values an array has, nested ones included."""
    import pyarrow

    if isinstance(array, pyarrow.StructArray):
        return len(array) + sum(map(_values, array.flatten()))
    if isinstance(array, pyarrow.MapArray):  # a list of pairs
        start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return len(array) + sum(
            _values(each.slice(start, end - start)) for each in (array.keys, array.items)
        )
    if isinstance(array, pyarrow.ListArray | pyarrow.LargeListArray | pyarrow.FixedSizeListArray):
        return len(array) + _values(array.flatten())
    return len(array)


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
