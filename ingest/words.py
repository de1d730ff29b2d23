"""Which words of a product are searched, and how much each counts."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import chain, islice
from types import MappingProxyType
from typing import Any

from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.searched_texts import searched_texts
from encoder.variant import Variant
from qdrant.errors import StoreError
from qdrant.word_settings import WordSettings, read_choice, write_choice
from qdrant.words import count_words, detect_language
from vitrine.command import messages

# Products that the language and the mean length are taken from.
SAMPLE = 20_000
SAMPLE_TEXT = 200_000  # characters that the language is detected in
# A mean length that is this much off moves no rank; the collection's own is kept, so that one new
# product does not change every vector.
TOLERANCE = 0.1
NOTHING: Mapping[str, Any] = MappingProxyType({})


def searched_text(texts: Mapping[str, list[str]], settings: WordSettings) -> str:
    """The text whose words a product is found by, each field as often as it counts.

    Args:
        texts: of each field (`searched_texts`).
        settings: its weights are used.
    """
    weights = settings.weights
    return " ".join(text for name, each in texts.items() for text in each * weights[name])


def codes_of(product: Product) -> tuple[str, ...]:
    """The article numbers that a product is found by."""
    return tuple(dict.fromkeys(filter(None, (product.id, product.sku, product.gtin))))


def chosen_words(variant: Variant, now: Mapping[str, Any]) -> dict[str, Any]:
    """What is chosen for a variant's words: what is chosen now is kept beside what was before.

    A file that cannot be used is reported, and replaced where something is chosen now.

    Args:
        variant: in whose folder the choice is kept.
        now: values of `qdrant.word_settings.CHOSEN` by name.

    Raises:
        StoreError: a value is out of its range.
    """
    try:
        before = read_choice(variant.folder)
    except StoreError as error:
        before = {}
        messages.print(
            f"{error} The words stay as the collection has them: correct the file or delete it.",
            markup=False,
            soft_wrap=True,
        )
    chosen = {**before, **now}
    WordSettings(**chosen)
    if now:
        write_choice(variant.folder, chosen, {})
    return chosen


def choose_settings(
    catalogue: Catalogue, current: WordSettings | None, chosen: Mapping[str, Any] = NOTHING
) -> WordSettings:
    """The settings for a catalogue's words: those of its collection where they still fit.

    Args:
        catalogue: whose language and mean length are measured.
        current: of the collection, if there is one.
        chosen: those of `qdrant.word_settings.CHOSEN` that are to be others.
    """
    settings = replace(current or WordSettings(), **chosen)
    sample = ""
    words = products = 0
    for product in islice(catalogue.products(), SAMPLE):
        texts = searched_texts(product)
        words += count_words(searched_text(texts, settings))
        products += 1
        if len(sample) < SAMPLE_TEXT:
            whole = " ".join(chain.from_iterable(texts.values()))
            sample += f" {whole[: SAMPLE_TEXT // 10]}"
    mean = max(words / max(products, 1), 1.0)
    language = detect_language(sample)
    if (
        current
        and settings.language == language
        and abs(mean - settings.mean_length) <= TOLERANCE * settings.mean_length
    ):
        return settings
    return replace(settings, language=language, mean_length=round(mean, 1))
