"""Fields of a payload that the store writes for its indexes, and that it does not give back.

    pictured    "yes" or "no"     whether the product has a picture, or an `image` vector
    stock       "yes" or "no"     of `in_stock`: the embedded engine takes `true` for 1
    price_step  12                of `price`, to be counted (`qdrant.price_steps`)
    numbers     {"Weight": 1.25}  of `attributes`, for ranges; an index for each of `Spec.numbers`

A nested filter over `attributes` would need no index for each, but reads the payload of every
candidate: with 20,000 products it took several hundred times as long (qdrant-edge-py 0.9.0).
"""

import math
from collections.abc import Mapping
from typing import Any

from qdrant.price_steps import step_of

PICTURED, STOCK, PRICE_STEP, NUMBERS = "pictured", "stock", "price_step", "numbers"
FIELDS = frozenset({PICTURED, STOCK, PRICE_STEP, NUMBERS})
YES_NO = {True: "yes", False: "no"}


def index_fields(payload: Mapping[str, Any], *, pictured: bool) -> dict[str, Any]:
    """Return the fields to store besides a payload."""
    fields: dict[str, Any] = {PICTURED: YES_NO[pictured]}
    stock, price = payload.get("in_stock"), payload.get("price")
    if isinstance(stock, bool):
        fields[STOCK] = YES_NO[stock]
    if isinstance(price, int | float) and math.isfinite(price):
        fields[PRICE_STEP] = step_of(price)
    numbers = {
        number_key(each["name"]): each["number"]
        for each in payload.get("attributes", ())
        if "number" in each
    }
    return fields | ({NUMBERS: numbers} if numbers else {})


def without_index_fields(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload as it was given to the store."""
    return {name: fact for name, fact in payload.items() if name not in FIELDS}


def number_key(name: str) -> str:
    """Return an attribute's key in `numbers`; a path cannot quote two characters."""
    return name.replace('"', "\N{DOUBLE PRIME}").replace("\\", "/")


def number_field(name: str) -> str:
    """Return the path of an attribute's number in a payload."""
    return key_field(number_key(name))


def key_field(key: str) -> str:
    """Return the path of a key of `numbers` in a payload."""
    return f'{NUMBERS}."{key}"'
