"""The numbers and dates of a generation's products as columns, beside those of counted values.

The engine walks its index for each range: of a million products a range of prices takes it 0.1 s
to count, and seconds to name what is in it.

    columns/figures.json     the fields; of one that is not here, the engine alone has the figures
    columns/figures-N.npy    `ROW` (m,): of the N-th field, each with the number of its product
"""

import json
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
import orjson

from qdrant.embedded.facts import KeptFacts
from qdrant.figures import figure, seconds
from qdrant.filters import DATE_FIELDS, NUMBER_FIELDS
from qdrant.index_fields import NUMBERS, key_field
from qdrant.layout import RANKED_FACTS
from qdrant.model import Range
from vitrine import Closing

FIELDS = (*NUMBER_FIELDS, "rating_count", *DATE_FIELDS)  # and the numbers of attributes
IN_LINES = tuple(field for field in FIELDS if field in RANKED_FACTS)
FILE = "figures.json"
ROW = np.dtype([("product", "<i4"), ("figure", "<f8")])
_PACK = struct.Struct("<id").pack


class FigureColumn:
    """The figures of one field.

    Args:
        rows: `ROW` (m,).
    """

    def __init__(self, rows: np.ndarray) -> None:
        self.products = rows["product"]
        self.figures = rows["figure"]

    def within(self, bounds: Range, products: int) -> np.ndarray:
        """Return which of n products have a figure in a range, bool (n,)."""
        inside = np.ones(len(self.figures), bool)
        for bound, compare in (
            (bounds.gt, np.greater),
            (bounds.gte, np.greater_equal),
            (bounds.lt, np.less),
            (bounds.lte, np.less_equal),
        ):
            if bound is not None:
                inside &= compare(self.figures, seconds(bound) if isinstance(bound, str) else bound)
        found = np.zeros(products, bool)
        found[self.products[inside]] = True
        return found

    def of_each(self, products: int) -> np.ndarray:
        """Return the figure of each of n products, float64 (n,), NaN for one without."""
        figures = np.full(products, np.nan)
        figures[self.products] = self.figures
        return figures


class FigureColumns:
    """The columns of a generation; threads may share them.

    Of a generation that an earlier version built they are read from its lines of facts, once.

    Args:
        facts: of the generation, with the folder of the columns.
    """

    def __init__(self, facts: KeptFacts) -> None:
        self._folder = facts.folder
        self._written = (facts.folder / FILE).exists()
        names = json.loads((facts.folder / FILE).read_text()) if self._written else IN_LINES
        self.fields: tuple[str, ...] = tuple(names)
        self._column = lru_cache(self._read)
        self._of_lines = lru_cache(1)(lambda: _read_lines(facts))

    def column(self, field: str) -> FigureColumn | None:
        """Return the column of a field; None where the engine alone has its figures."""
        return self._column(field) if field in self.fields else None

    def _read(self, field: str) -> FigureColumn:
        if not self._written:
            return FigureColumn(self._of_lines()[field])
        place = self._folder / _name(self.fields.index(field))
        return FigureColumn(np.load(place, mmap_mode="r"))


class FiguresWriter(Closing):
    """Writes the columns of a generation.

    Args:
        folder: where they will be.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, BinaryIO] = {}
        for field in FIELDS:
            self._file(field)

    def add(self, product: int, payload: Mapping[str, Any]) -> None:
        """Add a product by its number."""
        for field, value in _figures(payload):
            self._file(field).write(_PACK(product, value))

    def keep(self, base: KeptFacts, renumbered: np.ndarray) -> None:
        """Add products of another generation; a field that it has no column of gets none.

        Args:
            base: its facts.
            renumbered: int32 (n,), the new number of each of its products; -1 leaves it out.
        """
        columns = FigureColumns(base)
        for field in self._files.keys() - set(columns.fields):
            self._files.pop(field).close()
        for field in columns.fields:
            if column := columns.column(field):
                products = renumbered[column.products]
                rows = np.empty(np.count_nonzero(products >= 0), ROW)
                rows["product"] = products[products >= 0]
                rows["figure"] = column.figures[products >= 0]
                self._file(field).write(rows.tobytes())

    def finish(self) -> None:
        """Complete the files."""
        for old in self._folder.glob(_name("*")):
            old.unlink()  # and not written over: it is mapped, or another generation's, too
        for number, file in enumerate(self._files.values()):
            file.seek(0)
            np.save(self._folder / _name(number), np.frombuffer(file.read(), ROW))
        (self._folder / FILE).unlink(missing_ok=True)
        (self._folder / FILE).write_text(json.dumps(list(self._files)))

    def close(self) -> None:
        """Close the files, which have no name."""
        for file in self._files.values():
            file.close()

    def _file(self, field: str) -> BinaryIO:
        if field not in self._files:
            self._files[field] = TemporaryFile(dir=self._folder)  # noqa: SIM115 (`close` closes it)
        return self._files[field]


def _name(number: int | str) -> str:
    return f"figures-{number}.npy"


def _figures(
    payload: Mapping[str, Any], fields: Iterable[str] = FIELDS
) -> Iterator[tuple[str, float]]:
    """The figures of a payload, by field."""
    for field in fields:
        value = figure(field, payload.get(field))
        if not math.isnan(value):
            yield field, value
    for key, number in payload.get(NUMBERS, {}).items():
        yield key_field(key), float(number)


def _read_lines(facts: KeptFacts) -> dict[str, np.ndarray]:
    """The columns of the figures that are among the facts, by field."""
    rows = {field: bytearray() for field in IN_LINES}
    for product, line in facts.each():
        for field, value in _figures(orjson.loads(line), IN_LINES):
            rows[field] += _PACK(product, value)
    return {field: np.frombuffer(read, ROW) for field, read in rows.items()}
