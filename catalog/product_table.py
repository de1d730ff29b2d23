"""How a `Product` lies in the catalogue's table."""

import json
from collections.abc import Sequence
from typing import Any

from catalog.product import Product

COLUMNS = (
    "id",
    "title",
    "category",
    "description",
    "features",
    "details",
    "brand",
    "price",
    "rating",
    "rating_count",
    "link",
    "parent",
    "images",
)
SELECTED = ", ".join(f"product.{column}" for column in COLUMNS)


def row_of(product: Product) -> tuple[Any, ...]:
    """A product as a row, in the order of `COLUMNS`."""
    return (
        product.id,
        product.title,
        product.category,
        product.description,
        json.dumps(product.features),
        json.dumps(dict(product.details)),
        product.brand,
        product.price,
        product.rating,
        product.rating_count,
        product.link,
        product.parent,
        json.dumps(product.images),
    )


def product_of(row: Sequence[Any]) -> Product:
    """The product of a row that begins with `COLUMNS`."""
    fields = dict(zip(COLUMNS, row, strict=False))
    for name in ("features", "images"):
        fields[name] = tuple(json.loads(fields[name]))
    fields["details"] = json.loads(fields["details"])
    return Product(**fields)
