"""Conversion of a cell of a feed, of any type, to the plain values of a `Product`.

Every function accepts any value that JSON, CSV or Parquet can hold. A value without a clear meaning
becomes the empty one (an empty text, None, an empty tuple), never a guess. The one exception is
RecursionError, for lists nested hundreds deep.
"""

import ast
import json
import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

# What spreadsheets and pandas write for a missing value.
MISSING_VALUES = frozenset({"", "none", "n/a", "na", "nan", "null"})

# Control characters, embeddings, overrides and isolates of the writing direction, zero-width space,
# byte order mark, and halves of surrogate pairs, which no database stores. Zero-width joiners are
# kept: emoji and Persian need them.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u200b\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)

# A number within text: grouped by spaces or apostrophes, or by points and commas in any order, or
# a bare fraction ("$.99"). A letter before the point makes it an abbreviation's ("Rs.899").
AMOUNT = re.compile(
    r"\d{1,3}(?:[ '’]\d{3})+(?!\d)(?:[.,]\d+)?|\d+(?:[.,]\d+)*|(?<!\w)\.\d{1,2}(?!\d)"
)
ABBREVIATED = re.compile(r"\d\s*[km]\b", re.IGNORECASE)  # "1.2K": too coarse to be a count
MAX_COUNT = 2**53  # above it a float is not exact, and no article has as many ratings

MAX_LITERAL = 2**16  # characters; Python's own literals come from CSV cells that pandas wrote
MAX_INTEGRAL = 1e15  # integral floats below it are written without a point

MAX_ADDRESSES = 100  # pictures of one product

# Keys under which objects hold a picture's address, largest picture first (Amazon Reviews 2023
# has hi_res, large and thumb).
ADDRESS_KEYS = ("hi_res", "large", "url", "src", "href", "link", "path", "medium", "small", "thumb")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # two letters at least: C: is a drive


def text(value: object) -> str:
    """Running text: NFKC, white space collapsed to single spaces, HTML kept."""
    match value:
        case str():
            folded = unicodedata.normalize("NFKC", value)
            folded = " ".join(CONTROL_CHARACTERS.sub("", folded).split())
            return "" if folded.casefold() in MISSING_VALUES else folded
        case bool():
            return "yes" if value else "no"
        case float():
            if not math.isfinite(value):
                return ""
            integral = value.is_integer() and abs(value) < MAX_INTEGRAL
            return str(int(value)) if integral else str(value)
        case Mapping():
            return "; ".join(f"{name}: {fact}" for name, fact in attributes(value).items())
        case list() | tuple():
            return " ".join(filter(None, map(text, value)))
        case bytes():
            return text(value.decode("utf-8", "replace"))
        case None:
            return ""
        case int():
            return str(value)
        case _:
            return text(str(value))


def identifier(value: object) -> str:
    """An id or an address: as written, without outer white space and control characters."""
    if isinstance(value, bool | list | tuple | Mapping):
        return ""
    if not isinstance(value, str):
        return text(value)
    stripped = CONTROL_CHARACTERS.sub("", value).strip()
    return "" if stripped.casefold() in MISSING_VALUES else stripped


def text_list(value: object) -> tuple[str, ...]:
    """Bullet points: a list of texts, a list written as text, or one text."""
    value = parse_literal(value)
    items = value if isinstance(value, list | tuple) else [value]
    return tuple(filter(None, map(text, items)))


def number(value: object) -> float | None:
    """A number ≥ 0, also within text: "$1,299.00", "Rs. 899", "1.299,00 €"; else None.

    Of several numbers in a text, the first: "10.99 - 20.99" is 10.99.
    """
    if isinstance(value, str):
        value = text(value)
    elif isinstance(value, bool | list | tuple | Mapping) or value is None:
        return None
    try:
        amount = float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError):
        return None
    except ValueError:
        found = AMOUNT.search(str(value))
        if found is None:
            return None
        amount = _amount(found[0])
    return amount if math.isfinite(amount) and amount >= 0 else None


def _amount(written: str) -> float:
    """The number of digits with separators; the last separator may be the decimal one."""
    digits = re.sub(r"[ '’]", "", written)
    last = max(digits.rfind("."), digits.rfind(","))
    if last < 0:
        return float(digits)
    whole, fraction = digits[:last], digits[last + 1 :]
    other = "," if digits[last] == "." else "."
    grouped = digits[last] in whole or (
        other not in whole and len(fraction) == 3 and whole.strip("0") != ""
    )
    if grouped:
        whole, fraction = whole + fraction, ""
    return float(re.sub(r"[.,]", "", whole) + "." + fraction)


def count(value: object) -> int | None:
    """An integer ≥ 0, also with separators or words: "1,234 ratings"; else None."""
    amount = number(value)
    if amount is None or amount > MAX_COUNT or not amount.is_integer():
        return None
    if isinstance(value, str) and ABBREVIATED.search(value):
        return None
    return int(amount)


def attributes(value: object) -> dict[str, str]:
    """Named attributes: an object, one as text, or a list of pairs or of name–value objects."""
    value = parse_literal(value)
    pairs = value.items() if isinstance(value, Mapping) else map(_pair, _items(value))
    named = ((text(name), _attribute(fact)) for name, fact in pairs)
    return {name: fact for name, fact in named if name and fact}


def _attribute(value: object) -> str:
    return ", ".join(text_list(value)) if isinstance(value, list | tuple) else text(value)


def _items(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _pair(item: object) -> tuple[object, object]:
    if isinstance(item, Mapping):
        return item.get("name", item.get("key")), item.get("value")
    if isinstance(item, list | tuple) and len(item) == 2:
        return item[0], item[1]
    return None, None


def addresses(value: object, folder: Path) -> tuple[str, ...]:
    """Addresses of pictures, best first, deduplicated; relative paths start from `folder`.

    Takes one address, several with "|" between them, a list of addresses, a list of objects
    (per picture hi_res, large, thumb, … where present; the MAIN variant first), an object of
    lists (older exports of Amazon Reviews 2023), or any of these written as text.
    """
    found = (_located(address, folder) for address in _addresses(parse_literal(value)))
    return tuple(islice(dict.fromkeys(filter(None, found)), MAX_ADDRESSES))


def _addresses(value: object) -> Iterator[str]:
    match value:
        case str():
            one = value.lstrip().startswith("data:")
            yield from [value] if one else value.split("|", MAX_ADDRESSES)
        case Mapping() if any(isinstance(item, list | tuple) for item in value.values()):
            lists = {name: item for name, item in value.items() if isinstance(item, list | tuple)}
            rows = zip_longest(*lists.values())
            yield from _addresses([dict(zip(lists, row, strict=True)) for row in rows])
        case Mapping():
            yield from (identifier(value.get(size)) for size in ADDRESS_KEYS)
        case list() | tuple():
            for item in sorted(value, key=lambda item: not _is_main(item)):
                yield from _addresses(item)


def _is_main(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("variant") == "MAIN"


def _located(address: str, folder: Path) -> str:
    address = identifier(address)
    if address.startswith("//"):
        return f"https:{address}"
    return address if not address or SCHEME.match(address) else str(folder / address)


def parse_literal(value: object) -> object:
    """A list or an object that is written as text, in JSON or as Python repr; else `value`."""
    if not isinstance(value, str):
        return value
    written = value.strip()
    if (written[:1], written[-1:]) not in (("[", "]"), ("{", "}")):
        return value
    try:
        return json.loads(written)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(written) if len(written) <= MAX_LITERAL else value
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value
