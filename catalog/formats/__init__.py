"""The file formats that shops export, read as a stream of rows.

opening      opens a file: its format, and its rows
contents     unpacks compressed files; archive is a zip archive, with pictures
encoding     text encodings; alphabets, what short texts are known by
delimited    CSV and its relatives: dialect decides the delimiter, records reads cells
tables       records of a header and cells
json_rows    JSON: json_layout decides where the records are, json_values cuts them out
xml_rows     XML
category_list  categories that a document lists beside its products
workbook     Excel
parquet      Parquet; parquet_pages reads what its pages take

Only the current row is held in memory, of Parquet a page of each column. A row is bounded in bytes
and in values: three bytes of JSON, `[],`, take 64 bytes as an object.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from catalog.formats.archive import Archive

Record = dict[str, Any]
Rows = Iterator[tuple[int, Record | str]]

# A row may contain pictures as data: addresses; above this it is damaged.
MAX_ROW = 16 * 2**20  # bytes of a JSON line or a Parquet row, characters of a CSV record
MAX_VALUES = 20_000  # of a row, nested ones included; a product has some hundreds at most


@dataclass(slots=True)
class Feed:
    """A product file that is open.

    Attributes:
        rows: `(row, record)`, streamed: the row's number from 1 (of the line in JSON Lines, of the
            record below the header in tables), and the record as a mapping of columns or the
            reason why there is none. The file is closed when they are exhausted or given up.
        columns: The header of a table, every column once; empty for other files.
        tabular: Whether every row has the same columns.
        facts: What was found out about the file, by name: always `format`, and, where they are
            not the usual ones, `encoding`, `delimiter`, `quoting`, `lines above header`,
            `compression`, `member` (of an archive), `pictures` (in an archive: how many), `sheet`
            (of a workbook), `list` (within a document), `row element` (of XML). Complete when the
            file has been opened.
        archive: The zip archive that the file is in; the reader closes it.
    """

    rows: Rows
    columns: tuple[str, ...] = ()
    tabular: bool = False
    facts: dict[str, str | int] = field(default_factory=dict)
    archive: Archive | None = None
