"""A generated shop to search: vectors in clusters, categories, brands, prices, and queries.

The vectors lie in clusters, as products lie around their kinds; they are easier than real ones.
Categories, brands and prices are drawn without regard to them, which is hard on a graph: what a
filter lets through lies scattered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

import numpy as np

from qdrant.model import NO_FILTERS, Filters, Point

K = 10
# Spread within a cluster over the spread between their centres: neighbours have cosine 0.7.
SPREAD = 0.7
POINTS_PER_CLUSTER = 500
# Shares of the products in each category: one common, one rare, and the rest.
CATEGORIES = {"common": 0.10, "rare": 0.01, "rest": 0.89}
BRANDS = {"rare": 0.001, "rest": 0.999}
HIGHEST_PRICE = 100.0
# The first pass over a graph meets pages that nobody has touched yet.
WARM_UP = 100

FILTERS = MappingProxyType(
    {
        "none": NO_FILTERS,
        "category, 10 %": Filters(categories=("common",)),
        "category, 1 %": Filters(categories=("rare",)),
        "brand, 0.1 %": Filters(brands=("rare",)),
        "price range, 10 %": Filters(price_min=20.0, price_max=30.0),
    }
)


@dataclass(frozen=True)
class Generated:
    """Products and queries.

    Attributes:
        vectors: float32 unit vectors of shape (n, d).
        warm_up: queries of shape (WARM_UP, d) that go before, untimed.
        queries: float32 unit vectors of shape (q, d), of the same kind as the products.
        categories, brands: of each product, (n,).
        prices: of each product, (n,).
    """

    vectors: np.ndarray
    warm_up: np.ndarray
    queries: np.ndarray
    categories: np.ndarray
    brands: np.ndarray
    prices: np.ndarray

    @classmethod
    def draw(cls, n: int, dim: int, queries: int, seed: int) -> Generated:
        """Draw a shop, the same for the same seed."""
        random = np.random.default_rng(seed)
        centres = random.standard_normal((max(n // POINTS_PER_CLUSTER, 1), dim), dtype=np.float32)

        def clustered(count: int) -> np.ndarray:
            drawn = random.standard_normal((count, dim), dtype=np.float32)
            drawn *= SPREAD
            drawn += centres[random.integers(0, len(centres), count)]
            drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
            return drawn

        return cls(
            vectors=clustered(n),
            warm_up=clustered(WARM_UP),
            queries=clustered(queries),
            categories=random.choice(list(CATEGORIES), n, p=list(CATEGORIES.values())),
            brands=random.choice(list(BRANDS), n, p=list(BRANDS.values())),
            prices=random.uniform(0, HIGHEST_PRICE, n).round(2),
        )

    @classmethod
    def load(cls, folder: Path) -> Generated:
        """Open what `save` wrote, read as it is needed."""
        return cls(*(np.load(folder / f"{part.name}.npy", mmap_mode="r") for part in fields(cls)))

    def save(self, folder: Path) -> None:
        """Write a file an array."""
        for part in fields(self):
            np.save(folder / f"{part.name}.npy", getattr(self, part.name))

    def points(self) -> Iterator[Point]:
        """Products as a shop has them."""
        for number, vector in enumerate(self.vectors):
            payload = {
                "title": f"product {number}",
                "category": str(self.categories[number]),
                "brand": str(self.brands[number]),
                "price": float(self.prices[number]),
            }
            yield Point(str(number), payload, {"fused": vector})

    def allowed(self, filters: Filters) -> np.ndarray:
        """Which products a filter of `FILTERS` lets through, bool of shape (n,)."""
        let = np.ones(len(self.prices), bool)
        if filters.categories:
            let &= np.isin(self.categories, filters.categories)
        if filters.brands:
            let &= np.isin(self.brands, filters.brands)
        if filters.price_min is not None and filters.price_max is not None:
            let &= (self.prices >= filters.price_min) & (self.prices <= filters.price_max)
        return let

    def truth(self, filters: Filters) -> list[set[int]]:
        """The true nearest of each query among what a filter lets through: at most K."""
        rows = np.flatnonzero(self.allowed(filters))
        if len(rows) <= K:
            return [set(rows.tolist())] * len(self.queries)
        scores = self.queries @ self.vectors[rows].T
        nearest = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        return [set(rows[row].tolist()) for row in nearest]
