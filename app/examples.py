"""Examples of what can be searched for, as people type it, of words of the shop's own titles.

A thing is named by two words that end many titles, or a part of them: "Acme Men Blue Casual Shirt",
"Matte Face Cream, 50 ml". Some examples have a brand or a value of an attribute of it before them.
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import streamlit as st

from search.engine import Engine
from search.facets import Facets
from search.query import NO_FILTERS, Filters

EXAMPLES = 6
SAMPLE = 120  # products of each department whose titles are read
LEAST = 2  # of these that a thing is the name of, where a department has as many
OWN = 0.6  # share of the products with a thing's last word that are of its department
NAMES = 1_000  # most frequent brands, and values of an attribute, which name no thing
MOST_LETTERS = 28  # of an example with a brand or a value
WORD = re.compile(r"[^\W\d_]{3,}")
PART = re.compile(r"[^\w\s'’&-]|\s[-–—]\s|\s\d")
# Words that are in no name of a thing.
LITTLE = frozenset({
    "and", "for", "with", "the", "from", "new", "set", "pack", "und", "mit", "für", "aus", "der",
    "die", "das", "pour", "avec", "les", "des", "con", "para", "del", "por", "voor", "met", "per",
    "original", "pcs", "piece", "pieces",
})  # fmt: skip

Thing = tuple[str, str]


@st.cache_data(max_entries=16, show_spinner=False)
def find_examples(_engine: Engine, generation: str) -> list[str]:
    """Queries for the shop's largest departments; none where its titles name no things.

    Args:
        _engine: of the collection.
        generation: of the collection; another one is looked at anew.
    """
    facets = _engine.facets(limit=NAMES)
    names = {name.casefold() for name in (*facets.brands, *_values(facets))}
    departments = [each.path for each in facets.categories[:EXAMPLES]] or [""]
    products = {department: _sample(_engine, department) for department in departments}
    own = {department: _word_counts(sample) for department, sample in products.items()}
    every = sum(own.values(), Counter[str]())
    share = -(-EXAMPLES // len(departments))
    found: list[str] = []
    used: set[str] = set()
    for department, sample in products.items():
        wanted, least = share, LEAST if len(sample) == SAMPLE else 1
        for thing, count in _things(sample, names).most_common():
            is_own = own[department][thing[1]] >= OWN * every[thing[1]]
            if wanted and count >= least and is_own and not used & {*thing}:
                found.append(_phrase(thing, sample, len(found)))
                used |= {*thing}
                wanted -= 1
    return found[:EXAMPLES]


def _sample(engine: Engine, department: str) -> list[dict[str, Any]]:
    filters = Filters(categories=(department,)) if department else NO_FILTERS
    return [each.product for each in engine.browse(filters, SAMPLE)]


def _values(facets: Facets) -> Iterator[str]:
    for attribute in facets.attributes:
        yield from attribute.values


def _title(product: dict[str, Any]) -> str:
    return str(product.get("title", "")).casefold()


def _word_counts(products: list[dict[str, Any]]) -> Counter[str]:
    """The number of titles that have each word."""
    return Counter(word for each in products for word in set(WORD.findall(_title(each))))


def _things(products: list[dict[str, Any]], names: set[str]) -> Counter[Thing]:
    """What the titles name, with the number of products.

    No value of an attribute is one, nor does one end with a brand or a value, as "ruby red" does;
    of two values the second may be a kind: "black watches".
    """
    things: Counter[Thing] = Counter()
    for product in products:
        brand = set(WORD.findall(str(product.get("brand", "")).casefold()))
        ends = {tuple(part.split()[-2:]) for part in PART.split(_title(product))}
        things.update(
            (first, last)
            for first, last in (end for end in ends if len(end) == 2)
            if WORD.fullmatch(first) and WORD.fullmatch(last)
            if not {first, last} & (brand | LITTLE)
            if f"{first} {last}" not in names and (last not in names or first in names)
        )
    return things


def _phrase(thing: Thing, products: list[dict[str, Any]], number: int) -> str:
    """What a person may type of a thing; every second example is more than its name."""
    name = " ".join(thing)
    named = [product for product in products if name in _title(product)]
    facts = (_no_facts, _title_values, _no_facts, _brands)[number % 4]
    for fact, count in Counter(fact for product in named for fact in facts(product)).most_common(1):
        phrase = f"{fact} {name}"
        if count > 1 and len(phrase) <= MOST_LETTERS and fact not in thing:
            return phrase
    return name


def _no_facts(_product: dict[str, Any]) -> tuple[str, ...]:
    return ()


def _brands(product: dict[str, Any]) -> tuple[str, ...]:
    return (product["brand"],) if product.get("brand") else ()


def _title_values(product: dict[str, Any]) -> Iterator[str]:
    """Values of attributes, of one word, that the title has, too."""
    title = set(WORD.findall(_title(product)))
    for attribute in product.get("attributes", ()):
        value = str(attribute.get("value", "")).casefold()
        if value in title and value not in LITTLE:
            yield value
