"""Rows of CSV and its relatives."""

import io
from collections import deque
from contextlib import suppress
from pathlib import Path

from catalog import CatalogError, formats
from catalog.formats import Feed
from catalog.formats.contents import DAMAGE
from catalog.formats.dialect import DELIMITERS, find_dialect, stated_delimiter
from catalog.formats.records import Records
from catalog.formats.tables import table_rows

# What the dialect is decided from.
SAMPLE = 2**20  # characters
SAMPLE_LINES = 5_000
NAMES = {"\t": "tab", " ": "space"}


def read_delimited(source: Path, data: io.BufferedReader, suffix: str) -> Feed:
    """A table in UTF-8: a header and records.

    Args:
        source: For messages.
        data: The table.
        suffix: Of its name; states the usual delimiter.

    Raises:
        CatalogError: The header cannot be read.
    """
    lines = _Lines(data)
    stated = lines.pass_stated_delimiter()
    dialect = find_dialect(list(lines.head), (stated,) if stated else DELIMITERS)
    facts: dict[str, str | int] = {"format": "CSV"}
    usual = "\t" if suffix in (".tsv", ".tab") else ","
    if dialect.delimiter != usual:
        facts["delimiter"] = NAMES.get(dialect.delimiter, dialect.delimiter)
    if not dialect.quoting:
        facts["quoting"] = "none"
    records = Records(lines.read, dialect)
    rows = iter(records)
    header = next(rows, [])
    if isinstance(header, str):
        raise CatalogError(f"The first line of {source} is no header of a table: {header}.")
    if len(header) > formats.MAX_VALUES:
        raise CatalogError(
            f"{source} has {len(header):,} columns; {formats.MAX_VALUES:,} is the most."
        )
    records.width = len(header)
    names = [name.strip() for name in header]
    columns = tuple(dict.fromkeys(filter(None, names)))
    return Feed(table_rows(names, rows), columns, tabular=True, facts=facts)


class _Lines:
    """Lines of a text in UTF-8; bytes that are not UTF-8 are halves of surrogate pairs in them.

    Attributes:
        head: The first lines, which are read again by `read`.
    """

    def __init__(self, data: io.BufferedReader) -> None:
        start = data.peek(SAMPLE)
        # A carriage return ends lines only where nothing else does: it may be part of a cell.
        newline = "\r" if b"\r" in start and b"\n" not in start else "\n"
        self._file = io.TextIOWrapper(
            data, encoding="utf-8", errors="surrogateescape", newline=newline
        )
        self.head: deque[str] = deque()
        size = 0
        with suppress(*DAMAGE):  # raised again when the lines before it have been read
            while size < SAMPLE and len(self.head) < SAMPLE_LINES:
                self.head.append(self._file.readline(formats.MAX_ROW))
                size += len(self.head[-1]) or SAMPLE

    def pass_stated_delimiter(self) -> str:
        """The delimiter that the first line states, which is passed then; else empty."""
        stated = stated_delimiter(self.head[0]) if self.head else ""
        if stated:
            self.head.popleft()
        return stated

    def read(self) -> str:
        """The next line; "" at the end. A line above the limit comes in pieces."""
        return self.head.popleft() if self.head else self._file.readline(formats.MAX_ROW)
