"""Rows of a table from its header and the cells of its records."""

from collections.abc import Iterator, Sequence
from typing import Any

from catalog.formats import Record, Rows

# Amazon's listing files: a line about the template, then one of labels, then the header.
TEMPLATE = "TemplateType="
TEMPLATE_LINES = 2


def is_template(begun: object) -> bool:
    """Whether a table that begins so has its header below the lines of a template."""
    return isinstance(begun, str) and begun.lstrip('"').startswith(TEMPLATE)


def table_rows(names: list[str], records: Iterator[Sequence[Any] | str]) -> Rows:
    """The records of a table.

    Args:
        names: Of the columns; those without a name are left out.
        records: The cells of each, or the reason why there are none. Cells may be missing at the
            end, and more than the header has if they hold nothing.
    """
    width = len(names)
    plain = len(set(names)) == width and all(names)
    for number, cells in enumerate(records, start=1):
        if isinstance(cells, str):
            yield number, cells
        elif len(cells) > width and any(cells[width:]):
            yield number, "too many cells"
        else:
            pairs = zip(names, cells, strict=False)
            yield number, dict(pairs) if plain else _merged(pairs)


def _merged(pairs: Iterator[tuple[str, Any]]) -> Record:
    """The record of a table in which columns share a name: the first cell that holds something."""
    record: Record = {}
    for name, cell in pairs:
        if name and record.get(name) in (None, ""):
            record[name] = cell
    return record
