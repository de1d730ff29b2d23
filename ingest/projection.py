"""From vector files to the points of a collection.

Attributes that products can be filtered by stand in a payload twice:

    attributes  [{"name": "Weight", "value": "1.25", "number": 1.25}]   for people, and ranges
    facets      ["Weight", a tab, "1.25"] as one text                   counts, filters by value

A count of `attributes[].value` would not do: under a nested filter it still counts the values of
all attributes (tried with qdrant-edge-py 0.9.0), so that a red trim would count as a red product.
"""

import hashlib
import json
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from catalog.catalogue import Catalogue, Entry
from catalog.product import Attribute
from catalog.searched_texts import searched_texts
from encoder.variant import Variant
from encoder.vectors import fuse
from ingest.embedding import Input, inputs, inputs_of
from ingest.kept_vectors import KeptVectors
from ingest.words import codes_of
from pictures.public_addresses import picture_address
from qdrant.filters import facet_of
from qdrant.layout import PHRASE_INDEX
from qdrant.model import WORDS, Point
from qdrant.vector_files import Key
from qdrant.word_settings import WordSettings
from qdrant.words import Words


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """A point whose vectors have not been read yet.

    Attributes:
        id: product id.
        payload: facts of the product; those that are not known are left out.
        text_key: the key of the text's vector.
        image_key: the key of the picture's vector; None where none is kept.
        searched: the texts that it is found by (`searched_texts`).
        codes: the article numbers that it is found by.
        has_text: whether the text's vector is kept. Without it there is no point: the model failed
            on the text.
        content: a digest of all that the point is made of, which its payload contains, too. Two
            points of equal content are equal but for `image_url`, which a setting may change.
    """

    id: str
    payload: dict[str, Any]
    text_key: Key
    image_key: Key | None
    searched: Mapping[str, list[str]]
    codes: tuple[str, ...]
    has_text: bool
    content: str

    @property
    def vector_keys(self) -> tuple[Key, ...]:
        """The keys of text and picture."""
        return (self.text_key, self.image_key) if self.image_key else (self.text_key,)


# Qdrant's dashboard shows a payload's string as a picture when it is an address with such a path.
SHOWN_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg")

_written = json.JSONEncoder(sort_keys=True).encode  # digests are of it, byte by byte


def _plan(
    entry: Entry,
    text_key: Key,
    image_key: Key | None,
    has_text: bool,
    word_facts: Mapping[str, Any],
    filters: Container[str],
    public_url: str,
) -> PlannedPoint:
    """The point of a product; without `image_key` its picture counts as none.

    `word_facts` are those of the settings of words, `filters` the attributes to filter by.
    """
    product = entry.product
    address = entry.picture_address or ""
    shown = address.startswith(("http:", "https:")) and _path(address).endswith(SHOWN_SUFFIXES)
    web = (image for image in product.images if image.startswith(("http:", "https:")))
    facts: dict[str, Any] = {
        "id": product.id,
        "title": product.title,
        "brand": product.brand,
        "category": product.category,
        "categories": product.category_names(),
        "price": product.price,
        "list_price": product.list_price,
        "currency": product.currency,
        "in_stock": product.in_stock,
        "sku": product.sku,
        "gtin": product.gtin,
        "parent": product.parent,
        "released": product.released,
        "rating": product.rating,
        "rating_count": product.rating_count,
        "link": product.link,
        "image": next(web, ""),
        "picture": entry.picture if image_key else None,
        "image_url": address if image_key and shown else "",
    }
    chosen = {name: fact for name, fact in product.attributes.items() if name in filters}
    facts["attributes"] = [_attribute(name, fact) for name, fact in chosen.items()]
    facts["facets"] = [facet_of(name, _shown(fact)) for name, fact in chosen.items()]
    payload = {name: value for name, value in facts.items() if value not in ("", None, [])}
    searched, codes = searched_texts(product), codes_of(product)
    dense = [text_key.hex(), image_key.hex() if image_key else ""]
    made_of = [payload, *dense, searched, codes, word_facts]
    content = hashlib.sha256(_written(made_of).encode()).hexdigest()[:16]
    payload["content"] = content
    if public_url and "picture" in payload:
        payload["image_url"] = picture_address(public_url, payload["picture"])
    return PlannedPoint(
        product.id,
        payload,
        text_key,
        image_key,
        searched,
        codes,
        has_text,
        content,
    )


def _attribute(name: str, fact: Attribute) -> dict[str, Any]:
    number = {} if isinstance(fact, str | bool) else {"number": fact}
    return {"name": name, "value": _shown(fact), **number}


