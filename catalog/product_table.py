"""The columns of the catalogue's table `product`: the fields of `Product`, in their order."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from catalog import CatalogError
from catalog.product import Product

FIELDS = tuple(field.name for field in fields(Product))
RENAMED = {"attributes": "details"}  # field → its column, where the table has an earlier name
COLUMNS = tuple(RENAMED.get(name, name) for name in FIELDS)
SELECTED = ", ".join(f"product.{column}" for column in COLUMNS)


def _paths(written: list[list[str]]) -> tuple[tuple[str, ...], ...]:
    return tuple(map(tuple, written))


JSON_FIELDS: Mapping[str, Callable[[Any], Any]] = {  # field → its value from what JSON holds
    "features": tuple,
    "attributes": dict,
    "images": tuple,
    "categories": _paths,
}


def row_of(product: Product) -> tuple[Any, ...]:
    """A product as a row, in the order of `COLUMNS`."""
    values = ((name, getattr(product, name)) for name in FIELDS)
    return tuple(
        json.dumps(JSON_FIELDS[name](value)) if name in JSON_FIELDS else value
        for name, value in values
    )


def product_of(row: Sequence[Any]) -> Product:
    """The product of a row that begins with `COLUMNS`.

    Raises:
        CatalogError: The row is damaged.
    """
    values = dict(zip(FIELDS, row, strict=False))
    try:
        for name, convert in JSON_FIELDS.items():
            values[name] = convert(json.loads(values[name]))
        if values["in_stock"] is not None:  # SQLite has no type for yes and no
            values["in_stock"] = bool(values["in_stock"])
        return Product(**values)
    except (TypeError, ValueError) as error:
        raise CatalogError(
            f"The catalogue's row of the product {values['id']!r} is damaged ({error}); run "
            "`vitrine ingest products` with its file again, which repairs it."
        ) from error
