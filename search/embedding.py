"""From queries to the vectors that the store is searched with."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from encoder.vectors import fuse
from qdrant.model import Filters
from qdrant.store import Store
from search.query import Query, QueryError

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
    """

    text: np.ndarray | None
    picture: np.ndarray | None
    words: np.ndarray | None = None
    text_model: bool = False

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


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A query with its vectors.

    Attributes:
        vector_name: the products' vector to compare with.
        k: number of hits.
        filters: what every hit must satisfy.
        vector: float32 of shape (d,), compared with `vector_name`.
        text_vector: the same, compared with the texts of products that have no picture; None
            where the query has nothing to compare them with.
    """

    vector_name: str
    k: int
    filters: Filters
    vector: np.ndarray
    text_vector: np.ndarray | None


def encode(queries: Sequence[Query], encoder: "Encoder") -> dict[int, QueryVectors]:
    """Vectors of the queries that have a text or a picture, by the query's row.

    Args:
        queries: each distinct text and picture is encoded once.
        encoder: the variant's.
    """
    encoded = {row: query for row, query in enumerate(queries) if query.encoded}
    texts = list(dict.fromkeys(query.text for query in encoded.values() if query.text))
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
        )
        for row, query in encoded.items()
    }


def embed(
    queries: Mapping[int, Query], encoded: Mapping[int, QueryVectors], store: Store, variant: str
) -> dict[int, EmbeddedQuery]:
    """Queries with their vectors, by row; those of products (`like`) are read from the collection.

    Raises:
        QueryError: the collection has no such product.
    """
    ids = [query.like for query in queries.values() if query.like]
    products = store.retrieve(variant, ids, vectors=True) if ids else {}
    embedded = {}
    for row, query in queries.items():
        name, filters = query.vector, query.filters
        vector: np.ndarray | None
        text_vector: np.ndarray | None
        if not query.like:
            vector = encoded[row].compared(name, query.weight)
            text_vector = encoded[row].compared("text", query.weight)
            if vector is None:
                raise QueryError(
                    f"The `text` vectors of {variant} are of a text model, which reads no "
                    "pictures: search by `image`, or with words."
                )
        elif product := products.get(query.like):
            name = name if name in product.vectors else "text"
            vector, text_vector = product.vectors[name], product.vectors["text"]
            filters = replace(filters, exclude=(*filters.exclude, query.like))
        else:
            raise QueryError(
                f"The collection of {variant} has no product with the id “{query.like}”."
            )
        embedded[row] = EmbeddedQuery(name, query.k, filters, vector, text_vector)
    return embedded


def group_rows(queries: Mapping[int, EmbeddedQuery]) -> list[list[int]]:
    """Rows of queries that one call of the store can answer."""
    groups: dict[tuple[str, int, Filters], list[int]] = defaultdict(list)
    for row, query in queries.items():
        groups[query.vector_name, query.k, query.filters].append(row)
    return list(groups.values())
