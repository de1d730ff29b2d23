"""Which words of a product are searched, and how much each counts."""

from itertools import islice

from catalog.catalogue import Catalogue
from catalog.product import Product
from qdrant.model import WordSettings
from qdrant.words import count_words, detect_language

# How often the words of a title count: a title names the product, a description also its uses.
TITLE = 3
# Characters of an attribute's value that is searched: a longer one is running text, of which the
# words say little ("compatible with …").
LONGEST_VALUE = 40
# Products that the language and the mean length are taken from.
SAMPLE = 20_000
SAMPLE_TEXT = 200_000  # characters that the language is detected in
# A mean length that is this much off moves no rank; the collection's own is kept, so that one new
# product does not change every vector.
TOLERANCE = 0.1


def searched_text(product: Product) -> str:
    """The text whose words a product is found by."""
    values = (str(value) for value in product.attributes.values() if not isinstance(value, bool))
    paths = dict.fromkeys(step for path in product.categories for step in path)
    return " ".join(
        filter(
            None,
            (
                *[product.title] * TITLE,
                product.brand,
                *paths,
                *product.features,
                *(value for value in values if len(value) <= LONGEST_VALUE),
                product.description,
            ),
        )
    )


def codes_of(product: Product) -> tuple[str, ...]:
    """The article numbers that a product is found by."""
    return tuple(dict.fromkeys(filter(None, (product.id, product.sku, product.gtin))))


def choose_settings(catalogue: Catalogue, current: WordSettings | None) -> WordSettings:
    """The settings for a catalogue's words; those of its collection where they still fit."""
    sample = ""
    words = products = 0
    for product in islice(catalogue.products(), SAMPLE):
        text = searched_text(product)
        words += count_words(text)
        products += 1
        if len(sample) < SAMPLE_TEXT:
            sample += f" {text[: SAMPLE_TEXT // 10]}"
    mean = max(words / max(products, 1), 1.0)
    language = detect_language(sample)
    if (
        current
        and current.language == language
        and abs(mean - current.mean_length) <= TOLERANCE * current.mean_length
    ):
        return current
    return WordSettings(language, round(mean, 1))
