"""Cells of a row: by plain and dotted names, their size, and conversions that remember results."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from catalog import values

Row = Mapping[str, Any]
Cells = Sequence[tuple[str, object]]  # column and value
Result = TypeVar("Result")

# Brands, departments, colours and prices repeat from row to row. A conversion remembers so many
# texts, and only short ones: 8,192 of 100 characters take a megabyte or two.
REMEMBERED = 8_192
LONGEST_REMEMBERED = 100


def remembering(convert: Callable[[Any], Result]) -> Callable[[object], Result]:
    """A conversion that remembers the results of short texts.

    Args:
        convert: Of a cell, to a value that is not changed afterwards.
    """
    of_text = lru_cache(REMEMBERED)(convert)

    def converted(cell: object) -> Result:
        if type(cell) is str and len(cell) <= LONGEST_REMEMBERED:
            return of_text(cell)
        return convert(cell)

    return converted


def cell_of(row: Row, column: str) -> object:
    """A cell; of a dotted name the value inside an object, or inside a list's first object.

    In a list of facts (`{"name": "material", "value": "oak"}`) it may be the name of one.
    """
    if column in row or "." not in column:
        return row.get(column)
    first, _, inner = column.partition(".")
    value = values.parse_literal(row.get(first))
    if isinstance(value, list | tuple):
        objects = [item for item in value if isinstance(item, Mapping)]
        value = next(iter(objects), None)
        if inner not in (value or {}):
            facts = filter(None, map(values.name_and_value, objects))
            named = [fact for name, fact in facts if values.text(name) == inner]
            if named:
                return named[0]
    return cell_of(value, inner) if isinstance(value, Mapping) else None


def row_size(row: Row) -> int:
    """Characters of a row's cells."""
    return sum(len(cell) if type(cell) is str else size(cell) for cell in row.values())


def size(value: object) -> int:
    """Characters of a cell, of nested values and their names together."""
    if type(value) is str or isinstance(value, bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(size(name) + size(item) for name, item in value.items())
    return sum(map(size, value)) if isinstance(value, list | tuple) else 1
