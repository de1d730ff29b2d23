"""Vitrine's own export: products as flat records, which are read back to equal products.

A record has the fields of `Product` by their names; lists, paths and attributes are JSON. `MARK`
says how it was written. Cells are decoded, never interpreted.

In a CSV file a text that a spreadsheet may take for a formula has an apostrophe before it (CSV
injection). A text that begins with apostrophes and such a sign gets one more, so that exactly one
is to be taken away.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from catalog.product import Product
from catalog.product_table import FIELDS, JSON_FIELDS, read_json

MARK = "vitrine_export"  # the column that an export is recognised by
GUARDED, PLAIN = "1 guarded", "1"  # its values: the version, and whether formulas are guarded
FORMULA = re.compile(r"'*[=+\-@\t\r]")  # OWASP's list for CSV injection, guarded ones included
SCALARS: Mapping[str, Callable[[Any], Any]] = {  # of the fields that are neither text nor JSON
    "price": float,
    "list_price": float,
    "rating": float,
    "rating_count": int,
    "in_stock": lambda cell: {"true": True, "false": False}[str(cell).lower()],
}


def record_of(product: Product) -> dict[str, Any]:
    """The fields of a product by name; those of several values as JSON."""
    values = {field.name: getattr(product, field.name) for field in fields(Product)}
    return {name: _json(value) if name in JSON_FIELDS else value for name, value in values.items()}


def fields_of(record: Mapping[str, object]) -> dict[str, Any]:
    """The fields of a product from a record.

    Raises:
        ValueError: A cell was changed, and is no longer what was written.
    """
    guarded = record.get(MARK) == GUARDED
    return {name: _decode(name, record.get(name), guarded) for name in FIELDS}


def _decode(name: str, cell: object, guarded: bool) -> Any:  # noqa: ANN401 - the field's type
    if guarded and isinstance(cell, str) and cell.startswith("'") and FORMULA.match(cell):
        cell = cell[1:]
    try:
        if name in JSON_FIELDS:
            return read_json(name, str(cell))
        if name in SCALARS:
            return None if cell in (None, "") else SCALARS[name](cell)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{name} is {cell!r}") from error
    return "" if cell is None else str(cell)


def _json(value: object) -> str:
    text = json.dumps(value, default=dict, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a file's name may hold any bytes
        return json.dumps(value, default=dict)
    return text
