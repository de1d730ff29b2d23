"""Queries that are made from a shop's own products, with the products that answer them.

    words of a title    four of them, in any order      the products of that title
    kind                "kettles"                       the products of that kind
    fact and kind       "red shoes", "Acme kettles"     the products of that kind with that fact
    another fact        a product's photo and "blue"    the products of its kind with that fact

A kind is the deepest step of a product's category path that several products share; a fact is its
brand, or an attribute that people type. Such queries favour words, since words of the facts are
searched: queries of people decide where there are any.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.catalogue import Catalogue
from catalog.product import Product
from eval.queries import LabelledQuery

TYPED = re.compile("colou?r|material|pattern|fabric", re.IGNORECASE)  # names of attributes
LEAST_OF_KIND = 5
LEAST_FOUND = 2
COMMONEST = 0.5  # share of the products
TITLE_WORDS = 4
LONGEST_FACT = 30  # characters


@dataclass(frozen=True)
class Item:
    """A product that queries are made from.

    Attributes:
        id: of the product.
        title: of the product.
        kind: what it is; empty where its categories do not say it.
        facts: its brand and its attributes that people type, by name.
        picture: absolute path of its photo; empty where it has none.
    """

    id: str
    title: str
    kind: str
    facts: Mapping[str, str]
    picture: str


def read_items(catalogue: Catalogue) -> list[Item]:
    """The products of a catalogue, by ascending id."""
    entries = list(catalogue.entries())
    sizes: dict[str, int] = defaultdict(int)
    for entry in entries:
        for step in dict.fromkeys(_steps(entry.product)):
            sizes[step] += 1
    return [
        Item(
            entry.product.id,
            entry.product.title,
            next((s for s in reversed(_steps(entry.product)) if sizes[s] >= LEAST_OF_KIND), ""),
            _facts(entry.product),
            str(catalogue.pictures.path(entry.picture).resolve()) if entry.picture else "",
        )
        for entry in entries
    ]


def title_queries(items: Sequence[Item], limit: int, rng: random.Random) -> list[LabelledQuery]:
    """Words of titles."""
    products = defaultdict(list)
    for item in items:
        products[item.title.casefold()].append(item.id)
    made = []
    for title in rng.sample(sorted(products), len(products)):
        words = [word for word in title.split() if word.isalnum()]
        if len(words) > TITLE_WORDS:
            text = " ".join(rng.sample(words, TITLE_WORDS))
            made.append(_query("words of a title", text, products[title]))
    return made[:limit]


def kind_queries(items: Sequence[Item], limit: int, rng: random.Random) -> list[LabelledQuery]:
    """A kind; one of most of the products is none that is searched for."""
    products = defaultdict(list)
    for item in items:
        products[item.kind].append(item.id)
    made = [
        _query("kind", kind, found)
        for kind, found in sorted(products.items())
        if kind and len(found) <= COMMONEST * len(items)
    ]
    return rng.sample(made, min(limit, len(made)))


def fact_queries(items: Sequence[Item], limit: int, rng: random.Random) -> list[LabelledQuery]:
    """A fact and a kind."""
    made = [
        _query("fact and kind", f"{fact} {kind}", products)
        for (kind, _, fact), products in sorted(_products_by_fact(items).items())
        if len(products) >= LEAST_FOUND and fact not in kind.casefold().split()
    ]
    return rng.sample(made, min(limit, len(made)))


def picture_queries(items: Sequence[Item], limit: int, rng: random.Random) -> list[LabelledQuery]:
    """A product's photo with a fact that its kind has, and it itself has not."""
    products = _products_by_fact(items)
    facts = defaultdict(list)
    for kind, name, fact in sorted(products):
        if len(products[kind, name, fact]) >= LEAST_FOUND:
            facts[kind, name].append(fact)
    made = []
    for item in rng.sample(items, len(items)):
        names = [name for name in item.facts if len(facts[item.kind, name]) > 1]
        if not (item.picture and names):
            continue
        name = rng.choice(names)
        fact = rng.choice(facts[item.kind, name])
        if fact != item.facts[name]:
            made.append(_query("another fact", fact, products[item.kind, name, fact], item.picture))
    return made[:limit]


def _query(kind: str, text: str, products: Iterable[str], picture: str = "") -> LabelledQuery:
    return LabelledQuery(
        f"{kind}: {text} {picture}".strip(),
        text,
        picture,
        relevant=dict.fromkeys(products, 1),
        kind=kind,
    )


def _products_by_fact(items: Iterable[Item]) -> Mapping[tuple[str, str, str], list[str]]:
    """Ids of the products by kind, name of the fact and fact."""
    found = defaultdict(list)
    for item in items:
        for name, fact in item.facts.items() if item.kind else ():
            found[item.kind, name, fact].append(item.id)
    return found


def _steps(product: Product) -> tuple[str, ...]:
    return product.categories[0] if product.categories else ()


def _facts(product: Product) -> dict[str, str]:
    named: Iterator[tuple[str, object]] = iter(
        [("brand", product.brand), *product.attributes.items()]
    )
    return {
        name: value.casefold()
        for name, value in named
        if isinstance(value, str)
        and 0 < len(value) <= LONGEST_FACT
        and (name == "brand" or TYPED.search(name))
    }
