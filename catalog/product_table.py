"""The columns of the catalogue's table `product`: the fields of `Product`, in their order."""

import json
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from catalog import CatalogError
from catalog.product import Product

COLUMNS = tuple(field.name for field in fields(Product))
SELECTED = ", ".join(f"product.{column}" for column in COLUMNS)
JSON_COLUMNS = {"features": tuple, "details": dict, "images": tuple}  # column → type


def row_of(product: Product) -> tuple[Any, ...]:
    """A product as a row, in the order of `COLUMNS`."""
    values = ((column, getattr(product, column)) for column in COLUMNS)
    return tuple(
        json.dumps(JSON_COLUMNS[column](value)) if column in JSON_COLUMNS else value
        for column, value in values
    )


def product_of(row: Sequence[Any]) -> Product:
    """The product of a row that begins with `COLUMNS`.

    Raises:
        CatalogError: The row is damaged.
    """
    values = dict(zip(COLUMNS, row, strict=False))
    try:
        for column, kind in JSON_COLUMNS.items():
            values[column] = kind(json.loads(values[column]))
        return Product(**values)
    except (TypeError, ValueError) as error:
        raise CatalogError(
            f"The catalogue's row of the product {values['id']!r} is damaged ({error}); run "
            "`vitrine ingest products` with its file again, which repairs it."
        ) from error
