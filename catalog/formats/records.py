"""Records of a delimited text, whatever its quotes do.

A quoted cell may contain delimiters and line ends, so an opening quote that nothing closes could
extend over many rows. It costs the line it is on: the lines after it are read again one by one, and
none is read more than twice.
"""

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from catalog import formats

MAX_LINES = 500  # of one record
DAMAGED = re.compile("[\ud800-\udfff]")  # bytes that are not of the file's encoding


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text is delimited.

    Attributes:
        delimiter: One character.
        quoting: Whether quotes enclose cells; else a quote is a character as any other.
    """

    delimiter: str
    quoting: bool = True


class Records:
    """The cells of each record, or the reason why it cannot be read; empty ones are skipped.

    Attributes:
        width: Cells of a record, once known: of the header.
    """

    def __init__(self, read_line: Callable[[], str], dialect: Dialect) -> None:
        """Begin at the next line.

        Args:
            read_line: Returns the next line, "" at the end. A line of more than `formats.MAX_ROW`
                characters comes in pieces of that length.
            dialect: Of the text.
        """
        self.width: int | None = None
        self._read_line = read_line
        self._dialect = dialect
        self._again: deque[str] = deque()  # lines of a record that broke
        self._single = 0  # how many of them begin no record of several lines
        csv.field_size_limit(formats.MAX_ROW)

    def __iter__(self) -> Iterator[list[str] | str]:
        delimiter, quoting = self._dialect.delimiter, self._dialect.quoting
        while line := self._next_line():
            if len(line) > formats.MAX_VALUES and (reason := self._too_large(line)):
                yield reason
            elif quoting and '"' in line:
                yield from self._quoted(line)
            else:
                cells = line.rstrip("\r\n").split(delimiter)
                if not line.isascii() and DAMAGED.search(line):
                    yield "unreadable row"
                elif cells[0] or any(cells):
                    yield cells

    def _next_line(self) -> str:
        if not self._again:
            return self._read_line()
        self._single -= self._single > 0
        return self._again.popleft()

    def _too_large(self, line: str) -> str:
        """The reason why a line is not taken apart, if there is one."""
        if len(line) >= formats.MAX_ROW and not line.endswith(("\n", "\r")):
            while (rest := self._read_line()) and not rest.endswith(("\n", "\r")):
                pass
            return "row too long"
        many = line.count(self._dialect.delimiter) > formats.MAX_VALUES
        return "too many values" if many else ""

    def _quoted(self, line: str) -> Iterator[list[str] | str]:
        """The record that begins with a line in which there are quotes."""
        taken: list[str] = []
        lines = self._lines(line, taken)
        try:
            cells = next(csv.reader(lines, delimiter=self._dialect.delimiter, strict=True))
        except csv.Error:
            cells = None
        if cells is None or (len(taken) > 1 and self._are_records(taken, cells)):
            self._again.extendleft(reversed(taken[1:]))
            self._single = max(self._single, len(taken) - 2)
            cells = self._unquoted(line)
        if cells is None or any(DAMAGED.search(each) for each in taken if not each.isascii()):
            yield "unreadable row"
        elif any(cells):
            yield cells

    def _lines(self, line: str, taken: list[str]) -> Iterator[str]:
        """The lines of a record as they are needed, noted in `taken`."""
        size = delimiters = 0
        alone = self._single > 0
        while line:
            taken.append(line)
            yield line
            size += len(line)
            delimiters += line.count(self._dialect.delimiter)
            full = size > formats.MAX_ROW or delimiters > formats.MAX_VALUES
            line = "" if alone or full or len(taken) == MAX_LINES else self._next_line()

    def _are_records(self, taken: list[str], cells: list[str]) -> bool:
        """Whether lines that two quotes enclose are records of their own.

        They are where most of them have as many cells as the header, the first of which holds
        something. A cell of prose has commas too, but white space after them.
        """
        if self.width is None or sum(line.count('"') for line in taken) != 2:
            return False
        delimiter = self._dialect.delimiter
        records = sum(
            line.count(delimiter) == self.width - 1
            and not line.startswith(delimiter)
            and f"{delimiter} " not in line
            for line in taken
        )
        return len(cells) > self.width or 2 * records > len(taken)

    def _unquoted(self, line: str) -> list[str] | None:
        """A line whose quotes are characters of its cells, as programs write tabs."""
        cells = line.rstrip("\r\n").split(self._dialect.delimiter)
        return cells if self._dialect.delimiter == "\t" and len(cells) == self.width else None
