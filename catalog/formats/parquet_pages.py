"""The column chunks of a Parquet file and their pages, as the file describes them.

A page is the unit that Parquet is decompressed in, whatever it holds, and the sizes that a file
states for a whole column may be other than those of its pages. The headers follow each other in a
column chunk, each before its page. Arrow's own access to a chunk's description ends the process
where its statistics are damaged, so the footer is read here, too. Source: parquet.thrift of the
Parquet format, written in Thrift's compact protocol.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

HEADER = 2**16  # bytes; the statistics of a header are the first bytes of a text, or a hash
MAX_DEPTH = 8  # structures within each other

# Types of the compact protocol.
STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
# Fields of a page header and of the three headers within it.
TYPE, UNCOMPRESSED, COMPRESSED = 1, 2, 3
DATA, DICTIONARY, DATA_V2 = 5, 7, 8
VALUES = 1
DICTIONARY_PAGE = 2
# Fields of the footer, of a row group, a column chunk and its metadata.
ROW_GROUPS = 4
COLUMNS, ROWS = 1, 3
METADATA = 3
ENCODINGS, PATH, TOTAL_COMPRESSED, DATA_OFFSET, DICTIONARY_OFFSET = 2, 3, 7, 9, 11
DELTA_BYTE_ARRAY = 7
FOOTER_END = 8  # bytes: the length of the footer, and the signature


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column of a row group.

    Attributes:
        path: Of the column.
        start: Where its pages begin in the file.
        end: Where they end.
        delta: Whether values are stored as the difference to the one before.
    """

    path: str
    start: int
    end: int
    delta: bool


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows that are stored together, by column."""

    rows: int
    chunks: list[Chunk]


def row_groups(data: IO[bytes]) -> list[RowGroup]:
    """The row groups of a file.

    Raises:
        ValueError: The footer cannot be read.
    """
    end = data.seek(0, 2) - FOOTER_END
    data.seek(max(0, end))
    start = end - int.from_bytes(data.read(4), "little")
    if start < 0:
        raise ValueError("it has no footer")
    data.seek(start)
    footer = _Struct(data.read(end - start)).read()
    return [
        RowGroup(_count(group, ROWS), [_chunk(column) for column in _structs(group, COLUMNS)])
        for group in _structs(footer, ROW_GROUPS)
    ]


def _chunk(column: dict[int, Any]) -> Chunk:
    described = column.get(METADATA)
    if not isinstance(described, dict):
        raise ValueError("a column has no description")
    path, encodings = described.get(PATH), described.get(ENCODINGS)
    if not isinstance(path, list) or not isinstance(encodings, list):
        raise ValueError("a column has no description")
    start = _count(described, DATA_OFFSET)
    if described.get(DICTIONARY_OFFSET):
        start = min(start, _count(described, DICTIONARY_OFFSET))
    name = ".".join(part.decode(errors="replace") for part in path if isinstance(part, bytes))
    return Chunk(
        name, start, start + _count(described, TOTAL_COMPRESSED), DELTA_BYTE_ARRAY in encodings
    )


def _structs(fields: dict[int, Any], number: int) -> list[dict[int, Any]]:
    found = fields.get(number, [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError("its footer cannot be read")
    return found


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a column chunk.

    Attributes:
        dictionary: Whether it holds the dictionary of the pages after it.
        size: Bytes when decompressed.
        compressed: Bytes in the file.
        values: In it.
    """

    dictionary: bool
    size: int
    compressed: int
    values: int


def pages(data: IO[bytes], start: int, end: int) -> Iterator[Page]:
    """The pages of a column chunk.

    Args:
        data: The file.
        start: Where the chunk begins.
        end: Where it ends.

    Raises:
        ValueError: A header cannot be read.
    """
    while start < end:
        data.seek(start)
        header = _Struct(data.read(HEADER))
        fields = header.read()
        inner = fields.get(DATA) or fields.get(DICTIONARY) or fields.get(DATA_V2)
        values = _count(inner, VALUES) if isinstance(inner, dict) else 0
        size, compressed = _count(fields, UNCOMPRESSED), _count(fields, COMPRESSED)
        yield Page(fields.get(TYPE) == DICTIONARY_PAGE, size, compressed, values)
        start += header.at + compressed


def _count(fields: dict[int, Any], number: int) -> int:
    value = fields.get(number)
    if not isinstance(value, int) or value < 0:
        raise ValueError("its description has no sizes")
    return value


class _Struct:
    """A structure in the compact protocol: field number → value."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def read(self, depth: int = 0) -> dict[int, Any]:
        if depth > MAX_DEPTH:
            raise ValueError("it is nested too deep")
        fields: dict[int, Any] = {}
        number = 0
        while kind := self._byte():
            number = number + (kind >> 4) if kind >> 4 else self._integer()
            fields[number] = self._value(kind & 15, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:  # noqa: ANN401
        match kind:
            case 1 | 2:
                return kind == TRUE  # in lists a byte each, which no list here has
            case 3:
                return self._byte()
            case 4 | 5 | 6:
                return self._integer()
            case 7:
                self.at += 8
            case 8:
                length = self._varint()
                self.at += length
                return self._data[self.at - length : self.at]
            case 9 | 10:
                head = self._byte()
                count = head >> 4 if head >> 4 < 15 else self._varint()
                return [self._value(head & 15, depth + 1) for _ in range(count)]
            case 12:
                return self.read(depth + 1)
            case _:
                raise ValueError("its description cannot be read")
        return None

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise ValueError("its description ends early")
        self.at += 1
        return self._data[self.at - 1]

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128 or shift > 63:
                return value

    def _integer(self) -> int:
        """A zigzag integer."""
        value = self._varint()
        return (value >> 1) ^ -(value & 1)