def _shown(fact: Attribute) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    return fact if isinstance(fact, str) else f"{fact:.15g}"


def _path(address: str) -> str:
    try:
        return urlsplit(address).path.lower()
    except ValueError:  # an IPv6 host that is none
        return ""


class Projection:
    """The points that a catalogue's collection should hold under a variant.

    Iterating gives every `Point`, ascending by product id; `len` is their number.
    A picture whose vector is not among the vector files counts as none: its product is a point
    with a `text` vector alone.

    Args:
        catalogue: the products.
        variant: how they were embedded.
        kept: the variant's vector files.
        words: settings of the word vectors.
        public_url: the API's address, where its pictures are the `image_url` of payloads; empty
            leaves that to the pictures' own addresses on the web.
        dense: names of the dense vectors that points carry; all of the variant's by default.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        variant: Variant,
        kept: KeptVectors,
        words: WordSettings,
        public_url: str = "",
        dense: Sequence[str] = (),
    ) -> None:
        self.catalogue = catalogue
        self.variant = variant
        self.words = words
        self.kept = kept
        self._dense = tuple(dense)
        self.public_url = public_url
        self._word_facts = words.facts()
        self._embedder = Words(words)
        self.filters = {each.name: each.kind for each in catalogue.filters()}

    @property
    def dense(self) -> tuple[str, ...]:
        """Names of the dense vectors that points carry."""
        return self._dense or self.variant.vectors

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the attributes that are numbers, ascending."""
        return tuple(sorted(name for name, kind in self.filters.items() if kind == "number"))

    def __len__(self) -> int:
        return len(self.catalogue)

    def __iter__(self) -> Iterator[Point]:
        for window in self.windows():
            yield from self.points([plan for plan in window if plan.has_text])

    def only(self, ids: Iterable[str]) -> Iterator[Point]:
        """The points of these products, in the order of their ids; no other product is read."""
        for window in inputs_of(self.catalogue, self.variant, ids):
            yield from self.points([plan for plan in self.planned(window) if plan.has_text])

    def windows(self) -> Iterator[list[PlannedPoint]]:
        """The points before their vectors are read, some hundreds at a time."""
        yield from map(self.planned, inputs(self.catalogue, self.variant))

    def planned(self, window: list[Input]) -> list[PlannedPoint]:
        """The points of some products before their vectors are read."""
        embedded = self.kept.images.has([each.image_key or b"" for each in window])
        worded = self.kept.texts.has([each.text_key for each in window])
        return [
            self.plan(each, has_text=bool(has_text), has_image=bool(has_image))
            for each, has_text, has_image in zip(window, worded, embedded, strict=True)
        ]

    def plan(self, each: Input, *, has_text: bool = True, has_image: bool = True) -> PlannedPoint:
        """The point of a product before its vectors are read.

        Args:
            each: the product.
            has_text: whether the text's vector is kept.
            has_image: whether the picture's vector is, if there is a picture.
        """
        return _plan(
            each.entry,
            each.text_key,
            each.image_key if has_image else None,
            has_text,
            self._word_facts,
            self.filters,
            self.public_url,
        )

    def points(self, window: Sequence[PlannedPoint]) -> Iterator[Point]:
        """The points of one window, with their vectors.

        Raises:
            KeyError: a product text was never embedded.
        """
        found = self._embedder.documents({**plan.searched, "code": plan.codes} for plan in window)
        for plan, vectors, (words, terms) in zip(window, self.vectors(window), found, strict=True):
            payload = {**plan.payload, PHRASE_INDEX: terms}
            yield Point(plan.id, payload, vectors, {WORDS: words} if words else {})

    def vectors(self, window: Sequence[PlannedPoint]) -> Iterator[dict[str, np.ndarray]]:
        """The dense vectors of one window's points, by name.

        Raises:
            KeyError: a product text was never embedded.
        """
        texts = self.kept.texts.get([plan.text_key for plan in window])
        pictured = [row for row, plan in enumerate(window) if plan.image_key]
        images = self.kept.images.get([plan.image_key for plan in window if plan.image_key])
        of_pictures = {"image": images}
        if "fused" in self.dense:
            of_pictures["fused"] = fuse(texts[pictured], images)
        position = {row: number for number, row in enumerate(pictured)}
        for row, text in enumerate(texts):
            vectors = {"text": text}
            if row in position:
                vectors |= {name: rows[position[row]] for name, rows in of_pictures.items()}
            yield {name: vectors[name] for name in self.dense if name in vectors}
