"""Sentences: templates of `words/*.toml`, filled with the words for a style."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from string import Formatter
from typing import Any

from demo.style import ATTRIBUTES, WORDS, Style, kinds, words_of

# Lower case in a title: units and joining words.
LOWER_CASE = frozenset({"ml", "kg", "l", "with", "by", "in", "and", "the", "of", "for", "on", "to"})


@dataclass(frozen=True, slots=True)
class Wording:
    """A text, and the attributes that it names besides the kind."""

    text: str
    names: frozenset[str]


@cache
def sentences(name: str) -> dict[str, Any]:
    """The templates and lists of one file of `words/`."""
    return tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8"))


def fill(
    template: str, style: Style, rng: Random, *, voice: str, others: Mapping[str, Sequence[str]]
) -> Wording:
    """Fill a template: {noun} and attributes with words of the style, the rest from `others`.

    Args:
        template: a format string.
        style: that the text describes.
        rng: chooses among synonyms.
        voice: which names of `Words` to use: "shop", "query" or "known".
        others: lists for the other placeholders, one entry drawn for each occurrence.

    Returns:
        The text and the attributes that it names.
    """
    said: list[str] = []
    names: set[str] = set()
    for literal, field, _, _ in Formatter().parse(template):
        said.append(literal)
        if field == "noun":
            said.append(rng.choice(getattr(kinds()[style.kind].words, voice)))
        elif field in ATTRIBUTES:
            names.add(field)
            said.append(rng.choice(getattr(words_of(style, field), voice)))
        elif field is not None:
            said.append(rng.choice(others[field]))
    return Wording("".join(said), frozenset(names))


def titled(text: str) -> str:
    """A title in title case; units and joining words stay lower case."""
    return " ".join(
        word if word.rstrip("),") in LOWER_CASE else _capitalised(word) for word in text.split(" ")
    )


def _capitalised(word: str) -> str:
    if word.startswith("("):
        return "(" + _capitalised(word[1:])
    return word[:1].upper() + word[1:]
