"""Rows of CSV and its relatives."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows

MAX_LINES = 500  # of one record; an unclosed quote would otherwise extend over the whole file
UTF16 = (b"\xff\xfe", b"\xfe\xff")
DELIMITERS = ",;\t|"  # spreadsheets write semicolons where the comma is decimal


def read_csv(source: Path, data: IO[bytes]) -> Feed:
    """A header and records; the delimiter is the most frequent of `DELIMITERS` in the header."""
    # utf-8-sig drops a byte order mark; bytes that are not UTF-8 cost their own row only.
    lines = _Lines(
        source, io.TextIOWrapper(data, encoding="utf-8-sig", errors="surrogateescape", newline="")
    )
    first = lines.peek()
    reject_utf16(source, first.encode("utf-8", "surrogateescape"))
    csv.field_size_limit(formats.MAX_ROW)
    # strict: a quote out of place drops the row, counted, instead of shifting its cells silently
    table = csv.reader(lines, delimiter=max(DELIMITERS, key=first.count), strict=True)
    records = _records(table, lines)
    header = next(records, [])
    if isinstance(header, csv.Error):
        raise CatalogError(f"The first line of {source} is no CSV header: {header}.")
    if len(header) > formats.MAX_VALUES:
        raise CatalogError(
            f"{source} has {len(header):,} columns; {formats.MAX_VALUES:,} is the most."
        )
    names = [name.strip() for name in header]
    columns = tuple(dict.fromkeys(filter(None, names)))
    return Feed(_rows(names, records), columns, tabular=True, facts={"format": "CSV"})


def _rows(names: list[str], records: Iterator[list[str] | csv.Error]) -> Rows:
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
        if self._size > formats.MAX_ROW or self._delimiters > formats.MAX_VALUES:
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
        line = self._file.readline(formats.MAX_ROW)
        if len(line) == formats.MAX_ROW and not line.endswith("\n"):
            raise CatalogError(
                f"{self._source} has a line of over {formats.MAX_ROW:,} characters; is it CSV?"
            )
        return line


def reject_utf16(source: Path, head: bytes) -> None:
    """Reject a file that begins with the byte order mark of UTF-16."""
    if head.startswith(UTF16):
        raise CatalogError(f"{source} is UTF-16; save it as UTF-8.")
