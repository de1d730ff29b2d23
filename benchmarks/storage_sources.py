"""Products whose vectors are stored in several ways, with the exact nearest of some queries."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from benchmarks.generated_shop import NUMBERS, POINTS_PER_KIND, WORD_SETTINGS, GeneratedShop
from benchmarks.generated_vectors import Modalities
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from encoder.vectors import fuse
from ingest.kept_vectors import open_vectors
from ingest.projection import Projection
from qdrant.model import PAYLOAD, Point, Spec
from vitrine import default_variant

FINGERPRINT = "0" * 16
K = 10
QUERIES = 200
NAMES = ("text", "image")  # of the kept matrices; `fused` is made of both
TIED = 100  # the most products that are as near as the last of K
ROUNDING = 1e-6  # of a cosine
BLOCK = 1 << 16  # vectors that queries are compared with at once: 52 MB of scores


@dataclass(frozen=True)
class Queries:
    """Texts of products, by which these and others are looked for.

    Attributes:
        vectors: (q, d).
        ids: the products that they are of (q,), which do not count as found.
        nearest: by vector, ids of the exact K nearest other products of each query, and of those
            that are as near as the last of them: products of equal texts have equal vectors.
    """

    vectors: np.ndarray
    ids: list[str]
    nearest: dict[str, list[set[str]]]


class Source:
    """Products with their exact vectors, kept in a folder as matrices.

    Args:
        folder: of the matrices and the collections.
        spec: of a collection of them.
        count: the most products there may be.
        points: reads the products; called again for each collection.
    """

    def __init__(
        self, folder: Path, spec: Spec, count: int, points: Callable[[], Iterator[Point]]
    ) -> None:
        self.folder = folder
        self.spec = spec
        self.points = points
        self._count = count

    def read(self) -> None:
        """Write the matrices, once."""
        record = self.folder / "ids.json"
        if record.exists():
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        # Rows that are not written take no room on the disk.
        matrices = {
            name: open_memmap(
                self._file(name), "w+", np.float32, (self._count, self.spec.dim_of(name))
            )
            for name in NAMES
        }
        ids: list[str] = []
        owners: dict[str, list[int]] = {name: [] for name in NAMES}
        for point in self.points():
            for name in owners.keys() & point.vectors.keys():
                matrices[name][len(owners[name])] = point.vectors[name]
                owners[name].append(len(ids))
            ids.append(point.id)
        for name, rows in owners.items():
            matrices[name].flush()
            np.save(self._file(f"{name}.rows"), np.array(rows, np.int64))
        record.write_text(json.dumps(ids))

    def matrix(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The unit vectors (m, d) of a name, and the numbers of their products (m,)."""
        owners = np.load(self._file(f"{name}.rows"))
        return np.load(self._file(name), mmap_mode="r")[: len(owners)], owners

    def queries(self, names: Sequence[str]) -> Queries:
        """Draw queries; equal sources give equal ones.

        Args:
            names: of the vectors that they are compared with, of `NAMES`.
        """
        texts, owners = self.matrix("text")
        rows = np.sort(np.random.default_rng(0).permutation(len(owners))[:QUERIES])
        queries, products = np.array(texts[rows]), owners[rows]
        ids = json.loads((self.folder / "ids.json").read_text())
        nearest = {
            name: [
                {ids[each] for each in found} for found in self._nearest(name, queries, products)
            ]
            for name in names
        }
        return Queries(queries, [ids[product] for product in products], nearest)

    def _nearest(self, name: str, queries: np.ndarray, products: np.ndarray) -> list[np.ndarray]:
        """Numbers of the exact K nearest other products of each query, and of those as near."""
        vectors, owners = self.matrix(name)
        scores: np.ndarray = np.empty((len(queries), 0), np.float32)
        found: np.ndarray = np.empty((len(queries), 0), np.int64)
        for start in range(0, len(owners), BLOCK):
            block = owners[start : start + BLOCK]
            scores = np.hstack([scores, queries @ vectors[start : start + BLOCK].T])
            found = np.hstack([found, np.broadcast_to(block, (len(queries), len(block)))])
            scores[found == products[:, None]] = -np.inf
            kept = min(K + TIED, scores.shape[1])
            best = np.argpartition(-scores, kept - 1, axis=1)[:, :kept]
            scores, found = (np.take_along_axis(each, best, axis=1) for each in (scores, found))
        last = np.sort(scores, axis=1)[:, -K:][:, :1]  # of the K best
        return list(map(np.compress, (scores >= last - ROUNDING) & (scores > -np.inf), found))

    def _file(self, name: str) -> Path:
        return self.folder / f"{name}.npy"


def generated_shop(folder: Path, n: int, dim: int) -> Source:
    """Generated products as `vitrine ingest` stores them."""
    spec = Spec(
        "generated", FINGERPRINT, dim, words=WORD_SETTINGS, payload=PAYLOAD, numbers=NUMBERS
    )
    return Source(folder, spec, n, GeneratedShop(n, dim).points)


def generated_vectors(folder: Path, n: int, dim: int) -> Source:
    """Generated products with vectors alone: without facts and words a million is soon made."""

    def points() -> Iterator[Point]:
        rng = np.random.default_rng(0)
        modalities = Modalities(rng, dim)
        kinds = [modalities.kind(rng) for _ in range(max(n // POINTS_PER_KIND, 1))]
        for number in range(n):
            image, text = modalities.product(rng, kinds[rng.integers(len(kinds))])
            vectors = {"text": text, "image": image, "fused": fuse(text, image)}
            yield Point(f"G{number:08d}", {}, vectors)

    return Source(folder, Spec("generated", FINGERPRINT, dim), n, points)


def filled_shop(folder: Path, home: Path) -> Source:
    """The products of a shop that `vitrine ingest` filled, with its default variant's vectors.

    Of a variant of two models, whose texts are no queries for its pictures, the text vectors alone.
    """
    variants = Variants(home)
    variant = variants.get(default_variant(variants.names()))
    vectors = variant.vectors if "fused" in variant.vectors else ("text",)

    @contextmanager
    def opened() -> Iterator[Projection]:
        with Catalogue(home, create=False) as catalogue, open_vectors(home, variant) as kept:
            yield Projection(catalogue, variant, kept, WORD_SETTINGS, dense=vectors)

    def points() -> Iterator[Point]:
        with opened() as projection:
            yield from projection

    with opened() as projection:
        spec = Spec(
            variant.name,
            FINGERPRINT,
            variant.text_dim,
            vectors=vectors,
            words=WORD_SETTINGS,
            payload=PAYLOAD,
            numbers=projection.numbers,
        )
        return Source(folder, spec, len(projection), points)
