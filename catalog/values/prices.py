"""Prices with their currencies."""

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.values.literals import parse_literal
from catalog.values.numerals import number


@dataclass(frozen=True, slots=True)
class Money:
    """An amount ≥ 0 and its currency: an ISO 4217 code, or empty where the feed has none."""

    amount: float
    currency: str = ""


def money(value: object) -> Money | None:
    """The price in a cell; of several, the lowest; None where there is none."""
    value = parse_literal(value)
    if isinstance(value, Mapping):
        value = value.get("amount", value.get("value"))
    amount = number(value)
    return None if amount is None else Money(amount)
