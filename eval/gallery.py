"""All vectors of a variant in memory, and what can be filtered by.

It is put together from the same vector files that the collection was projected from, so that
exact search and FAISS answer from the very numbers that Qdrant has.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from catalog.catalogue import Catalogue, Entry
from encoder.variant import Variant
from encoder.vectors import fuse
from eval.errors import GalleryError
from qdrant.model import NO_FILTERS, Filters
from qdrant.vector_files import VectorFiles, vector_key

WINDOW = 512  # entries looked up together


@dataclass(frozen=True)
class Gallery:
    """Products and their vectors.

    Attributes:
        payloads: what is told of each product, ascending by id; `category`, `brand`, `price`,
            `rating` and `picture` are what filters look at.
        vectors: float32 unit vectors of shape (m, d) by name.
        rows: which product each row of a vector's matrix belongs to, ascending.
    """

    payloads: Sequence[Mapping[str, Any]]
    vectors: Mapping[str, np.ndarray]
    rows: Mapping[str, np.ndarray]

    @cached_property
    def ids(self) -> list[str]:
        """Product ids, ascending."""
        return [payload["id"] for payload in self.payloads]

    @cached_property
    def place(self) -> dict[str, int]:
        """The number of each product, by id."""
        return {name: number for number, name in enumerate(self.ids)}

    @cached_property
    def place_of_row(self) -> dict[str, np.ndarray]:
        """For each vector, the row of each product; −1 where it lacks the vector."""
        places = {}
        for name, rows in self.rows.items():
            places[name] = np.full(len(self.payloads), -1)
            places[name][rows] = np.arange(len(rows))
        return places

    def words(self, field: str) -> np.ndarray:
        """One keyword of every product, empty where it has none; objects of shape (m,)."""
        return np.array([payload.get(field) or "" for payload in self.payloads], object)

    def numbers(self, field: str) -> np.ndarray:
        """One number of every product, NaN where it has none; float64 of shape (m,)."""
        values = (payload.get(field) for payload in self.payloads)
        return np.array([np.nan if value is None else value for value in values], np.float64)

    def allowed(self, filters: Filters) -> np.ndarray | None:
        """Which products a filter lets through, bool of shape (m,); None when it is no filter."""
        if filters == NO_FILTERS:
            return None
        let = np.ones(len(self.payloads), bool)
        if filters.categories:
            let &= np.isin(self._categories, filters.categories)
        if filters.brands:
            let &= np.isin(self._brands, filters.brands)
        if filters.price_min is not None:
            let &= self._prices >= filters.price_min
        if filters.price_max is not None:
            let &= self._prices <= filters.price_max
        if filters.rating_min is not None:
            let &= self._ratings >= filters.rating_min
        if filters.has_picture is not None:
            let &= self._pictured == filters.has_picture
        if filters.ids:
            let &= self._among(filters.ids)
        if filters.exclude:
            let &= ~self._among(filters.exclude)
        return let

    @cached_property
    def _categories(self) -> np.ndarray:
        return self.words("category")

    @cached_property
    def _brands(self) -> np.ndarray:
        return self.words("brand")

    @cached_property
    def _prices(self) -> np.ndarray:
        return self.numbers("price")

    @cached_property
    def _ratings(self) -> np.ndarray:
        return self.numbers("rating")

    @cached_property
    def _pictured(self) -> np.ndarray:
        pictured = np.zeros(len(self.payloads), bool)
        pictured[self.rows.get("image", [])] = True
        return pictured

    def _among(self, ids: Sequence[str]) -> np.ndarray:
        among = np.zeros(len(self.payloads), bool)
        among[[self.place[name] for name in ids if name in self.place]] = True
        return among


def load_gallery(home: Path, catalogue: Catalogue, variant: Variant) -> Gallery:
    """Read a variant's gallery from its vector files.

    Raises:
        GalleryError: a product's text is not among the vector files.
    """
    payloads: list[dict[str, Any]] = []
    texts: list[np.ndarray] = []
    images: list[np.ndarray] = []
    pictured: list[int] = []
    with VectorFiles(home / "vectors" / variant.fingerprint, variant.dim) as vector_files:
        for window in _windows(catalogue):
            text_keys = [
                vector_key("text", variant.template.product_text(entry.product, entry.summary))
                for entry in window
            ]
            image_keys = [
                vector_key("image", entry.picture) if entry.picture else b"" for entry in window
            ]
            if not vector_files.has(text_keys).all():
                raise GalleryError(
                    f"Not every product is embedded under {variant.name}; run "
                    f"`vitrine ingest vectors --variant {variant.name}` first."
                )
            has = np.flatnonzero(vector_files.has(image_keys))
            texts.append(vector_files.get(text_keys))
            images.append(vector_files.get([image_keys[row] for row in has]))
            pictured += [len(payloads) + int(row) for row in has]
            payloads += [_payload(entry) for entry in window]
    if not payloads:
        raise GalleryError("The catalogue is empty; fill it with `vitrine ingest products FILE`.")
    text, image = np.concatenate(texts), np.concatenate(images)
    rows = np.array(pictured, np.int64)
    return Gallery(
        payloads,
        {"text": text, "image": image, "fused": fuse(text[rows], image)},
        {"text": np.arange(len(payloads)), "image": rows, "fused": rows},
    )


def _windows(catalogue: Catalogue) -> Iterator[list[Entry]]:
    entries = catalogue.entries()
    while window := list(islice(entries, WINDOW)):
        yield window


def _payload(entry: Entry) -> dict[str, Any]:
    product = entry.product
    told = {
        "id": product.id,
        "title": product.title,
        "brand": product.brand,
        "category": product.category,
        "price": product.price,
        "rating": product.rating,
        "picture": entry.picture,
    }
    return {name: value for name, value in told.items() if value not in ("", None)}
