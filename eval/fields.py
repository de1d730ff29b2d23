"""A product's facts by name: its category, its brand, and its attributes."""

from collections.abc import Iterable

from catalog import values
from catalog.product import Product
from eval import EvalError

MOST_NAMED = 12  # fields that a sentence lists


def value(product: Product, field: str) -> str:
    """A product's value under a name; empty where it has none."""
    if field in ("category", "brand"):
        return getattr(product, field)
    return values.text(product.attributes.get(field, ""))


def refuse_unknown(products: Iterable[Product], field: str) -> None:
    """Refuse a name under which no product has a value.

    Raises:
        EvalError: with the names there are.
    """
    names: set[str] = set()
    for product in products:
        if value(product, field):
            return
        names |= product.attributes.keys()
    listed = ["category", "brand", *sorted(names)]
    more = " and others" if len(listed) > MOST_NAMED else ""
    raise EvalError(
        f"No product has a field “{field}”; there are {', '.join(listed[:MOST_NAMED])}{more}."
    )
