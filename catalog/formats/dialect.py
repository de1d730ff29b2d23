"""The dialect of a delimited text, decided by reading its first records in each.

Counting would take the commas of a description for delimiters; in the right dialect, the records
have as many cells as the header.
"""

import re
from collections.abc import Iterator
from itertools import islice

from catalog.formats.records import Dialect, Records

DELIMITERS = (",", ";", "\t", "|")  # spreadsheets write semicolons where the comma is decimal
SAMPLE = 500  # records
SEPARATOR = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's first line
# Records whose cells have quotes without need, for each with a quote that encloses nothing: above
# it, quotes enclose cells and that one is damaged.
MAX_NOT_NEEDED = 10


def stated_delimiter(line: str) -> str:
    """The delimiter that a line such as `sep=;` states; empty for any other line."""
    stated = SEPARATOR.fullmatch(line)
    return stated[1] if stated else ""


def find_dialect(lines: list[str], delimiters: tuple[str, ...] = DELIMITERS) -> Dialect:
    """The dialect of a text.

    Args:
        lines: The first ones, from the header on.
        delimiters: Those to choose from.
    """
    dialects = [Dialect(each, _has_quoting(lines, each)) for each in delimiters]
    return max(dialects, key=lambda dialect: _fit(lines, dialect))


def _has_quoting(lines: list[str], delimiter: str) -> bool:
    """Whether quotes enclose cells.

    They do not where cells begin with quotes that do not end with them (`"Old Mill" flour`), and
    none has quotes because it needs them. Programs that write tabs leave quotes as they are, so
    there the more frequent case decides.
    """
    sampled = _Sampled(lines, Dialect(delimiter))
    for _ in islice(sampled, SAMPLE):
        pass
    if not sampled.broken or sampled.not_needed > MAX_NOT_NEEDED * sampled.broken:
        return True
    return sampled.needed >= sampled.broken if delimiter == "\t" else sampled.needed > 0


def _fit(lines: list[str], dialect: Dialect) -> tuple[bool, float, int]:
    """Whether there are several columns, the share of records that fit them, and their number."""
    header, *rows = [*islice(_Sampled(lines, dialect), SAMPLE)] or [""]
    width = 0 if isinstance(header, str) else len(header)
    share = sum(_fit_of(row, width) for row in rows) / max(1, len(rows))
    return width > 1, round(share, 1), width


def _fit_of(row: list[str] | str, width: int) -> float:
    if isinstance(row, str) or any(row[width:]):
        return 0.0
    if len(row) >= width:
        return 1.0
    return 0.5 if len(row) > 1 else 0.0  # some programs leave out empty cells at the end


class _Sampled(Records):
    """Records of some lines, and what the quotes of their cells do.

    Attributes:
        needed: Records that have quotes for a delimiter, a line end or a quote within a cell.
        not_needed: Records with other cells in quotes.
        broken: Lines with a cell that begins with a quote and does not end with it.
    """

    def __init__(self, lines: list[str], dialect: Dialect) -> None:
        source = iter(lines)
        super().__init__(lambda: next(source, ""), dialect)
        self.needed = self.not_needed = self.broken = 0
        self._delimiter = dialect.delimiter
        self._begins = re.compile(f'(?:^|{re.escape(dialect.delimiter)})"')

    def __iter__(self) -> Iterator[list[str] | str]:
        for cells in super().__iter__():
            if self.width is None and not isinstance(cells, str):
                self.width = len(cells)
            yield cells

    def _quoted(self, line: str) -> Iterator[list[str] | str]:
        for cells in super()._quoted(line):
            yield cells
            written = line.rstrip("\r\n").split(self._delimiter)
            if not self._begins.search(line):
                continue
            if isinstance(cells, str) or cells == written:
                self.broken += self.width in (None, len(written))
            elif '""' in line or any(self._delimiter in cell or "\n" in cell for cell in cells):
                self.needed += 1
            else:
                self.not_needed += 1
