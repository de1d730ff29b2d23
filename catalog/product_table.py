"""The columns of the catalogue's table `product`: the fields of `Product`, in their order."""

import hashlib
import json
import math
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from types import UnionType
from typing import Any

import orjson

from catalog import CatalogError
from catalog.damage import DamagedText
from catalog.product import Attribute, Product

FIELDS = tuple(field.name for field in fields(Product))
RENAMED = {"attributes": "details"}  # field → its column, where the table has an earlier name
COLUMNS = tuple(RENAMED.get(name, name) for name in FIELDS)
# Characters of JSON that is read once for all products that have it: a category, or nothing.
LONGEST_KEPT = 200
SELECTED = ", ".join(f"product.{column}" for column in (*COLUMNS, "checksum"))
WIDTH = len(COLUMNS) + 1  # cells of a row that `SELECTED` begins


def _check_texts(written: list[str]) -> None:
    _require(written, list, str)


def _check_facts(written: dict[str, Attribute]) -> None:
    _require(written, dict, str)
    _require(list(written.values()), list, str | float | int)


def _check_paths(written: list[list[str]]) -> None:
    _require(written, list, list)
    for path in written:
        _check_texts(path)


def _require(written: Collection[Any], kind: type, inner: type | UnionType) -> None:
    if not (isinstance(written, kind) and all(isinstance(each, inner) for each in written)):
        raise ValueError(f"{written!r} is no {kind.__name__} of {inner}")


# Field → its value from what JSON holds, and the check of the latter.
JSON_FIELDS: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], None]]] = {
    "features": (tuple, _check_texts),
    "attributes": (dict, _check_facts),
    "images": (tuple, _check_texts),
    "categories": (lambda paths: tuple(map(tuple, paths)), _check_paths),
}
OTHER_FIELDS: Mapping[str, Any] = {  # field → its type
    field.name: field.type for field in fields(Product) if field.name not in JSON_FIELDS
}


def read_json(name: str, text: str, *, checked: bool = True) -> Any:  # noqa: ANN401 - the field's type
    """The value of one of `JSON_FIELDS` from its JSON.

    Args:
        name: Of the field.
        text: The JSON.
        checked: Whether it may be another field's.

    Raises:
        TypeError, ValueError: It is no JSON, or not of such a field.
    """
    convert, check = JSON_FIELDS[name]
    written = _read(text) if len(text) <= LONGEST_KEPT else json.loads(text)
    if checked:
        check(written)
    return convert(written)


@lru_cache(1000)
def _read(text: str) -> Any:  # noqa: ANN401 - what JSON holds; nobody changes it
    return json.loads(text)


def row_of(product: Product) -> tuple[Any, ...]:
    """A product as a row, in the order of `COLUMNS`, and of the types that SQLite returns."""
    row = list(_values(product))
    for place, cell in CELLS.items():
        row[place] = cell(row[place])
    return tuple(row)


def _json_cell(value: Any) -> str:  # noqa: ANN401 - a field's value
    if not value:
        return "{}" if isinstance(value, Mapping) else "[]"
    return json.dumps(value, default=dict)


def _float_cell(value: float | None) -> float | None:
    # Of -0.0, SQLite returns 0.0.
    return None if value is None or math.isnan(value) else value + 0.0


def _integer_cell(value: int | None) -> int | None:
    return None if value is None else int(value)


def _cell_of(name: str) -> Callable[[Any], Any] | None:
    """What makes a field's value a cell; None where it is one."""
    if name in JSON_FIELDS:
        return _json_cell
    return {float | None: _float_cell, int | None: _integer_cell, bool | None: _integer_cell}.get(
        OTHER_FIELDS[name]
    )


CELLS = {place: cell for place, name in enumerate(FIELDS) if (cell := _cell_of(name))}
_values = attrgetter(*FIELDS)


def checksum_of(row: Sequence[Any]) -> int:
    """The CRC-32 of a row of `row_of`."""
    return zlib.crc32("\0".join(map(str, row)).encode("utf-8", "surrogatepass"))


def digest_of(row: Sequence[Any]) -> bytes:
    """A digest of all cells of a row, 16 bytes: two rows of one digest hold the same."""
    return hashlib.blake2b(orjson.dumps(row, default=repr), digest_size=16).digest()


def product_of(row: Sequence[Any]) -> Product:
    """The product of a row that begins with what `SELECTED` names.

    Raises:
        CatalogError: The row is damaged: it differs from its checksum, or where it has none yet,
            it cannot be a product's.
    """
    values = dict(zip(FIELDS, row, strict=False))
    checksum = row[len(FIELDS)]
    is_sound = checksum is not None and checksum == checksum_of(row[: len(FIELDS)])
    try:
        for name in JSON_FIELDS:
            values[name] = read_json(name, values[name], checked=not is_sound)
        if values["in_stock"] is not None:  # SQLite has no type for yes and no
            values["in_stock"] = bool(values["in_stock"])
        if not is_sound:
            _check_row(row, values)
        return Product(**values)
    except (TypeError, ValueError) as error:
        prune = " and --prune" if isinstance(values["id"], DamagedText) else ""
        raise CatalogError(
            f"The catalogue's row of the product {values['id']!r} is damaged ({error}); run "
            f"`vitrine ingest products` with its file{prune} again, which repairs it."
        ) from error


def _check_row(row: Sequence[Any], values: Mapping[str, Any]) -> None:
    """Raise TypeError or ValueError where a row without a right checksum is damaged."""
    for name, kind in OTHER_FIELDS.items():
        if not isinstance(values[name], kind):
            raise TypeError(f"{name} is {values[name]!r}")
    for name, cell in zip(FIELDS, row, strict=False):
        if isinstance(cell, DamagedText):
            raise ValueError(f"{name} is no UTF-8")
    if row[len(FIELDS)] is not None:
        raise ValueError("its checksum differs")
