"""Generated pictures, texts, and products with vectors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

import numpy as np
from PIL import Image

from pictures.thumbnail import SIDE
from qdrant.model import NO_FILTERS, Filters, Point

# Fewest and most words of a text: a short title, and one that is longer than CLIP's token limit.
WORDS = (3, 70)
VOCABULARY = (
    *("red", "cotton", "shirt", "for", "men"),
    *("the", "matte", "lipstick", "analogue", "watch"),
)

K = 10
VECTOR = "fused"
# Spread within a cluster over the spread between centres: neighbours have a cosine of 0.7.
SPREAD = 0.7
POINTS_PER_CLUSTER = 500
# Share of the products in each category and brand.
CATEGORIES = {"common": 0.10, "rare": 0.01, "rest": 0.89}
BRANDS = {"rare": 0.001, "rest": 0.999}
HIGHEST_PRICE = 100.0
NO_FILTER = "none"

FILTERS = MappingProxyType(
    {
        NO_FILTER: NO_FILTERS,
        "category, 10 %": Filters(categories=("common",)),
        "category, 1 %": Filters(categories=("rare",)),
        "brand, 0.1 %": Filters(brands=("rare",)),
        "price range, 10 %": Filters(price_min=20.0, price_max=30.0),
    }
)


@dataclass(frozen=True)
class Generated:
    """Products with vectors in clusters, and queries.

    Products of a cluster are neighbours, as products of one kind are in a shop; retrieval is easier
    than on real vectors. Categories, brands and prices do not depend on the vectors, which is hard
    on a graph: the products that pass a filter are scattered over it.

    Attributes:
        vectors: float32 unit vectors of shape (n, d).
        queries: float32 unit vectors of shape (q, d), from the same clusters.
        categories, brands: of each product, (n,).
        prices: of each product, (n,).
    """

    vectors: np.ndarray
    queries: np.ndarray
    categories: np.ndarray
    brands: np.ndarray
    prices: np.ndarray

    @classmethod
    def draw(cls, n: int, dim: int, queries: int, seed: int) -> Generated:
        """Draw n products and some queries; equal arguments give equal arrays."""
        rng = np.random.default_rng(seed)
        centres = rng.standard_normal((max(n // POINTS_PER_CLUSTER, 1), dim), dtype=np.float32)

        def clustered(count: int) -> np.ndarray:
            drawn = rng.standard_normal((count, dim), dtype=np.float32)
            drawn *= SPREAD
            drawn += centres[rng.integers(0, len(centres), count)]
            drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
            return drawn

        return cls(
            vectors=clustered(n),
            queries=clustered(queries),
            categories=rng.choice(list(CATEGORIES), n, p=list(CATEGORIES.values())),
            brands=rng.choice(list(BRANDS), n, p=list(BRANDS.values())),
            prices=rng.uniform(0, HIGHEST_PRICE, n).round(2),
        )

    @classmethod
    def load(cls, folder: Path) -> Generated:
        """Memory-map what `save` wrote."""
        return cls(*(np.load(folder / f"{part.name}.npy", mmap_mode="r") for part in fields(cls)))

    def save(self, folder: Path) -> None:
        """Write one file per array."""
        for part in fields(self):
            np.save(folder / f"{part.name}.npy", getattr(self, part.name))

    def points(self) -> Iterator[Point]:
        """The products as points of a collection."""
        for number, vector in enumerate(self.vectors):
            payload = {
                "title": f"product {number}",
                "category": str(self.categories[number]),
                "brand": str(self.brands[number]),
                "price": float(self.prices[number]),
            }
            yield Point(str(number), payload, {VECTOR: vector})

    def passing(self, filters: Filters) -> np.ndarray:
        """Which products pass one of `FILTERS`, bool of shape (n,)."""
        passing = np.ones(len(self.prices), bool)
        if filters.categories:
            passing &= np.isin(self.categories, filters.categories)
        if filters.brands:
            passing &= np.isin(self.brands, filters.brands)
        if filters.price_min is not None and filters.price_max is not None:
            passing &= (self.prices >= filters.price_min) & (self.prices <= filters.price_max)
        return passing

    def nearest(self, filters: Filters) -> list[set[int]]:
        """The K nearest products of each query that pass a filter, by exact search."""
        rows = np.flatnonzero(self.passing(filters))
        if len(rows) <= K:
            return [set(rows.tolist())] * len(self.queries)
        scores = self.queries @ self.vectors[rows].T
        best = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        return [set(rows[row].tolist()) for row in best]


def random_picture(seed: int) -> Image.Image:
    """A picture with a shortest side of 224, as the picture store keeps them."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((224, 298), Image.Resampling.BICUBIC)


def write_shop(folder: Path, titles: Sequence[str]) -> Path:
    """Write a feed, and generated pictures of the size that the picture store keeps."""
    folder.mkdir()
    rows = []
    for number, title in enumerate(titles):
        picture = random_picture(number)
        size = (SIDE, SIDE * picture.height // picture.width)
        picture.resize(size, Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)
        rows.append(json.dumps({"id": str(number), "title": title, "image": f"{number}.jpg"}))
    file = folder / "products.jsonl"
    file.write_text("\n".join(rows))
    return file


def random_texts(count: int) -> list[str]:
    """Texts from the length of a short title to more than CLIP's token limit."""
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(VOCABULARY, rng.integers(*WORDS))) for _ in range(count)]
