"""Rows of CSV and its relatives."""

import io
from collections import deque
from contextlib import suppress
from itertools import islice, takewhile
from pathlib import Path

from catalog import CatalogError, formats
from catalog.formats import Feed
from catalog.formats.contents import DAMAGE
from catalog.formats.dialect import DELIMITERS, find_dialect, stated_delimiter
from catalog.formats.records import Records
from catalog.formats.tables import TEMPLATE_LINES, is_template, table_rows

# What the dialect is decided from.
SAMPLE = 2**20  # characters
SAMPLE_LINES = 5_000
NAMES = {"\t": "tab", " ": "space"}
MAX_ABOVE = 20  # lines above the header
# How the lines above the header begin in templates of eBay and of Facebook.
INFORMATION = ("#INFO", "Info,Version", "# Required", "# Optional")
TRIMMED = "".join(DELIMITERS) + " \r\n"


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
    above = lines.pass_lines_above_header()
    dialect = find_dialect(list(lines.head), (stated,) if stated else DELIMITERS)
    facts: dict[str, str | int] = {"format": "CSV"}
    if above:
        facts["lines above header"] = above
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


def _is_title(line: str) -> bool:
    """Whether a line has one cell at most, whatever the delimiter is."""
    return not any(map(line.strip(TRIMMED).__contains__, (*DELIMITERS, '"')))


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

    def pass_lines_above_header(self) -> int:
        """Pass lines that are no header: titles, and what marketplaces' templates begin with.

        Returns:
            How many they are.
        """
        count = 0
        lines = [*islice(self.head, MAX_ABOVE + 1)]
        if is_template(lines[0] if lines else ""):
            count = TEMPLATE_LINES
        while count < len(lines) and lines[count].lstrip('"').startswith(INFORMATION):
            count += 1
        if not count:
            titles = list(takewhile(_is_title, lines))
            # of blank lines alone nothing needs to be said
            count = len(titles) if any(line.strip(TRIMMED) for line in titles) else 0
        if count >= len(lines):
            return 0
        for _ in range(count):
            self.head.popleft()
        return count

    def read(self) -> str:
        """The next line; "" at the end. A line above the limit comes in pieces."""
        return self.head.popleft() if self.head else self._file.readline(formats.MAX_ROW)
