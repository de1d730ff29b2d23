"""What the cells of a column may be: a field is read from columns that hold values of its kind."""

from collections.abc import Callable, Mapping, Sequence

from catalog import values
from catalog.facts import named_facts

# Kinds of rows, which a column "type" may hold: no departments.
KINDS = frozenset(
    "simple variable variation configurable grouped bundle virtual downloadable external "  # noqa: SIM905
    "physical digital product variant parent child giftcard subscription hardgood default".split()
)


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return not isinstance(value, int | float)
    written = value.strip()
    stem, dot, suffix = written.rpartition(".")
    marked = "/" in written or "\\" in written or written.startswith(("[", "{", "data:"))
    return marked or bool(stem and dot and suffix.isalnum() and len(suffix) < 6)


def _is_department(value: object) -> bool:
    paths = values.category_paths(value)
    if not paths:
        return False
    first = paths[0][0]
    kind = first.split(",")[0].replace("-", "").casefold()
    return kind not in KINDS and any(map(str.isalpha, first)) and len(first) < 200


def _is_worded(value: object) -> bool:
    return any(letter.isalpha() for letter in values.text(value))


# Field → whether a cell holds a value of its kind. Other fields hold anything.
SUITS: Mapping[str, Callable[[object], bool]] = {
    "images": _is_address,
    "thumbnails": _is_address,
    "link": lambda value: isinstance(value, str) and ("/" in value or "." in value),
    "category": _is_department,
    "title": _is_worded,
    "description": _is_worded,
    "brand": _is_worded,
    "price": lambda value: values.money(value) is not None,
    "sale_price": lambda value: values.money(value) is not None,
    "list_price": lambda value: values.money(value) is not None,
    "rating": lambda value: values.number(value) is not None,
    "rating_count": lambda value: values.count(value) is not None,
    "currency": lambda value: isinstance(value, str) and len(value.strip()) < 5,
    "in_stock": lambda value: values.flag(value) is not None,
    "sold_out": lambda value: values.flag(value) is not None,
    "released": lambda value: values.date(value) != "",
    "gtin": lambda value: any(letter.isdecimal() for letter in values.identifier(value)),
    "attributes": lambda value: bool(named_facts(value, "")),
}


def suits(field: str, samples: Sequence[object]) -> bool:
    """Whether a column with these cells may hold a field."""
    holds = SUITS.get(field)
    return holds is None or any(map(holds, samples))


def says_kinds(samples: Sequence[object]) -> bool:
    """Whether a column says of each row what it is to the shop, as "simple" or "variation"."""
    return bool(samples) and all(
        isinstance(cell, str) and cell.strip().casefold() in KINDS for cell in samples
    )
