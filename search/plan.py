"""From a query and its vectors to what the store is searched for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qdrant.model import WORDS, Collection, Filters, Point, SparseVector
from qdrant.words import Words, code_query
from search.embedding import QueryVectors
from search.query import Query, QueryError
from search.settings import SearchSettings

# The part of products whose id, SKU or GTIN is the query's text: they come first.
CODE = "code"


@dataclass(frozen=True, slots=True)
class Plan:
    """One ranking of products, to be found for a query.

    Attributes:
        query: as the collection can answer it.
        name: what the results are said to be found by: the match, or the vector.
        parts: what each part of the search compares the products with. A part has the name of the
            products' vector, or is `CODE`.
        weights: of the parts, where they are fused; empty where there is one, whose own scores are
            kept.
        filters: what every product must satisfy.
    """

    query: Query
    name: str
    parts: Mapping[str, np.ndarray | SparseVector]
    weights: Mapping[str, float]
    filters: Filters


def resolve(query: Query, collection: Collection) -> Query:
    """A query with the match and the vector that it has in a collection.

    A text is matched as `hybrid` unless it names a match or a vector; where the collection has no
    words, and without a text, by vectors.

    Raises:
        QueryError: the collection has no such vector.
    """
    match = query.match or ("vectors" if query.vector else "hybrid")
    by_words = query.text != "" and collection.words is not None
    if match == "vectors" or not by_words:
        return replace(query, match="vectors", vector=vector_of(query, collection))
    if query.vector:
        vector_of(query, collection)
    return replace(query, match=match)


def vector_of(query: Query, collection: Collection) -> str:
    """The vector that a query is compared with, where only vectors are.

    A picture alone is compared with pictures: a product's own photo finds it first. With the
    match `vectors` the default is `fused`, which the reference system searches by.

    Raises:
        QueryError: the collection has no such vector.
    """
    if not query.vector:
        pictured = query.picture is not None and not query.text and query.match != "vectors"
        if "fused" in collection.vectors and not pictured:
            return "fused"
        return "image" if query.picture or query.like else "text"
    if query.vector not in collection.vectors:
        raise QueryError(
            f"The variant {collection.variant} has no `{query.vector}` vectors: its texts and its "
            f"pictures are embedded by two models. Search {' or '.join(collection.vectors)}."
        )
    return query.vector


class Planner:
    """Plans the queries of one batch.

    Args:
        collection: that is searched.
        settings: the weights of the parts.
        products: those that queries name, with their vectors, by id.
    """

    def __init__(
        self, collection: Collection, settings: SearchSettings, products: Mapping[str, Point]
    ) -> None:
        self._collection = collection
        self._settings = settings
        self._products = products
        self._words = Words(collection.words) if collection.words else None

    def plan(self, query: Query, vectors: QueryVectors | None) -> Plan:
        """Plan the ranking of a query's results.

        Args:
            query: resolved.
            vectors: of its text and its picture, where a model had to encode them.

        Raises:
            QueryError: the query cannot be compared with this collection.
        """
        if query.match != "vectors":
            return self._plan_words(query, vectors)
        name = query.vector
        if query.like:
            product = self._product(query.like)
            name = name if name in product.vectors else "text"
            excluded = replace(query.filters, exclude=(*query.filters.exclude, query.like))
            return Plan(query, name, {name: product.vectors[name]}, {}, excluded)
        vector = vectors.compared(name, query.weight) if vectors else None
        if vector is None:
            raise QueryError(
                f"The `text` vectors of {self._collection.variant} are of a text model, which "
                "reads no pictures: search by `image`, or with words."
            )
        return Plan(query, name, {name: vector}, {}, query.filters)

    def plan_without_picture(self, plan: Plan, vectors: QueryVectors | None) -> Plan | None:
        """Plan the ranking of the products that have neither `image` nor `fused`, by their text.

        Returns:
            None where the query's results hold them already, or it has nothing to compare with
            their texts.
        """
        query = plan.query
        if plan.weights or plan.name == "text" or query.filters.has_picture is not None:
            return None
        vector: np.ndarray | None
        if query.like:
            vector = self._product(query.like).vectors["text"]
        else:
            vector = vectors.compared("text", query.weight) if vectors else None
        if vector is None:
            return None
        filters = replace(plan.filters, has_picture=False)
        return Plan(query, "text", {"text": vector}, {}, filters)

    def _plan_words(self, query: Query, vectors: QueryVectors | None) -> Plan:
        """Plan a search by words, with vectors beside them where the match is hybrid."""
        if self._words is None:
            raise ValueError("a collection without words is not searched by words")
        weights = {WORDS: 1.0}
        parts: dict[str, np.ndarray | SparseVector | None] = {
            CODE: code_query(query.text),
            WORDS: self._words.query(query.text),
        }
        if query.match == "hybrid" and vectors is not None:
            weights = part_weights(query, self._settings.weights, self._collection.vectors)
            dense = [name for name in weights if name != WORDS]
            parts |= {name: _compared(name, query, vectors) for name in dense}
        present = {name: part for name, part in parts.items() if part is not None}
        return Plan(query, query.match, present, weights, query.filters)

    def _product(self, product: str) -> Point:
        if product not in self._products:
            raise QueryError(
                f"The collection of {self._collection.variant} has no product with the id "
                f"“{product}”."
            )
        return self._products[product]


def part_weights(
    query: Query, weights: Mapping[str, float], dense: Sequence[str]
) -> dict[str, float]:
    """The weights of the parts of a hybrid search; a part of weight 0 is left out.

    Args:
        query: where it names a vector, that one has the weight of all dense ones. With a picture,
            `weight` is the share of what is compared with the text, and the rest that of `image`.
        weights: of the settings.
        dense: names of the collection's dense vectors.
    """
    known = {name: weight for name, weight in weights.items() if name in (WORDS, *dense)}
    if query.vector:
        named = sum(weight for name, weight in known.items() if name != WORDS)
        known = {WORDS: known.get(WORDS, 0.0), query.vector: named or 1.0}
    elif query.picture is not None:
        by_text = {name: known.get(name, 0.0) for name in (WORDS, "text")}
        share = query.weight / (sum(by_text.values()) or 1.0)
        known = {name: share * weight for name, weight in by_text.items()}
        known["image"] = 1 - query.weight
    return {name: weight for name, weight in known.items() if weight > 0}


def _compared(name: str, query: Query, vectors: QueryVectors) -> np.ndarray | None:
    """What a dense vector is compared with: pictures with the picture, texts with the text."""
    if name == "text":
        return vectors.words if vectors.text_model else vectors.text
    if name == "image" and vectors.picture is not None:
        return vectors.picture
    return vectors.combined(query.weight)


def named_products(queries: Sequence[Query]) -> Iterator[str]:
    """The ids of the products that queries name."""
    yield from (query.like for query in queries if query.like)
