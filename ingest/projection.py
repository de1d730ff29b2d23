"""From vector files to the points of a collection."""

import hashlib
import json
from collections.abc import Container, Iterator
from dataclasses import replace
from typing import Any

from catalog.catalogue import Catalogue, Entry
from encoder.variant import Variant
from encoder.vectors import fuse
from ingest.embedding import Wanted, wanted
from qdrant.model import Point
from qdrant.vector_files import VectorFiles


def payload(entry: Entry) -> dict[str, Any]:
    """What a point tells of its product, in plain words; what is not known is left out."""
    product = entry.product
    web = next((image for image in product.images if image.startswith(("http:", "https:"))), "")
    told = {
        "id": product.id,
        "title": product.title,
        "brand": product.brand,
        "category": product.category,
        "price": product.price,
        "rating": product.rating,
        "rating_count": product.rating_count,
        "link": product.link,
        "image": web,
        "picture": entry.picture,
    }
    return {name: value for name, value in told.items() if value not in ("", None)}


def content(want: Wanted, told: dict[str, Any]) -> str:
    """A digest of all that a point is made of; two points with equal digests are equal."""
    made_of = [told, want.text_key.hex(), want.image_key.hex() if want.image_key else ""]
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


class Projection:
    """The points that a catalogue's collection should hold under a variant.

    Iterating gives every `Point`, ascending by product id; `len` tells how many there are.
    A picture whose vector is not among the vector files counts as none: its product is a point
    with a `text` vector alone.
    """

    def __init__(self, catalogue: Catalogue, variant: Variant, vector_files: VectorFiles) -> None:
        self.catalogue = catalogue
        self.variant = variant
        self._vector_files = vector_files

    def __len__(self) -> int:
        return len(self.catalogue)

    def __iter__(self) -> Iterator[Point]:
        for window in self.windows():
            yield from self.points(window)

    def only(self, ids: Container[str]) -> Iterator[Point]:
        """The points of these products."""
        for window in self.windows():
            yield from self.points([want for want in window if want.entry.product.id in ids])

    def digest(self) -> str:
        """A digest of all points: a collection built from an equal one needs no rebuilding."""
        total = hashlib.sha256()
        for window in self.windows():
            for want in window:
                total.update(content(want, payload(want.entry)).encode())
        return total.hexdigest()[:16]

    def windows(self) -> Iterator[list[Wanted]]:
        """What the points are made from, some hundreds at a time."""
        for window in wanted(self.catalogue, self.variant):
            embedded = self._vector_files.has([want.image_key or b"" for want in window])
            yield [
                want
                if has
                else replace(want, image_key=None, entry=replace(want.entry, picture=None))
                for want, has in zip(window, embedded, strict=True)
            ]

    def points(self, window: list[Wanted]) -> Iterator[Point]:
        """The points of one window.

        Raises:
            KeyError: a product text was never embedded.
        """
        texts = self._vector_files.get([want.text_key for want in window])
        pictured = [row for row, want in enumerate(window) if want.image_key]
        images = self._vector_files.get([want.image_key for want in window if want.image_key])
        fused = fuse(texts[pictured], images)
        place = {row: number for number, row in enumerate(pictured)}
        for row, want in enumerate(window):
            vectors = {"text": texts[row]}
            if row in place:
                vectors |= {"image": images[place[row]], "fused": fused[place[row]]}
            told = payload(want.entry)
            yield Point(want.entry.product.id, told | {"content": content(want, told)}, vectors)
