"""From the texts and pictures of queries to their vectors."""

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from encoder.variant import Variant
from encoder.vectors import fuse
from search.query import Query
from search.text_vectors import TextVectorCache, TextVectors, encode_texts

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


def encode(
    queries: Sequence[Query],
    encoder: "Encoder",
    by_text: Mapping[str, TextVectors] | None = None,
) -> dict[int, QueryVectors]:
    """Vectors of the queries that a model has to encode, by the query's row.

    Args:
        queries: each distinct text and picture is encoded once.
        encoder: the variant's.
        by_text: the vectors of the texts, where they are encoded already.
    """
    if by_text is None:
        by_text = encode_texts(_texts(queries), encoder)
    rows = {row: query for row, query in enumerate(queries) if query.encoded}
    pictures = {id(query.picture): query.picture for query in rows.values() if query.picture}
    images = encoder.encode_images(list(pictures.values())) if pictures else ()
    by_picture = dict(zip(pictures, images, strict=True))
    text_model = encoder.variant.manifest.text_model is not None

    def vectors(text: str, picture: np.ndarray | None) -> QueryVectors:
        dual, words = (by_text[text].dual, by_text[text].words) if text else (None, None)
        return QueryVectors(dual, picture, words, text_model)

    return {
        row: replace(
            vectors(query.text, by_picture.get(id(query.picture))),
            without=tuple(vectors(term, None) for term in query.without),
        )
        for row, query in rows.items()
    }


def _texts(queries: Sequence[Query]) -> list[str]:
    """The distinct texts of queries."""
    return list(dict.fromkeys(text for query in queries for text in query.texts))


def load_variant(variant: Variant) -> "Encoder":
    """Load the encoder of a variant."""
    from encoder.encoder import Encoder  # torch takes seconds; a page is shown sooner

    return Encoder.load(variant)


@dataclass(frozen=True, slots=True)
class Encoded:
    """Queries as vectors, and what that took.

    Attributes:
        vectors: of the queries that a model has to encode, by row.
        texts: that the model encoded.
        cached: texts whose vectors were kept from earlier queries.
        load_seconds: until the model was in memory.
        encode_seconds: in the model.
    """

    vectors: Mapping[int, QueryVectors] = field(default_factory=dict)
    texts: Collection[str] = ()
    cached: Collection[str] = ()
    load_seconds: float = 0.0
    encode_seconds: float = 0.0


class QueryEncoder:
    """Encodes queries with a model that the first of them loads; threads may share it.

    Args:
        load: loads the model; called once.
    """

    def __init__(self, load: "Callable[[], Encoder]") -> None:
        self._load = load
        self._encoder: Encoder | None = None
        self._loading = threading.Lock()
        self._cache = TextVectorCache()

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

    def encode(self, queries: Sequence[Query]) -> Encoded:
        """Encode each distinct text and picture of the queries that a model has to encode."""
        if not any(query.encoded for query in queries):
            return Encoded()
        started = perf_counter()
        encoder = self.encoder
        loaded = perf_counter()
        texts = _texts(queries)
        cached = self._cache.find(texts)
        made = encode_texts([text for text in texts if text not in cached], encoder)
        self._cache.keep(made)
        vectors = encode(queries, encoder, cached | made)
        return Encoded(vectors, made, cached, loaded - started, perf_counter() - loaded)
