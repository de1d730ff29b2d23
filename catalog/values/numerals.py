"""Numbers within text."""

import math
import re
from collections.abc import Mapping
from typing import Any

from catalog.values.running_text import text

# A number: grouped by spaces or apostrophes, or by points and commas in any order, or a bare
# fraction ("$.99", ",89 €"). A letter before the point makes it an abbreviation's ("Rs.899").
AMOUNT = re.compile(
    r"\d{1,3}(?:[ '’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|(?<![\w.,])[.,]\d{1,2}(?!\d)"
)
ABBREVIATED = re.compile(r"\d\s*[km]\b", re.IGNORECASE)  # "1.2K": too coarse to be a count
NEGATIVE = re.compile(r"(?<![^\s(])[-−]\s?$")
GROUPED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
MAX_COUNT = 2**53  # above it a float is not exact, and no article has as many ratings

# Under these names an object holds its number: ratings of schema.org and of shops' interfaces.
NUMBER_KEYS = ("ratingValue", "average", "rate", "rating", "score", "value", "@value", "#text",
               "$numberInt", "$numberDouble", "$numberLong", "$numberDecimal")  # fmt: skip
COUNT_KEYS = ("reviewCount", "ratingCount", "count", "total", "reviews", *NUMBER_KEYS[4:])


def number(value: object) -> float | None:
    """A number ≥ 0, also within text: "4.5 out of 5 stars", "1.299,5"; else None.

    Of several numbers in a text it is the first; of an object, the one under a name of
    `NUMBER_KEYS`.
    """
    if isinstance(value, str):
        value = text(value)
    elif isinstance(value, Mapping):
        return _in_object(value, NUMBER_KEYS)
    elif isinstance(value, bool | list | tuple) or value is None:
        return None
    try:
        amount = float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError):
        return None
    except ValueError:
        found = AMOUNT.search(str(value))
        if found is None or NEGATIVE.search(str(value)[: found.start()]):
            return None
        amount = parse_amount(found[0])
    return amount if math.isfinite(amount) and amount >= 0 else None


def count(value: object) -> int | None:
    """An integer ≥ 0, also with separators or words: "1,234 ratings", "1.234"; else None."""
    if isinstance(value, Mapping):
        amount = _in_object(value, COUNT_KEYS)
    elif isinstance(value, str) and GROUPED.fullmatch(value.strip()):
        amount = parse_amount(value.strip())
    else:
        amount = number(value)
    if amount is None or amount > MAX_COUNT or not amount.is_integer():
        return None
    if isinstance(value, str) and ABBREVIATED.search(value):
        return None
    return int(amount)


def _in_object(item: Mapping[Any, object], keys: tuple[str, ...]) -> float | None:
    found = (number(item[key]) for key in keys if key in item)
    return next((amount for amount in found if amount is not None), None)


def parse_amount(written: str, *, thousandths: bool = False) -> float:
    """The number of digits with separators; the last separator may be the decimal one.

    Args:
        written: what `AMOUNT` matches.
        thousandths: three digits after the only separator are a fraction, not a group.
    """
    digits = re.sub(r"[ '’]", "", written)
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return float(digits)
    whole, fraction = digits[:last], digits[last + 1 :]
    other = "," if digits[last] == "." else "."
    grouped = digits[last] in whole or (
        other not in whole and len(fraction) == 3 and whole.strip("0") != "" and not thousandths
    )
    if grouped:
        whole, fraction = whole + fraction, ""
    return float(re.sub(r"[.,]", "", whole) + "." + fraction)
