"""Attributes: named facts of a product, typed."""

import re
from collections.abc import Mapping
from typing import Any

from catalog.product import Attribute
from catalog.values.literals import parse_literal
from catalog.values.running_text import text, texts

# Codes are text: those with a leading zero, and those as long as a trade item number (GTIN).
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,6})(?:\.\d+)?")
YES_OR_NO: Mapping[str, Attribute] = {"yes": True, "true": True, "no": False, "false": False}


def attribute(value: object, language: str = "") -> Attribute | None:
    """A fact as text, number or yes/no; None where the cell has none."""
    match value:
        case bool():
            return value
        case int() | float():
            written = text(value)
            return float(value) if written else None
        case list() | tuple():
            return ", ".join(texts(value, language)) or None
        case _:
            written = text(value, language)
            if NUMBER.fullmatch(written):
                return float(written)
            return YES_OR_NO.get(written.casefold(), written or None)


def attributes(value: object, language: str = "") -> dict[str, Attribute]:
    """Named facts: an object, one as text, or a list of pairs or of name–value objects."""
    value = parse_literal(value)
    pairs = value.items() if isinstance(value, Mapping) else map(_pair, _items(value))
    named = ((text(name, language), attribute(fact, language)) for name, fact in pairs)
    return {name: fact for name, fact in named if name and fact is not None}


def _items(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _pair(item: object) -> tuple[object, object]:
    if isinstance(item, Mapping):
        return item.get("name", item.get("key")), item.get("value")
    if isinstance(item, list | tuple) and len(item) == 2:
        return item[0], item[1]
    return None, None
