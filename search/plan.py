"""From a query and its vectors to what the store is searched for."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from qdrant.model import VECTORS, WORDS, Collection, Filters, Point, SparseVector, VectorQuery
from qdrant.words import Words, code_query
from search.avoidance import Term, move_away, term_of
from search.embedding import QueryVectors
from search.exact import CODE
from search.query import Query, QueryError
from search.settings import SearchSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """One ranking of products, to be found for a query.

    Attributes:
        query: as the collection can answer it.
        name: what the results are said to be found by: the match, or the vector.
        parts: what each part of the search compares the products with. A part has the name of the
            products' vector, or is `CODE`, or `like:ID` where several products are liked.
        weights: of the parts, where they are fused; empty where the scores of vectors are kept, of
            several the highest.
        filters: what every product must satisfy.
        avoided: terms that no product may be about.
        pictureless: whether, of the page, only the products without a picture are shown.
    """

    query: Query
    name: str
    parts: Mapping[str, np.ndarray | SparseVector]
    weights: Mapping[str, float]
    filters: Filters
    avoided: tuple[Term, ...] = ()
    pictureless: bool = False

    @property
    def compared(self) -> str:
        """The name of the vector by which its products are compared with one another."""
        if self.name in VECTORS:
            return self.name
        return next((part for part in ("fused", "image") if part in self.parts), "text")

    def vector_of(self, part: str) -> str:
        """The name of the products' vector that a part compares."""
        if part == CODE:
            return WORDS
        return part if part in (WORDS, *VECTORS) else self.name

    def searches(self, depth: int) -> dict[str, VectorQuery]:
        """The searches of its parts, each for so many products.

        By words a product is found that has the two words of a compound one after another: one of
        both alone, such as the "brush" of a hairbrush in "brushed metal", is another word.
        """
        compounds = self.query.compounds
        filters = {
            WORDS: replace(self.filters, phrases=(*self.filters.phrases, *compounds))
            if compounds
            else self.filters
        }
        return {
            part: VectorQuery(
                self.vector_of(part), compared, depth, filters.get(part, self.filters)
            )
            for part, compared in self.parts.items()
        }


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
        order: tuple[str, ...] = ("text", "image")
        if query.picture or query.like:
            order = ("image", "text")
        order = (*order, "fused") if pictured else ("fused", *order)
        return next(name for name in order if name in collection.vectors)
    if query.vector not in collection.vectors:
        raise QueryError(
            f"The collection of {collection.variant} has no `{query.vector}` vectors: its texts "
            "and its pictures are embedded by two models, or it is stored without them. Search "
            f"{' or '.join(collection.vectors)}."
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
        self._words = Words.of(collection.words) if collection.words else None

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
        liked = [self._product(product) for product in query.like]
        if not all(name in product.vectors for product in liked):
            name = self._common_vector(liked)
        if liked:
            parts = {f"like:{product.id}": product.vectors[name] for product in liked}
            if len(liked) == 1:
                parts = {name: liked[0].vectors[name]}
        else:
            vector = vectors.compared(name, query.weight) if vectors else None
            if vector is None:
                raise QueryError(
                    f"The `text` vectors of {self._collection.variant} are of a text model, which "
                    "reads no pictures: search by `image`, or with words."
                )
            parts = {name: vector}
        return self._plan(query, name, parts, {}, vectors)

    def plan_without_picture(self, plan: Plan, vectors: QueryVectors | None) -> Plan | None:
        """Plan the ranking of the products that have neither `image` nor `fused`, by their text.

        They are shown where a search by text alone has them on its page: so they are no more than
        fit as well as what has a picture.

        Returns:
            None where the query's results hold them already, or it has nothing to compare with
            their texts.
        """
        query = plan.query
        if plan.weights or plan.name == "text" or query.filters.has_picture is not None:
            return None
        if "text" not in self._collection.vectors:
            return None
        parts: dict[str, np.ndarray]
        if query.like:
            parts = {f"like:{name}": self._product(name).vectors["text"] for name in query.like}
            if len(parts) == 1:
                parts = {"text": next(iter(parts.values()))}
        else:
            vector = vectors.compared("text", query.weight) if vectors else None
            if vector is None:
                return None
            parts = {"text": vector}
        return replace(self._plan(query, "text", parts, {}, vectors), pictureless=True)

    def _plan_words(self, query: Query, vectors: QueryVectors | None) -> Plan:
        """Plan a search by words, with vectors beside them where the match is hybrid."""
        if self._words is None:
            raise ValueError("a collection without words is not searched by words")
        weights = {WORDS: 1.0}
        compared: dict[str, np.ndarray | SparseVector | None] = {
            CODE: code_query(query.typed or query.text),
            WORDS: self._words.query(query.text, brand=query.text),
        }
        if query.match == "hybrid" and vectors is not None:
            weights = part_weights(query, self._settings.weights, self._collection.vectors)
            dense = [name for name in weights if name != WORDS]
            compared |= {name: _compared(name, query, vectors) for name in dense}
        parts = {name: part for name, part in compared.items() if part is not None}
        return self._plan(query, query.match, parts, weights, vectors)

    def _plan(
        self,
        query: Query,
        name: str,
        parts: Mapping[str, np.ndarray | SparseVector],
        weights: Mapping[str, float],
        vectors: QueryVectors | None,
    ) -> Plan:
        """A plan with all that its query avoids."""
        plan = Plan(query, name, parts, weights, query.filters)
        avoided: list[Term] = []
        if self._words is not None:
            avoided = [term_of(self._words.query(term)) for term in query.without]
        steered = {
            part: compared
            if isinstance(compared, SparseVector)
            else move_away(compared, list(self._avoided(plan.vector_of(part), query, vectors)))
            for part, compared in parts.items()
        }
        named = (*query.filters.exclude, *query.like, *query.unlike)
        filters = replace(query.filters, exclude=named) if named else query.filters
        return replace(plan, parts=steered, filters=filters, avoided=tuple(filter(None, avoided)))

    def _avoided(
        self, vector: str, query: Query, vectors: QueryVectors | None
    ) -> Iterator[np.ndarray]:
        """What a dense vector of the query is moved away from."""
        for term in vectors.without if vectors else ():
            if (avoided := term.compared(vector, 1.0)) is not None:
                yield avoided
        for name in query.unlike:
            own = self._product(name).vectors
            if vector in own:
                yield own[vector]
            elif "fused" in self._collection.vectors and "text" in own:  # one model embeds both
                yield own["text"]

    def _common_vector(self, products: Sequence[Point]) -> str:
        """The dense vector by which some products can be compared with all others.

        Raises:
            QueryError: a product lacks it.
        """
        for name in ("text", *self._collection.vectors):
            if all(name in product.vectors for product in products):
                return name
        lacking = next(product for product in products if "image" not in product.vectors)
        raise QueryError(
            f"The product “{lacking.id}” has no picture, and the collection of "
            f"{self._collection.variant} compares pictures alone."
        )

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
            `weight` is the share of what is compared with the text, and the rest that of `image`,
            or of another vector where that is not stored.
        weights: of the settings.
        dense: names of the collection's dense vectors; at least one.
    """
    known = {name: weight for name, weight in weights.items() if name in (WORDS, *dense)}
    if query.vector:
        named = sum(weight for name, weight in known.items() if name != WORDS)
        known = {WORDS: known.get(WORDS, 0.0), query.vector: named or 1.0}
    elif query.picture is not None:
        by_text = {name: known.get(name, 0.0) for name in (WORDS, "text")}
        share = query.weight / (sum(by_text.values()) or 1.0)
        known = {name: share * weight for name, weight in by_text.items()}
        by_picture = next(name for name in ("image", "fused", "text") if name in dense)
        known[by_picture] = known.get(by_picture, 0.0) + 1 - query.weight
    elif known.keys() <= {WORDS}:  # the weighed vectors are not stored: another stands for them
        known[dense[0]] = sum(weights.values()) - known.get(WORDS, 0.0)
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
    for query in queries:
        yield from (*query.like, *query.unlike)
