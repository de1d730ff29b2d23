"""Styles, the visible attributes of products (kind, colour, finish, shape, size), in words."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

WORDS = Path(__file__).parent / "words"
ATTRIBUTES = ("colour", "finish", "shape", "size")


@dataclass(frozen=True, slots=True)
class Words:
    """Names of one thing. `shop` and `query` never share a name; training uses all three."""

    shop: tuple[str, ...]
    query: tuple[str, ...]
    more: tuple[str, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Every name in the training texts."""
        return self.shop + self.query + self.more


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of product: its category, price range in dollars, and styles."""

    name: str
    category: str
    price: tuple[float, float]
    words: Words
    values: Mapping[str, Mapping[str, Words]]  # attribute -> value -> its words


@dataclass(frozen=True, slots=True)
class Style:
    """The visible attributes of one product. Those of one style differ in pose and scene only."""

    kind: str
    colour: str
    finish: str
    shape: str
    size: str


@cache
def kinds() -> dict[str, Kind]:
    """The sixteen kinds by name, in the order of `words/kinds.toml`."""
    styles = _read("style.toml")
    colours = {name: _words(entry) for name, entry in styles["colour"].items()}
    finishes = {name: _words(entry) for name, entry in styles["finish"].items()}

    def kind(name: str, entry: Mapping[str, Any]) -> Kind:
        low, high = entry["price"]
        values = {
            "colour": {value: colours[value] for value in entry["colours"]},
            "finish": {value: finishes[value] for value in entry["finishes"]},
            "shape": {value: _words(words) for value, words in entry["shape"].items()},
            "size": {value: _words(words) for value, words in entry["size"].items()},
        }
        return Kind(name, entry["category"], (low, high), _words(entry), values)

    return {name: kind(name, entry) for name, entry in _read("kinds.toml").items()}


@cache
def paints() -> dict[str, str]:
    """Colour name -> its paint as #rrggbb."""
    return {name: entry["paint"] for name, entry in _read("style.toml")["colour"].items()}


def words_of(style: Style, attribute: str) -> Words:
    """The words for one attribute of a style."""
    return kinds()[style.kind].values[attribute][getattr(style, attribute)]


def every_style(kind: Kind) -> list[Style]:
    """All styles that a kind comes in, in a fixed order."""
    values = kind.values
    return [
        Style(kind.name, colour, finish, shape, size)
        for colour in values["colour"]
        for finish in values["finish"]
        for shape in values["shape"]
        for size in values["size"]
    ]


def draw_styles(kind: Kind, count: int, rng: Random) -> list[Style]:
    """`count` styles at random; none is repeated before every other was drawn."""
    chosen: list[Style] = []
    while len(chosen) < count:
        chosen += rng.sample(every_style(kind), k=len(every_style(kind)))
    return chosen[:count]


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((WORDS / name).read_text(encoding="utf-8"))


def _words(entry: Mapping[str, Any]) -> Words:
    return Words(tuple(entry["shop"]), tuple(entry["query"]), tuple(entry.get("more", ())))
