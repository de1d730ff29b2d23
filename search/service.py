"""Searching one installation: its variants, their collections, and an engine for each.

A process that serves many searches, such as the page, holds one `SearchService`. Threads share the
models, which are loaded when first needed. The next search uses a variant or a collection that was
built again in the meantime.
"""

import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from encoder.errors import EncoderError
from encoder.variant import MANIFEST, Variant
from encoder.variants import Variants
from qdrant.errors import StoreError
from qdrant.model import Collection, Filters
from qdrant.store import Store, open_store
from search.engine import Engine
from search.query import Result, SearchError

if TYPE_CHECKING:
    from encoder.encoder import Encoder

MODELS_KEPT = 3  # the usual variants; a CLIP ViT-B/32 takes 600 MB in float32
RANDOM_DIRECTIONS = 24  # directions that a display of products is drawn from


@dataclass(frozen=True, slots=True)
class VariantStatus:
    """A variant and what can be searched of it.

    Attributes:
        name: the variant's.
        variant: None where it is gone or unreadable.
        collection: None where there is none.
        problem: why it cannot be searched, and what to do; empty where it can.
    """

    name: str
    variant: Variant | None
    collection: Collection | None
    problem: str = ""


class SearchService:
    """The searchable side of one installation; threads may share it.

    Args:
        home: the installation's folder.
        store: where its collections live; by default what `open_store` opens.
    """

    def __init__(self, home: Path, store: Store | None = None) -> None:
        self.home = home
        self.store = store or open_store(home)
        self._variants = Variants(home)
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store."""
        self.store.close()

    def statuses(self) -> list[VariantStatus]:
        """Every variant and every collection there is, by name, the unusable ones too."""
        names = {file.parent.name for file in self._variants.folder.glob(f"[!.]*/{MANIFEST}")}
        with suppress(StoreError):  # which one is broken is told by its own status
            names |= {collection.variant for collection in self.store.collections()}
        return [self.status(name) for name in sorted(names)]

    def status(self, name: str) -> VariantStatus:
        """One variant and its collection; what is missing or broken is told as `problem`."""
        variant = collection = None
        problem = ""
        try:
            variant = self._variants.get(name)
        except EncoderError as error:
            problem = str(error)
        try:
            collection = self.store.collection(name)
            if variant:
                self._open(variant)
        except (StoreError, SearchError) as error:
            problem = problem or str(error)
        return VariantStatus(name, variant, collection, problem)

    def engine(self, name: str) -> Engine:
        """The engine of a variant as it is now; its model is not loaded by this.

        Raises:
            VariantMissing, CollectionMissing, VariantMismatch: it cannot be searched.
        """
        variant = self._variants.get(name)
        with self._lock:
            engine = self._engines.get(name)
            if engine is None or engine.variant.fingerprint != variant.fingerprint:
                engine = self._engines[name] = self._open(variant)
            self._engines.move_to_end(name)
            while len(self._engines) > MODELS_KEPT:
                self._engines.popitem(last=False)
        return engine

    def product(self, name: str, product_id: str) -> dict[str, Any] | None:
        """What the variant's collection tells of a product; None where it has no such."""
        point = self.store.retrieve(name, [product_id]).get(product_id)
        return point.payload if point else None

    def display(self, name: str, filters: Filters, k: int) -> tuple[Result, ...]:
        """Products for a person who has not asked for anything yet: varied, always the same.

        The best of some fixed random directions in turn, since the products nearest to a single
        one resemble each other. Scores mean nothing here.
        """
        collection = self.store.collection(name)
        draw = np.random.default_rng(0)
        directions = draw.standard_normal((RANDOM_DIRECTIONS, collection.dim)).astype(np.float32)
        for vector in ("fused", "text"):
            found = self.store.search(name, directions, vector=vector, k=k, filters=filters)
            turns = chain.from_iterable(zip_longest(*found))
            varied = {hit.id: hit for hit in turns if hit}
            if varied:
                break
        return tuple(
            Result(rank, hit.id, hit.score, vector, hit.payload)
            for rank, hit in enumerate(list(varied.values())[:k], start=1)
        )

    def _open(self, variant: Variant) -> Engine:
        return Engine(variant, self.store, _Model(variant))


class _Model:
    """A variant's encoder: loaded by whoever asks first, while others wait."""

    def __init__(self, variant: Variant) -> None:
        self._variant = variant
        self._encoder: Encoder | None = None
        self._lock = threading.Lock()

    def __call__(self) -> "Encoder":
        with self._lock:
            if self._encoder is None:
                from encoder.encoder import Encoder  # torch takes seconds; a page is shown sooner

                self._encoder = Encoder.load(self._variant)
            return self._encoder
