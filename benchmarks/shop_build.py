"""A generated shop on disk: its collection, its vocabulary, and BM25 over its words."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import psutil
from scipy.sparse import csr_array

from benchmarks.checkpoints import tiny_clip
from benchmarks.generated_shop import NUMBERS, WORD_SETTINGS, GeneratedShop
from encoder.variant import Variant
from encoder.variants import Variants
from qdrant.model import ATTRIBUTES, WORDS, Point, Spec
from qdrant.store import open_embedded
from qdrant.vocabulary import FILE, CountedName, CountedWord, write_vocabulary
from qdrant.words import Words, split_words
from vitrine.command import messages

NAME = "benchmark"  # of the variant
K = 10


@dataclass(frozen=True)
class ShopBuilt:
    """How the collection was built.

    Attributes:
        seconds: in all.
        cpu_seconds: processor time of the builder and of the process that feeds it, the generation
            of the products included.
        bytes_a_point: on disk.
    """

    seconds: float
    cpu_seconds: float
    bytes_a_point: float


def build_shop(folder: Path, shop: GeneratedShop) -> ShopBuilt:
    """Build the collection, its vocabulary, and the file of its words."""
    record = folder / "built.json"
    if record.exists():
        return ShopBuilt(**json.loads(record.read_text()))
    messages.print(f"{shop.n:,} products: building the shop")
    variant = Variants(folder).add(NAME, tiny_clip(folder / "clip", dim=shop.dim, side=32))
    spec = Spec(
        NAME,
        variant.fingerprint,
        shop.dim,
        words=WORD_SETTINGS,
        payload=ATTRIBUTES,
        numbers=NUMBERS,
    )
    kept = _Kept()
    started, cpu_started = time.perf_counter(), _cpu()
    with open_embedded(folder / "qdrant") as store:
        store.build(spec, kept.each(shop.points()))
        built = ShopBuilt(
            round(time.perf_counter() - started, 1),
            round(_cpu() - cpu_started, 1),
            round((store.generations(NAME)[0].size or 0) / shop.n, 1),
        )
    kept.write(folder, variant)
    record.write_text(json.dumps(asdict(built)))
    return built


def _cpu() -> float:
    """Processor time of this process and of its children that have ended."""
    times = psutil.Process().cpu_times()
    return times.user + times.system + times.children_user + times.children_system


class _Kept:
    """What is kept of the products while they are built into a collection: words and names."""

    def __init__(self) -> None:
        self._words: Counter[str] = Counter()
        self._brands: Counter[str] = Counter()
        self._terms: list[np.ndarray] = []
        self._weights: list[np.ndarray] = []

    def each(self, points: Iterator[Point]) -> Iterator[Point]:
        """The points, as they are."""
        for point in points:
            self._words.update(set(split_words(point.payload["title"])))
            self._brands[point.payload["brand"]] += 1
            self._terms.append(point.sparse[WORDS].indices)
            self._weights.append(point.sparse[WORDS].values)
            yield point

    def write(self, folder: Path, variant: Variant) -> None:
        """Write the vocabulary, as an ingest does, and the word vectors."""
        words = Words.of(WORD_SETTINGS)
        counted = (
            CountedWord(word, words.terms(word)[0], count) for word, count in self._words.items()
        )
        names = [CountedName("brand", *each) for each in self._brands.most_common()]
        write_vocabulary(variant.folder / FILE, "", counted, names)
        np.savez(
            folder / "words.npz",
            terms=np.concatenate(self._terms),
            weights=np.concatenate(self._weights),
            lengths=[len(each) for each in self._terms],
        )


class BM25:
    """BM25 over all products, with the engine's formula of the IDF."""

    def __init__(self, folder: Path, n: int) -> None:
        kept = np.load(folder / "words.npz")
        self._terms, columns = np.unique(kept["terms"], return_inverse=True)
        starts = np.concatenate([[0], np.cumsum(kept["lengths"])])
        shape = n, len(self._terms)
        self._weights = csr_array((kept["weights"], columns, starts), shape=shape)
        counts = np.bincount(columns)
        self._idf = np.log(1 + (n - counts + 0.5) / (counts + 0.5))

    def best(self, texts: Sequence[str]) -> list[list[float]]:
        """The scores of the best products of each text."""
        words = Words.of(WORD_SETTINGS)
        found = []
        for text in texts:
            query = words.query(text, brand=text)
            wanted = np.zeros(len(self._terms))
            if query is not None:
                places = np.flatnonzero(np.isin(self._terms, query.indices))
                wanted[places] = self._idf[places]
            scores = self._weights @ wanted
            best = np.sort(scores[scores > 0])[::-1][:K]
            # A search by words shows the share of the best score.
            found.append((best / best[0]).tolist() if len(best) else [])
        return found
