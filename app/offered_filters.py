"""Filters that the words of a query may mean: a price ("under 20"), a brand, a category, a value.

They are offered, never set: the words may mean something else.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from app.chosen_filters import name_bounds
from app.state import SearchState
from catalog.values.currencies import CODES, SYMBOLS, currency_code
from catalog.values.numerals import AMOUNT, parse_amount
from search.facets import CategoryCount, Facets
from search.quantities import EXACT, FOLDED
from search.where import folded, write_where

MOST = 4  # filters that are offered at once
LONGEST_NAME = 4  # words of a brand, category or value
# A brand or value of so few letters is meant only where it is written as the shop writes it: "AND",
# "XL".
SHORT_BRAND, SHORT_VALUE = 3, 2

# What comes before an amount, in English, German, French, Spanish, Italian, Portuguese, Dutch and
# Polish.
AT_MOST = (
    "under|below|less than|cheaper than|up to|at most|max|maximum|no more than|"
    "unter|bis|bis zu|höchstens|maximal|weniger als|günstiger als|"
    "moins de|jusqu['’]à|au plus|menos de|hasta|por debajo de|sotto|meno di|fino a|"
    "abaixo de|até|onder|tot|minder dan|poniżej|do|<=?|≤"
)
AT_LEAST = (
    "over|above|more than|from|at least|min|minimum|"
    "über|ab|mindestens|mehr als|plus de|à partir de|au moins|más de|desde|a partir de|"
    "oltre|più di|da|acima de|mais de|boven|vanaf|meer dan|powyżej|od|>=?|≥"
)
BETWEEN = "between|from|zwischen|von|entre|tra|da|de|tussen|van|od"
AND = "and|to|und|bis|et|à|y|a|e|en|tot|do|-|–"
SIGN = rf"(?:[{SYMBOLS}]|(?:{'|'.join(sorted(CODES))}|Rs)\.?(?=\s?\d))"
NUMBER = rf"(?:{SIGN}\s?)?(?:{AMOUNT.pattern})(?:\s?[{SYMBOLS}]|\s?[^\W\d_]+(?!\w))?"
RANGE = re.compile(
    rf"(?<!\w)(?:{BETWEEN})\s+(?P<low>{NUMBER})\s*(?<!\w)(?:{AND})\s*(?P<high>{NUMBER})",
    re.IGNORECASE,
)
BOUND = re.compile(
    rf"(?<!\w)(?:(?P<most>{AT_MOST})|(?P<least>{AT_LEAST}))\s*(?<![^\W\d_])(?P<amount>{NUMBER})",
    re.IGNORECASE,
)
# "by ACME": the word goes with the brand.
BY = re.compile(r"(?<!\w)(?:by|from|von|de|par|di|da|van|od)\s+$", re.IGNORECASE)
WORD = re.compile(r"\w+")
APOSTROPHE = re.compile("['’]")


@dataclass(frozen=True, slots=True)
class Offer:
    """A filter that is offered.

    Attributes:
        label: its name, plain text.
        state: the search with the filter in place of the words.
    """

    label: str
    state: SearchState


def offer_filters(state: SearchState, facets: Facets) -> list[Offer]:
    """The filters that the words of a query may mean, but for those that are set.

    Args:
        state: of the search.
        facets: of the products that pass its filters.
    """
    if state.like or not state.text:
        return []
    return list(islice((*_prices(state, facets), *_names(state, facets)), MOST))


def _prices(state: SearchState, facets: Facets) -> Iterator[Offer]:
    if not facets.prices or (state.price_min, state.price_max) != (None, None):
        return
    found = RANGE.search(state.text) or BOUND.search(state.text)
    if not found:
        return
    written = found.groupdict()
    amounts = [
        _amount(written[name], facets.currency)
        for name in ("low", "high", "amount")
        if written.get(name)
    ]
    if not all(amounts):
        return
    prices = [each.price for each in amounts if each]
    low = None if written.get("most") else min(prices)
    high = None if written.get("least") else max(prices)
    rest = amounts[-1].rest if amounts[-1] else ""
    text = _joined(state.text[: found.start()], rest, state.text[found.end() :])
    label = f"Price {name_bounds(low, high, facets.currency)}"
    yield Offer(label, replace(state, text=text, price_min=low, price_max=high, page=1))


class _Amount(NamedTuple):
    """A price, and the word after it that does not belong to it."""

    price: float
    rest: str


def _amount(written: str, currency: str) -> _Amount | None:
    """An amount in the shop's currency; None where it is no such price.

    Args:
        written: an amount, maybe with a sign before it or a word after it.
        currency: of the shop; empty where that is open.
    """
    number = AMOUNT.search(written)
    if not number:
        return None
    before, after = written[: number.start()].strip(), written[number.end() :]
    code, rest = currency_code(before) if before else "", after
    if code is None:
        return None
    if word := after.strip():
        of_word = currency_code(word)
        if of_word is not None:
            code, rest = of_word or code, ""
        elif after == word or word in EXACT or word.casefold() in FOLDED:
            return None  # a quantity, as in "under 20cm"
    if code and currency and code != currency:
        return None
    return _Amount(parse_amount(number[0]), rest)


def _names(state: SearchState, facets: Facets) -> Iterator[Offer]:
    """Brands, categories and values of attributes that the text names."""
    known = _known(state, facets)
    words = list(WORD.finditer(state.text))
    ends = 0
    for start in range(len(words)):
        for count in range(LONGEST_NAME, 0, -1):
            if start < ends or start + count > len(words):
                continue
            first, last = words[start].start(), words[start + count - 1].end()
            written = state.text[first:last]
            for name, short, offer in known.get(_key(written), []):
                if len(name) > short or name == written:
                    before = state.text[:first]
                    if offer.state.brands != state.brands:
                        before = BY.sub("", before)
                    text = _joined(before, state.text[last:])
                    yield Offer(offer.label, replace(offer.state, text=text, page=1))
                    ends = start + count


def _known(state: SearchState, facets: Facets) -> dict[str, list[tuple[str, int, Offer]]]:
    """What can be filtered by: name, letters of a short one, and filter, by what is compared."""
    known: dict[str, list[tuple[str, int, Offer]]] = {}

    def add(name: str, label: str, filtered: SearchState, short: int = SHORT_VALUE) -> None:
        known.setdefault(_key(name), []).append((name, short, Offer(label, filtered)))

    if not state.brands:
        for brand in facets.brands:
            add(brand, f"Brand: {brand}", replace(state, brands=(brand,)), SHORT_BRAND)
    if not state.categories:
        for each in _flat(facets.categories):
            add(each.name, f"Category: {each.name}", replace(state, categories=(each.path,)))
    for attribute in facets.attributes:
        label = attribute.name[:1].upper() + attribute.name[1:]
        for value in attribute.values:
            where = write_where(attribute.name, [value])
            if where not in state.where and not value.isdecimal():
                add(value, f"{label}: {value}", replace(state, where=(*state.where, where)))
    return known


def _flat(categories: tuple[CategoryCount, ...]) -> Iterator[CategoryCount]:
    for each in categories:
        yield each
        yield from _flat(each.children)


def _key(name: str) -> str:
    return " ".join(WORD.findall(APOSTROPHE.sub("", folded(name))))


def _joined(*parts: str) -> str:
    return " ".join(" ".join(parts).split())
