"""Text encoders: what embeds queries and product texts for `text` vectors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import numpy as np

from vitrine.batches import attempt, batched

K = TypeVar("K")
Kind = Literal["query", "document"]  # each may have a prompt of its own

WINDOW = 512  # texts sorted by length together


class TextEncoder(ABC):
    """A loaded text model; safe to use from several threads.

    Attributes:
        dim: length of its vectors.
        max_tokens: most tokens of a text.
        precision: what it computes in: "float32", "bfloat16" or "int8".
    """

    def __init__(self, dim: int, max_tokens: int, precision: str = "float32") -> None:
        self.dim, self.max_tokens, self.precision = dim, max_tokens, precision

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32, of query texts, with the model's prompt for queries."""
        return self._vectors("query", texts)

    def encode_documents(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32, of product texts, with the model's prompt for documents."""
        return self._vectors("document", texts)

    def stream_documents(
        self, items: Iterable[tuple[K, str]]
    ) -> Iterator[tuple[list[K], np.ndarray, list[tuple[K, Exception]]]]:
        """Encode any number of product texts in bounded memory.

        Yields:
            Keys, their unit vectors (n, d), and the keys whose text failed with the reason.
        """
        for window in batched(items, WINDOW):
            done, failed = attempt(
                lambda some: self.encode_documents([text for _, text in some]), window
            )
            vectors = [vector for _, vector in done] or np.empty((0, self.dim))
            yield (
                [key for (key, _), _ in done],
                np.array(vectors, dtype=np.float32),
                [(key, error) for (key, _), error in failed],
            )

    def _vectors(self, kind: Kind, texts: Sequence[str]) -> np.ndarray:
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return self._encode(kind, texts)

    @abstractmethod
    def _encode(self, kind: Kind, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32, of at least one text."""
