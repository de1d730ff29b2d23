"""Which words of a product are searched, and how much each counts."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from types import MappingProxyType
from typing import Any

from catalog.catalogue import Catalogue
from catalog.product import Product
from qdrant.model import WordSettings
from qdrant.words import count_words, detect_language

# Characters of an attribute's value that is searched: a longer one is running text, of which the
# words say little ("compatible with …").
LONGEST_VALUE = 40
# Products that the language and the mean length are taken from.
SAMPLE = 20_000
SAMPLE_TEXT = 200_000  # characters that the language is detected in
# A mean length that is this much off moves no rank; the collection's own is kept, so that one new
# product does not change every vector.
TOLERANCE = 0.1
NOTHING: Mapping[str, Any] = MappingProxyType({})


def searched_fields(product: Product) -> dict[str, list[str]]:
    """The texts that a product is found by; each name is one of `qdrant.words.FIELDS`."""
    values = (str(value) for value in product.attributes.values() if not isinstance(value, bool))
    return {
        "title": [product.title],
        "brand": [product.brand] if product.brand else [],
        "category": list(dict.fromkeys(step for path in product.categories for step in path)),
        "attribute": [value for value in values if len(value) <= LONGEST_VALUE],
        "description": [*product.features, *filter(None, [product.description])],
    }


def searched_text(fields: Mapping[str, list[str]], title: int) -> str:
    """The text whose words a product is found by.

    Args:
        fields: its texts (`searched_fields`).
        title: how often its title counts: it names the product, a description also its uses.
    """
    repeated = [*fields["title"] * title]
    others = (text for name, texts in fields.items() if name != "title" for text in texts)
    return " ".join([*repeated, *others])


def codes_of(product: Product) -> tuple[str, ...]:
    """The article numbers that a product is found by."""
    return tuple(dict.fromkeys(filter(None, (product.id, product.sku, product.gtin))))


def choose_settings(
    catalogue: Catalogue, current: WordSettings | None, chosen: Mapping[str, Any] = NOTHING
) -> WordSettings:
    """The settings for a catalogue's words: those of its collection where they still fit.

    Args:
        catalogue: whose language and mean length are measured.
        current: of the collection, if there is one.
        chosen: `k`, `b` and `title`, where they are to be others; they stay until they are chosen
            again.
    """
    settings = replace(current or WordSettings(), **chosen)
    sample = ""
    words = products = 0
    for product in islice(catalogue.products(), SAMPLE):
        text = searched_text(searched_fields(product), settings.title)
        words += count_words(text)
        products += 1
        if len(sample) < SAMPLE_TEXT:
            sample += f" {text[: SAMPLE_TEXT // 10]}"
    mean = max(words / max(products, 1), 1.0)
    language = detect_language(sample)
    if (
        current
        and settings.language == language
        and abs(mean - settings.mean_length) <= TOLERANCE * settings.mean_length
    ):
        return settings
    return replace(settings, language=language, mean_length=round(mean, 1))
