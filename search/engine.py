"""The engine: embeds queries, searches the store, and ranks the hits."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from encoder.variant import Variant
from qdrant.model import NO_FILTERS, PATHS, Collection, Filters
from qdrant.store import Store
from qdrant.words import Words
from search.embedding import EmbeddedQuery, QueryVectors, embed, encode, group_rows
from search.hybrid import part_queries, ranked, results_of
from search.query import Query, QueryError, Result, Results, SearchError
from search.settings import SearchSettings, settings_file

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch, which takes seconds

RANDOM_DIRECTIONS = 24  # of which `browse` takes the nearest products in turn
EXAMPLES = 10  # values named where a filter's value does not exist


class Engine:
    """Searches the collection of one variant; threads may share it.

    Args:
        variant: whose collection to search.
        store: where collections are.
        load_encoder: loads the variant's encoder; called once, by the first query with a text or
            a picture. By default `Encoder.load`.
        settings: of the search; by default those of the variant's file.

    Raises:
        CollectionMissing: the variant has no collection yet.
        SearchError: its collection was built by another state of the variant.
    """

    def __init__(
        self,
        variant: Variant,
        store: Store,
        load_encoder: "Callable[[], Encoder] | None" = None,
        settings: SearchSettings | None = None,
    ) -> None:
        self.variant = variant
        self.store = store
        self._settings = settings
        self._settings_file = settings_file(variant)
        self._load_encoder = load_encoder or (lambda: _load_encoder(variant))
        self._encoder: Encoder | None = None
        self._loading = threading.Lock()
        self._without_picture = ("", False)  # a generation; whether it has such products
        self.collection()

    @property
    def encoder(self) -> "Encoder":
        """The variant's encoder, loaded once; other threads wait for it."""
        with self._loading:
            if self._encoder is None:
                self._encoder = self._load_encoder()
            return self._encoder

    @property
    def settings(self) -> SearchSettings:
        """The search settings as they are now: of the variant's file, else the default ones."""
        return self._settings or self._settings_file.value

    @property
    def settings_problem(self) -> str:
        """Why the variant's file of settings cannot be used; empty where it can."""
        return self._settings_file.problem

    def collection(self) -> Collection:
        """The variant's collection as it is now.

        Raises:
            CollectionMissing: there is none.
            SearchError: it was built by another state of the variant.
        """
        collection = self.store.collection(self.variant.name)
        check_fingerprint(self.variant, collection)
        return collection

    def vector_of(self, query: Query) -> str:
        """The vector that a query is compared with, where only vectors are.

        Raises:
            QueryError: the collection has no such vector.
        """
        return _vector_of(query, self.collection())

    def models(self) -> dict[str, str]:
        """The model behind each vector: hub id, or a folder of this machine; by vector."""
        text_model = self.variant.manifest.text_model
        other = {"text": text_model.name} if text_model else {}
        return dict.fromkeys(self.variant.vectors, self.variant.base) | other

    def search(self, query: Query) -> Results:
        """The k best products for one query.

        Raises:
            QueryError: no product has the category, brand or id of the query.
            SearchError: the collection was rebuilt by another state of the variant.
        """
        return self.search_batch([query])[0]

    def search_batch(
        self, queries: Sequence[Query], vectors: Mapping[int, QueryVectors] | None = None
    ) -> list[Results]:
        """The k best products for each query, embedded and searched together.

        The times of each `Results` are its equal share of the batch.

        Args:
            queries: in their order.
            vectors: from `search.embedding.encode` where the queries are encoded already.
        """
        if not queries:
            return []
        collection = self.collection()
        queries = [
            replace(_matched(query, collection), vector=_vector_of(query, collection))
            for query in queries
        ]
        load_seconds = encode_seconds = 0.0
        if vectors is None:
            vectors, load_seconds, encode_seconds = self._encode(queries)
        started = perf_counter()
        found = self._search_by_vectors(queries, vectors, collection)
        found |= self._search_by_words(queries, vectors, collection)
        search_seconds = perf_counter() - started
        return [
            replace(
                found[row],
                load_seconds=load_seconds / len(queries),
                encode_seconds=encode_seconds / len(queries),
                search_seconds=search_seconds / len(queries),
            )
            for row in range(len(queries))
        ]

    def browse(self, filters: Filters, k: int) -> tuple[Result, ...]:
        """Varied products where there is no query, the same at every call.

        The nearest products of some fixed random directions in turn, since the products nearest
        to a single one resemble each other. Their scores mean nothing.
        """
        collection = self.collection()
        rng = np.random.default_rng(0)
        with_picture = "fused" if "fused" in collection.vectors else "image"
        for vector in (with_picture, "text"):
            shape = RANDOM_DIRECTIONS, collection.dim_of(vector)
            directions = rng.standard_normal(shape).astype(np.float32)
            in_turn = chain(*zip_longest(*self._find(directions, vector, k, filters)))
            if varied := {result.id: result for result in in_turn if result}:
                first = list(varied.values())[:k]
                return tuple(replace(each, rank=rank) for rank, each in enumerate(first, start=1))
        return ()

    def facets(
        self, filters: Filters = NO_FILTERS, *, limit: int = 30
    ) -> dict[str, dict[str, int]]:
        """Number of products of each category and each brand under the other filters.

        A facet leaves its own filter out, so that it shows what another choice would give.
        """
        name = self.variant.name
        others = {"category": replace(filters, categories=()), "brand": replace(filters, brands=())}
        return {
            field: self.store.facet(name, field, rest, limit=limit)
            for field, rest in others.items()
        }

    def count(self, filters: Filters = NO_FILTERS) -> int:
        """Number of products that pass the filters."""
        return self.store.count(self.variant.name, filters)

    def product(self, product_id: str) -> dict[str, Any] | None:
        """The payload of a product; None where the collection has no such product."""
        point = self.store.retrieve(self.variant.name, [product_id]).get(product_id)
        return point.payload if point else None

    def _search_by_vectors(
        self, queries: Sequence[Query], vectors: Mapping[int, QueryVectors], collection: Collection
    ) -> dict[int, Results]:
        """Results by row of the queries that are matched by vectors alone."""
        chosen = {row: query for row, query in enumerate(queries) if query.match == "vectors"}
        embedded = embed(chosen, vectors, self.store, self.variant.name)
        found = {}
        for rows in group_rows(embedded):
            group = [embedded[row] for row in rows]
            ranked = self._rank(group)
            others = self._rank_without_picture(group, collection.generation)
            for row, results, without_picture in zip(rows, ranked, others, strict=True):
                found[row] = Results(results, without_picture)
        return found

    def _search_by_words(
        self, queries: Sequence[Query], vectors: Mapping[int, QueryVectors], collection: Collection
    ) -> dict[int, Results]:
        """Results by row of the queries that are matched by words, and by vectors beside them."""
        chosen = {row: query for row, query in enumerate(queries) if query.match != "vectors"}
        if not chosen or collection.words is None:
            return {}
        words = Words(collection.words)
        settings = self.settings
        parts = {
            row: part_queries(query, vectors.get(row), words, settings, collection.vectors)
            for row, query in chosen.items()
        }
        name = self.variant.name
        answers = iter(
            self.store.search_batch(name, [each for row in parts.values() for each in row.values()])
        )
        fused = {
            row: ranked(chosen[row], {part: next(answers) for part in searches}, settings)
            for row, searches in parts.items()
        }
        ids = [each.id for products in fused.values() for each in products]
        products = self.store.retrieve(name, ids)
        found = {
            row: Results(tuple(results_of(chosen[row], fused[row], products))) for row in chosen
        }
        for row, results in found.items():
            if not results.results:
                self._check_values(chosen[row].filters)
        return found

    def _encode(self, queries: Sequence[Query]) -> tuple[dict[int, QueryVectors], float, float]:
        """The queries' vectors, the seconds until the model was loaded, and those in the model."""
        if not any(query.encoded for query in queries):
            return {}, 0.0, 0.0
        started = perf_counter()
        encoder = self.encoder
        loaded = perf_counter()
        vectors = encode(queries, encoder)
        return vectors, loaded - started, perf_counter() - loaded

    def _rank(self, group: Sequence[EmbeddedQuery]) -> list[tuple[Result, ...]]:
        """The k best products of each search of a group."""
        first = group[0]
        vectors = np.stack([query.vector for query in group])
        ranked = self._find(vectors, first.vector_name, first.k, first.filters)
        if not all(ranked):
            self._check_values(first.filters)
        return ranked

    def _rank_without_picture(
        self, group: Sequence[EmbeddedQuery], generation: str
    ) -> list[tuple[Result, ...]]:
        """Products that have neither `image` nor `fused`, by their text."""
        first = group[0]
        if (
            first.vector_name == "text"
            or first.filters.has_picture is not None
            or not self._has_products_without_picture(generation)
        ):
            return [()] * len(group)
        filters = replace(first.filters, has_picture=False)
        vectors = [query.text_vector for query in group if query.text_vector is not None]
        found = iter(self._find(np.stack(vectors), "text", first.k, filters) if vectors else ())
        return [() if query.text_vector is None else next(found) for query in group]

    def _has_products_without_picture(self, generation: str) -> bool:
        """Whether any product has no picture; counted once a generation."""
        if self._without_picture[0] != generation:
            self._without_picture = (generation, self.count(Filters(has_picture=False)) > 0)
        return self._without_picture[1]

    def _find(
        self, vectors: np.ndarray, vector: str, k: int, filters: Filters
    ) -> list[tuple[Result, ...]]:
        """The k nearest products of each query vector of shape (n, d)."""
        found = self.store.search(self.variant.name, vectors, vector=vector, k=k, filters=filters)
        return [
            tuple(
                Result(rank, hit.id, hit.score, vector, hit.payload)
                for rank, hit in enumerate(hits, start=1)
            )
            for hits in found
        ]

    def _check_values(self, filters: Filters) -> None:
        """Report a category or brand that no product has; else an empty result is right."""
        for value in filters.categories:
            if not self.count(Filters(categories=(value,))):
                raise self._no_such_value("category", "categories", value)
        for value in filters.brands:
            if not self.count(Filters(brands=(value,))):
                raise self._no_such_value("brand", "brands", value)

    def _no_such_value(self, field: str, plural: str, value: str) -> QueryError:
        """The error of a filter's value that no product has, with the most frequent values."""
        known = self.store.facet(self.variant.name, field, limit=EXAMPLES + 1)
        sentence = f"No product has the {field} “{value}”. {_examples(known, plural)}"
        name = self.variant.name
        if field == "category" and self.store.collection(name).payload < PATHS:
            sentence += (
                " This collection has departments only: "
                f"`vitrine ingest vectors --variant {name}` adds the deeper steps."
            )
        return QueryError(sentence)


