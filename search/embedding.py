"""From the texts and pictures of queries to their vectors."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from encoder.variant import Variant
from encoder.vectors import fuse
from search.query import Query

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch, which takes seconds


@dataclass(frozen=True, slots=True)
class QueryVectors:
    """What a query's text and its picture are as unit vectors, float32 of shape (d,) each.

    Attributes:
        text: by the dual encoder, comparable with pictures; None without a text.
        picture: None without a picture.
        words: the text by the variant's text model, comparable with `text` vectors alone; None
            without a text, or where the variant has no text model.
        text_model: whether the variant has one.
        without: each term to avoid, as the text of a query is.
    """

    text: np.ndarray | None
    picture: np.ndarray | None
    words: np.ndarray | None = None
    text_model: bool = False
    without: tuple["QueryVectors", ...] = ()

    def compared(self, name: str, weight: float) -> np.ndarray | None:
        """The unit vector to compare with the products' vector of that name.

        Args:
            name: of the products' vector.
            weight: of the text, where a picture is there too and one model embeds both.

        Returns:
            None where there is none: a picture is not comparable with a text model's vectors.
        """
        return self.words if self.text_model and name == "text" else self.combined(weight)

    def combined(self, weight: float) -> np.ndarray:
        """One unit vector for both; `weight` is the text's, where both are there."""
        if self.text is None or self.picture is None:
            only = self.text if self.picture is None else self.picture
            if only is None:
                raise ValueError("a query without text and picture has no vector")
            return only
        return fuse(self.text, self.picture, weight)


def encode(queries: Sequence[Query], encoder: "Encoder") -> dict[int, QueryVectors]:
    """Vectors of the queries that a model has to encode, by the query's row.

    Args:
        queries: each distinct text and picture is encoded once.
        encoder: the variant's.
    """
    encoded = {row: query for row, query in enumerate(queries) if query.encoded}
    texts = list(
        dict.fromkeys(
            text for query in encoded.values() for text in (query.text, *query.without) if text
        )
    )
    pictures = {id(query.picture): query.picture for query in encoded.values() if query.picture}
    by_text = dict(zip(texts, encoder.encode_texts(texts), strict=True))
    images = encoder.encode_images(list(pictures.values()))
    by_picture = dict(zip(pictures, images, strict=True))
    text_model = encoder.variant.manifest.text_model is not None
    by_words = dict(zip(texts, encoder.encode_queries(texts), strict=True)) if text_model else {}
    return {
        row: QueryVectors(
            by_text.get(query.text),
            by_picture.get(id(query.picture)),
            by_words.get(query.text),
            text_model,
            tuple(
                QueryVectors(by_text[term], None, by_words.get(term), text_model)
                for term in query.without
            ),
        )
        for row, query in encoded.items()
    }


def load_variant(variant: Variant) -> "Encoder":
    """Load the encoder of a variant."""
    from encoder.encoder import Encoder  # torch takes seconds; a page is shown sooner

    return Encoder.load(variant)


class QueryEncoder:
    """Encodes queries with a model that the first of them loads; threads may share it.

    Args:
        load: loads the model; called once.
    """

    def __init__(self, load: "Callable[[], Encoder]") -> None:
        self._load = load
        self._encoder: Encoder | None = None
        self._loading = threading.Lock()

    @property
    def loaded(self) -> bool:
        """Whether the model is in memory."""
        return self._encoder is not None

    @property
    def encoder(self) -> "Encoder":
        """The model; other threads wait for it while it is loaded."""
        with self._loading:
            if self._encoder is None:
                self._encoder = self._load()
            return self._encoder

    def encode(self, queries: Sequence[Query]) -> tuple[dict[int, QueryVectors], float, float]:
        """The queries' vectors, the seconds until the model was loaded, and those in the model."""
        if not any(query.encoded for query in queries):
            return {}, 0.0, 0.0
        started = perf_counter()
        encoder = self.encoder
        loaded = perf_counter()
        vectors = encode(queries, encoder)
        return vectors, loaded - started, perf_counter() - loaded
