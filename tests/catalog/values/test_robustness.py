"""Random cells: every conversion gives a value of its type, and no control characters."""

import random
import unicodedata
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from catalog import values

CELLS = 1_500
SCRAPS = (
    "", " ", "red", "12", "1,299.00", "$", "€", "USD", "-", "–", ">", "/", "|", ",", ";", "\n", "<",
    "<p>", "</p>", "<br", "<b a=", "&amp;", "&", "&#8211;", "&#x0;", "[", "]", "{", "}", '"', "'",
    ":", "=", "=>", "www.shop.example", "https://shop.example/a.jpg", "data:", ".jpg", "%", "nan",
    "2026-03-31", "31.3.", "Mar", "in stock", "no_selection", "Default Category", "en", "1e400",
    "null", "•", "\x00", "\u202e", "\ud800", "\x92", "\u200b", "½", "⁹⁹", "日本", "\u0301", "٣",
)  # fmt: skip
KEYS = ("name", "value", "id", "en", "de", "language_tag", "url", "bytes", "position", "amount",
        "currency", "exponent", "unit", "level1", "parent", "$oid", 7, None, "")  # fmt: skip
CONVERSIONS = {
    "text": values.text,
    "identifier": values.identifier,
    "texts": values.texts,
    "number": values.number,
    "count": values.count,
    "money": values.money,
    "flag": values.flag,
    "date": values.date,
    "category_paths": values.category_paths,
    "addresses": lambda cell: values.addresses(cell, Path("/shop")),
    "attribute": values.attribute,
    "attributes": values.attributes,
    "languages": values.languages,
    "parse_literal": values.parse_literal,
}


def cell(rng: random.Random, depth: int = 3) -> object:
    kind = rng.randrange(14 if depth else 10)
    if kind < 5:
        return "".join(rng.choices(SCRAPS, k=rng.randrange(12)))
    if kind < 10:
        return rng.choice(
            [None, True, 7, -1, 10**400, 1.5, float("nan"), float("inf"), -0.0, 1e300, b"\xff\xd8",
             b"a.jpg", b"", Decimal("1E+5"), Decimal("NaN"), datetime(2026, 3, 31), object(), {1}]
        )  # fmt: skip
    if kind < 12:
        return [cell(rng, depth - 1) for _ in range(rng.randrange(4))]
    return {rng.choice(KEYS): cell(rng, depth - 1) for _ in range(rng.randrange(4))}


def texts_in(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [each for item in value.items() for each in texts_in(list(item))]
    return (
        [each for item in value for each in texts_in(item)]
        if isinstance(value, list | tuple)
        else []
    )


@pytest.mark.parametrize("name", CONVERSIONS)
def test_no_cell_raises_and_no_control_character_comes_out(name):
    rng = random.Random(name)
    for _ in range(CELLS):
        written = cell(rng)
        found = CONVERSIONS[name](written)
        if name in ("parse_literal", "languages"):
            continue
        for each in texts_in(found):
            kinds = {unicodedata.category(character) for character in each}
            assert not kinds & {"Cc", "Cs"}, (written, found)


@pytest.mark.parametrize("name", CONVERSIONS)
def test_a_list_too_deep_to_read_raises_at_most_a_recursion_error(name):
    deep: object = "red"
    for _ in range(5_000):
        deep = [deep]
    for written in (deep, {"value": deep}, "[" * 5_000 + "]" * 5_000):
        with suppress(RecursionError):
            CONVERSIONS[name](written)
