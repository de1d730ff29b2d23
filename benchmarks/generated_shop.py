"""A generated shop as `vitrine ingest` stores it: texts, facts, attributes, words and vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from benchmarks.generated_vectors import Modalities
from catalog.product import Product
from encoder.vectors import fuse
from ingest.words import codes_of, searched_texts
from qdrant.filters import facet_of
from qdrant.layout import PHRASE_INDEX
from qdrant.model import NO_FILTERS, WORDS, Filters, Point, Range, Where
from qdrant.word_settings import WordSettings
from qdrant.words import Words
from search.embedding import QueryVectors

POINTS_PER_KIND = 500
# Products without a picture.
BARE = 0.1
LEXICON = 20_000  # different words of descriptions, of which few are frequent (Zipf)
DESCRIPTION = (20, 80)  # words
DEPARTMENTS = ("Clothes", "Shoes", "Bags", "Kitchen", "Garden", "Toys", "Sports", "Beauty")
BRANDS = 2_000
COLOURS = ("black", "white", "blue", "red", "green", "grey", "pink", "beige", "brown", "mustard")
MATERIALS = ("cotton", "leather", "steel", "wool", "glass", "linen")
FOR = ("women", "men", "children")
NUMBERS = ("Weight", "Year")
WORD_SETTINGS = WordSettings(mean_length=75.0)
SYLLABLES = ("ka", "lo", "mi", "ren", "sta", "vor", "que", "bel", "du", "sin", "tro", "pa", "zel")

FILTERS = MappingProxyType(
    {
        "none": NO_FILTERS,
        "category, 13 %": Filters(categories=(DEPARTMENTS[0],)),
        "category and attribute, 6 %": Filters(
            categories=(DEPARTMENTS[0],), where=(Where("For", (FOR[0],)),)
        ),
        "attribute, 33 %": Filters(where=(Where("Colour", (COLOURS[0],)),)),
        "attribute, 3 %": Filters(where=(Where("Colour", (COLOURS[-1],)),)),
        "three values, 63 %": Filters(where=(Where("Colour", COLOURS[:3]),)),
        "not a value, 67 %": Filters(where=(Where("Colour", COLOURS[:1], negated=True),)),
        "price range, 10 %": Filters(price_min=20.0, price_max=24.5),
        "number range, 30 %": Filters(where=(Where("Weight", ranges=(Range(gte=1, lt=4),)),)),
        "two attributes, 17 %": Filters(
            where=(Where("For", (FOR[0],)), Where("Colour", (COLOURS[0],)))
        ),
        "brand, 0.3 %": Filters(brands=("Brand 9",)),
    }
)


def _zipf(count: int) -> np.ndarray:
    """Chances of `count` things, that of the n-th proportional to 1 / n."""
    weights = 1 / np.arange(1, count + 1)
    return weights / weights.sum()


@dataclass(frozen=True)
class Kind:
    """What the products of a kind have in common.

    Attributes:
        name: two words of its own.
        department: its category.
        words: of its descriptions.
        vectors: what the vectors of its products have in common.
    """

    name: str
    department: str
    words: list[str]
    vectors: np.ndarray


class GeneratedShop:
    """Products of kinds; equal arguments give equal products.

    Products of a kind are neighbours by their words and by their vectors, as in a shop. Colours,
    prices and brands do not depend on the kind, which is hard on a graph: the products that pass a
    filter are scattered over it.

    Args:
        n: products.
        dim: dimension of the vectors.
        seed: of the draw.
    """

    def __init__(self, n: int, dim: int, seed: int = 0) -> None:
        self.n = n
        self.dim = dim
        self._seed = seed
        self._words = Words.of(WORD_SETTINGS)
        rng = np.random.default_rng(seed)
        self._lexicon = [_word(rng) for _ in range(LEXICON)]
        self._modalities = Modalities(rng, dim)
        self._kinds = [self._kind(rng, number) for number in range(max(n // POINTS_PER_KIND, 1))]

    def points(self) -> Iterator[Point]:
        """The products as points of a collection."""
        rng = np.random.default_rng((self._seed, 1))
        for number in range(self.n):
            kind = self._kinds[rng.integers(len(self._kinds))]
            product = self._product(rng, number, kind)
            image, own = self._modalities.product(rng, kind.vectors)
            vectors = {"text": own}
            if rng.random() >= BARE:
                vectors |= {"image": image, "fused": fuse(own, image)}
            fields = {**searched_texts(product), "code": codes_of(product)}
            ((words, terms),) = self._words.documents([fields])
            payload = _payload(product, pictured="image" in vectors) | {PHRASE_INDEX: terms}
            yield Point(product.id, payload, vectors, {WORDS: words} if words else {})

    def queries(self, count: int) -> list[tuple[str, QueryVectors]]:
        """Texts of three or four words, with the vectors that texts of such products have."""
        rng = np.random.default_rng((self._seed, 2))
        drawn = []
        for _ in range(count):
            kind = self._kinds[rng.integers(len(self._kinds))]
            words = [str(rng.choice(COLOURS)), kind.name, str(rng.choice(kind.words))]
            _, text = self._modalities.product(rng, kind.vectors)
            drawn.append((" ".join(words[: int(rng.integers(2, 4))]), QueryVectors(text, None)))
        return drawn

    def _kind(self, rng: np.random.Generator, number: int) -> Kind:
        words = rng.choice(self._lexicon, 40).tolist()
        department = DEPARTMENTS[number % len(DEPARTMENTS)]
        return Kind(" ".join(words[:2]), department, words[2:], self._modalities.kind(rng))

    def _product(self, rng: np.random.Generator, number: int, kind: Kind) -> Product:
        colour = rng.choice(COLOURS, p=_zipf(len(COLOURS)))
        wearer = rng.choice(FOR, p=(0.5, 0.3, 0.2))
        brand = f"Brand {rng.choice(BRANDS, p=_BRAND_CHANCES) + 1}"
        length = int(rng.integers(*DESCRIPTION))
        ranks = rng.choice(LEXICON, length, p=_WORD_CHANCES)
        described = [self._lexicon[rank] for rank in ranks]
        described[: length // 3] = rng.choice(kind.words, length // 3).tolist()
        return Product(
            id=f"G{number:08d}",
            title=f"{brand} {colour} {kind.name} {rng.choice(kind.words)}",
            description=" ".join(described),
            brand=brand,
            categories=((kind.department, kind.name),),
            price=round(float(rng.lognormal(3.2, 0.8)), 2),
            currency="EUR",
            rating=round(float(rng.uniform(1, 5)), 1),
            in_stock=bool(rng.random() < 0.9),
            sku=f"SKU-{number}",
            attributes={
                "Colour": str(colour),
                "Material": str(rng.choice(MATERIALS)),
                "For": str(wearer),
                "Weight": round(float(rng.uniform(0, 10)), 2),
                "Year": float(rng.integers(2010, 2026)),
            },
        )


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(SYLLABLES, int(rng.integers(2, 5))))


def _payload(product: Product, *, pictured: bool) -> dict[str, Any]:
    """The facts that a search reads, filters by and shows."""
    facts: dict[str, Any] = {
        "title": product.title,
        "brand": product.brand,
        "category": product.category,
        "categories": product.category_names(),
        "price": product.price,
        "currency": product.currency,
        "rating": product.rating,
        "in_stock": product.in_stock,
        "sku": product.sku,
        "attributes": [
            {"name": name, "value": str(value)} | ({"number": value} if name in NUMBERS else {})
            for name, value in product.attributes.items()
        ],
        "facets": [facet_of(name, str(value)) for name, value in product.attributes.items()],
        "link": f"https://shop.example/{product.id}",
    }
    return facts | ({"picture": f"{product.id:0>64}"} if pictured else {})


_BRAND_CHANCES = _zipf(BRANDS)
_WORD_CHANCES = _zipf(LEXICON)