def _vector_of(query: Query, collection: Collection) -> str:
    """The vector that a query is compared with, where only vectors are.

    Raises:
        QueryError: the collection has no such vector.
    """
    if not query.vector:
        if "fused" in collection.vectors:
            return "fused"
        return "image" if query.picture or query.like else "text"
    if query.vector not in collection.vectors:
        raise QueryError(
            f"The variant {collection.variant} has no `{query.vector}` vectors: its texts and its "
            f"pictures are embedded by two models. Search {' or '.join(collection.vectors)}."
        )
    return query.vector


def _matched(query: Query, collection: Collection) -> Query:
    """A query, matched as it can be: by words where it has a text and the collection has them."""
    if query.match == "vectors" or (query.text and collection.words):
        return query
    return replace(query, match="vectors")


def check_fingerprint(variant: Variant, collection: Collection) -> None:
    """Refuse a collection whose vectors are not comparable with the variant's.

    Raises:
        SearchError: it was built by another state of the variant.
    """
    if collection.fingerprint != variant.fingerprint:
        raise SearchError(
            f"The collection of {variant.name} was built with fingerprint "
            f"{collection.fingerprint}, and the variant now has {variant.fingerprint}: "
            "their vectors cannot be compared. "
            f"Run `vitrine ingest vectors --variant {variant.name}`."
        )


def _load_encoder(variant: Variant) -> "Encoder":
    from encoder.encoder import Encoder  # torch takes seconds; a page is shown sooner

    return Encoder.load(variant)


def _examples(known: dict[str, int], plural: str) -> str:
    """Some of the values there are, most frequent first."""
    if not known:
        return f"This collection has no {plural}."
    first = ", ".join(list(known)[:EXAMPLES])
    return f"There are {first}{' and others' if len(known) > EXAMPLES else ''}."
