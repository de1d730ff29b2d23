"""The vectors of query texts, of which those used last are kept.

The same text is encoded again while a person types and corrects it, pages through results, or
changes filters; many people type the same few hundred words.
"""

import sys
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from cachetools import LRUCache

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch, which takes seconds

MOST_BYTES = 16 * 2**20  # some 6,000 short texts of 512 dimensions
OBJECT_BYTES = 400  # of an entry's Python objects, besides its text and its numbers


@dataclass(frozen=True, slots=True)
class TextVectors:
    """A text as unit vectors, float32 of shape (d,) each.

    Attributes:
        text: that was encoded.
        dual: by the dual encoder, comparable with pictures.
        words: by the variant's text model, comparable with `text` vectors alone; None where the
            variant has none.
    """

    text: str
    dual: np.ndarray
    words: np.ndarray | None

    @property
    def bytes(self) -> int:
        """Memory that it takes, about."""
        words = 0 if self.words is None else self.words.nbytes
        return sys.getsizeof(self.text) + self.dual.nbytes + words + OBJECT_BYTES


def encode_texts(texts: list[str], encoder: "Encoder") -> dict[str, TextVectors]:
    """The vectors of distinct texts, by text."""
    if not texts:
        return {}
    # Copies: a row that is kept would keep its whole batch in memory.
    dual = [row.copy() for row in encoder.encode_texts(texts)]
    words: list[np.ndarray] | list[None] = [None] * len(texts)
    if encoder.variant.manifest.text_model:
        words = [row.copy() for row in encoder.encode_queries(texts)]
    return dict(zip(texts, map(TextVectors, texts, dual, words), strict=True))


class TextVectorCache:
    """An LRU cache of the vectors that one encoder made; threads may share it.

    Args:
        most: bytes that it may hold.
    """

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._kept = LRUCache[str, TextVectors](most, lambda vectors: vectors.bytes)
        self._lock = threading.Lock()

    def find(self, texts: Iterable[str]) -> dict[str, TextVectors]:
        """The vectors of those texts that are kept, by text."""
        with self._lock:
            return {text: self._kept[text] for text in texts if text in self._kept}

    def keep(self, made: Mapping[str, TextVectors]) -> None:
        """Keep the vectors of some texts, and forget those that were used longest ago."""
        with self._lock:
            self._kept.update(made)
