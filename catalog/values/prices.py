"""Prices with their currencies."""

import math
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from catalog.values.currencies import CODES, Money, currency_code
from catalog.values.literals import parse_literal
from catalog.values.numerals import count, number
from catalog.values.price_text import prices_in
from catalog.values.running_text import text

BARE = re.compile(r"\d+(?:\.\d+)?")
# As Google's feeds and dollar prices have it.
PLAIN = re.compile(r"(\$)?((?:\d+|\d{1,3}(?:,\d{3})+(?=\.))(?:\.\d{1,2})?)(?: ([A-Z]{3}))?")
# Cents in small print: "12<sup>99</sup>".
SUPERSCRIPT = re.compile(r"(?<=\d)\s*<sup[^<>]*>\s*(\d\d)(?!\d)", re.IGNORECASE)
MAX_TEXT = 1_000  # characters; a longer text is a description

# Names of an object's parts, letters and digits only, best first: the price now, then the others.
AMOUNT_KEYS = (
    "saleprice", "sale", "currentprice", "current", "now", "discountedprice", "specialprice",
    "finalprice", "final", "lowprice", "minprice", "minimum", "min", "low", "from", "price",
    "amount", "value", "gross", "shopmoney", "money", "cost", "baseprice", "regularprice",
    "regular", "listprice", "list", "original", "net", "pricespecification", "offers",
)  # fmt: skip
# Amounts in minor units, and how many decimals those have.
MINOR_KEYS = {
    "centamount": 2, "amountcents": 2, "amountincents": 2, "priceincents": 2, "pricecents": 2,
    "cents": 2, "unitamount": 2, "minorunits": 2, "amountmicros": 6, "pricemicros": 6,
}  # fmt: skip
DECIMALS_KEYS = (
    "exponent", "decimals", "fractiondigits", "currencyminorunit", "minorunit", "precision",
    "scale", "decimalplaces",
)  # fmt: skip
CURRENCY_KEYS = (
    "currency", "currencycode", "pricecurrency", "currencyiso", "currencyisocode", "isocode",
    "currencyid", "unit",
)  # fmt: skip
SHOWN_KEYS = (
    "formattedprice", "formattedvalue", "formatted", "displayamount", "displayprice", "display",
    "text", "label",
)  # fmt: skip


def money(value: object) -> Money | None:
    """The price in a cell; of several in one currency the lowest; None where there is none."""
    if isinstance(value, str):
        if BARE.fullmatch(value):
            return Money(float(value))
        plain = PLAIN.fullmatch(value)
        if plain and (plain[3] is None or (plain[3] in CODES and not plain[1])):
            return Money(float(plain[2].replace(",", "")), "USD" if plain[1] else plain[3] or "")
        value = parse_literal(value.strip("\"'") if value[:1] in "\"'" else value)
    elif type(value) is float:
        return Money(value) if 0 <= value < math.inf else None
    match value:
        case str():
            written = text(SUPERSCRIPT.sub(r".\1", value[: MAX_TEXT + 1]))
            return None if len(value) > MAX_TEXT else _lowest(prices_in(written))
        case Mapping():
            return _of_object(value)
        case list() | tuple():
            return _lowest(filter(None, map(money, value)))
        case _:
            amount = number(value)
            return None if amount is None else Money(amount)


def _lowest(prices: Iterable[Money]) -> Money | None:
    """The lowest of the prices that are in the first one's currency."""
    found = list(prices)
    return min(
        (price for price in found if price.currency == found[0].currency),
        key=lambda price: price.amount,
        default=None,
    )


def _of_object(item: Mapping[Any, object]) -> Money | None:
    """The price of an object: its amount and currency, in minor units where it says so."""
    parts = {
        "".join(filter(str.isalnum, str(name))).casefold(): part for name, part in item.items()
    }
    if parts and all(name.upper() in CODES for name in parts):  # {"EUR": 12.99, "USD": 14.5}
        parts = {"amount": next(iter(item.values())), "currency": next(iter(parts))}
    code = next(filter(None, (_currency(parts.get(key)) for key in CURRENCY_KEYS)), "")
    places = (count(parts.get(key)) for key in DECIMALS_KEYS)
    decimals = next((each for each in places if each is not None), None)
    found = None
    for key, usual in (dict.fromkeys(AMOUNT_KEYS, 0) | MINOR_KEYS).items():
        part = parts.get(key)
        found = money(part)
        if found:
            in_minor_units = (
                usual or isinstance(part, int) or (isinstance(part, str) and part.isdecimal())
            )
            shift = (usual if decimals is None else decimals) if in_minor_units else 0
            found = Money(float(Decimal(str(found.amount)).scaleb(-shift)), found.currency or code)
            break
    shown = next(filter(None, (money(parts.get(key)) for key in SHOWN_KEYS)), None)
    # Some interfaces give the amount in cents beside its text, without saying so.
    if shown and (found is None or math.isclose(found.amount, 100 * shown.amount)):
        return Money(shown.amount, code or shown.currency)
    return found


def _currency(part: object) -> str | None:
    if isinstance(part, Mapping):  # {"code": "EUR", "symbol": "€"}
        return next(filter(None, map(_currency, part.values())), None)
    return currency_code(part) if isinstance(part, str) else None
