"""The engine: one pipeline from queries to results.

read        quotes, minus and misspelt words in the text               search.reading
resolve     how each query is matched in this collection             search.plan
encode      texts and pictures to vectors                            search.embedding
plan        what each part of a search compares the products with    search.plan
rank        one request to the store, fusion, exact matches          search.candidates
            sorting, folding, diversity, the page                    search.ranking
read        the payloads of what is shown, once                      search.pipeline
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

from encoder.variant import Variant
from qdrant.model import NO_FILTERS, TERMS, Collection, Filters
from qdrant.store import Store
from qdrant.vocabulary import FILE as VOCABULARY
from qdrant.vocabulary import Vocabulary
from qdrant.words import Words
from search.browsing import browse
from search.confidence import add_confidence, calibration_file, is_calibrated, outdated
from search.counting import Candidates, Counting
from search.embedding import Encoded, QueryEncoder, QueryVectors, load_variant
from search.evidence import Evidence, gather
from search.facets import Facets
from search.filter_values import check_values
from search.fingerprint import check_fingerprint
from search.listing import Listings
from search.pipeline import find, make_plans, shown_facts
from search.plan import resolve, vector_of
from search.query import Query, QueryError, check_page
from search.reading import Reader, Reading
from search.results import Result, Results
from search.settings import CANDIDATES, SearchSettings, settings_file
from search.spelling import Speller
from search.suggestions import SPELLING, Suggestion, suggest

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch, which takes seconds


class Engine:
    """Searches the collection of one variant; threads may share it.

    Args:
        variant: whose collection to search.
        store: where collections are.
        load_encoder: loads the variant's encoder; called once, by the first query with a text or
            a picture. By default `Encoder.load`.
        settings: of the search; by default those of the variant's file.
        attribute_names: gives the names of all attributes of the catalogue, for the error of a
            condition on one that is not among the filters.

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
        attribute_names: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.variant = variant
        self.store = store
        self._settings = settings
        self._settings_file = settings_file(variant)
        self._calibration_file = calibration_file(variant)
        self.vocabulary = Vocabulary(variant.folder / VOCABULARY)
        self._speller = Speller(self.vocabulary)
        self._queries = QueryEncoder(load_encoder or (lambda: load_variant(variant)))
        self._checked: Collection | None = None  # whose fingerprint is the variant's
        self.counting = Counting(store, self.collection, attribute_names, self._candidates)
        self._listings = Listings(store)
        self.collection()

    @property
    def encoder(self) -> "Encoder":
        """The variant's encoder, loaded once; other threads wait for it."""
        return self._queries.encoder

    @property
    def loaded(self) -> bool:
        """Whether the encoder is in memory, so that no query waits for it."""
        return self._queries.loaded

    @property
    def settings(self) -> SearchSettings:
        """The search settings as they are now: of the variant's file, else the default ones."""
        return self._settings or self._settings_file.value

    @property
    def settings_problem(self) -> str:
        """Why the variant's file of settings cannot be used; empty where it can."""
        return self._settings_file.problem

    @property
    def calibration_problem(self) -> str:
        """Why the calibrations cannot be used; empty where they can, or there are none."""
        if self._calibration_file.problem:
            return self._calibration_file.problem
        return outdated(self.variant.name, self._calibration_file.value, self.collection().points)

    @property
    def vocabulary_problem(self) -> str:
        """Why misspelt words are not corrected; empty where they are, or none ever was."""
        if self.collection().payload < TERMS or self.vocabulary.source():
            return ""
        return (
            f"Misspelt words are not corrected: {self.vocabulary.path} is missing or damaged. "
            f"`vitrine ingest vectors --variant {self.variant.name}` makes it again."
        )

    def collection(self) -> Collection:
        """The variant's collection as it is now.

        Raises:
            CollectionMissing: there is none.
            SearchError: it was built by another state of the variant.
        """
        collection = self.store.collection(self.variant.name)
        if collection is not self._checked:
            check_fingerprint(self.variant, collection)
            self._checked = collection
        return collection

    def open(self) -> None:
        """Open the collection and read what each search of it needs, so that none waits for it."""
        self.counting.attributes()
        self.counting.lacks_pictures()

    def vector_of(self, query: Query) -> str:
        """The vector that a query is compared with, where only vectors are.

        Raises:
            QueryError: the collection has no such vector.
        """
        return vector_of(query, self.collection())

    def match_of(self, query: Query) -> str:
        """How a query is matched in this collection: `hybrid`, `words` or `vectors`."""
        return resolve(query, self.collection()).match

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
        readings = self._read(queries, collection)
        queries = [self._resolved(reading.query, collection) for reading in readings]
        encoded = self._queries.encode(queries) if vectors is None else Encoded(vectors)
        started = perf_counter()
        found = self._search(queries, encoded.vectors, collection)
        search_seconds = perf_counter() - started
        return [
            replace(
                results,
                load_seconds=encoded.load_seconds / len(queries),
                encode_seconds=encoded.encode_seconds / len(queries),
                search_seconds=search_seconds / len(queries),
                encoded_texts=sum(text in encoded.texts for text in query.texts),
                cached_texts=sum(text in encoded.cached for text in query.texts),
                searched_for=reading.searched_for,
                notice=reading.notice,
            )
            for results, reading, query in zip(found, readings, queries, strict=True)
        ]

    def suggest(self, typed: str, k: int = 8) -> list[Suggestion]:
        """What a typed text may become; where nothing begins so, what it is a misspelling of.

        Args:
            typed: as `search.suggestions.suggest` takes it.
            k: how many.
        """
        found = suggest(self.vocabulary, typed, k)
        if found or not typed.strip():
            return found
        collection = self.collection()
        try:
            [reading] = self.read([Query(typed)])
        except QueryError:  # operators alone
            return []
        if not (collection.words and (corrected := reading.searched_for)):
            return []
        terms = Words.of(collection.words).terms(corrected)
        spelling = Suggestion(corrected, SPELLING, self._occurrences(" ".join(terms)))
        return [spelling, *suggest(self.vocabulary, corrected, k)][:k]

    def browse(
        self, filters: Filters, k: int, *, offset: int = 0, sort: str = "", fold: bool = True
    ) -> tuple[Result, ...]:
        """Products where there is no query: varied ones, or all in the order of a fact.

        Args:
            filters: of the products.
            k: how many.
            offset: results before the first one.
            sort: a key of `search.ordering.FACTS`; empty gives varied products
                (`search.browsing`), of which each page finds those before it, too.
            fold: of an order, variants of one article are one result.

        Raises:
            QueryError: as `count`; `offset` or `sort` is none that a query has; or no
                product has the category or brand.
        """
        check_page(offset, sort)
        collection, filters = self.collection(), self.counting.resolve(filters)
        if sort:
            found = self._listings.page(collection, filters, sort, k=k, offset=offset, fold=fold)
        else:
            found = browse(self.store, collection, filters, k, offset)
        if not found and not offset:
            check_values(self.store, collection.variant, filters)
        return found

    def orders(self) -> tuple[str, ...]:
        """Keys of `search.ordering.FACTS` by which some product has a place; of a generation."""
        return self._listings.orders(self.collection())

    def facets(
        self, filters: Filters = NO_FILTERS, query: Query | None = None, *, limit: int = 30
    ) -> Facets:
        """What the products that pass the filters are, counted exactly.

        A facet leaves its own filter out, so that it shows what another choice would give.

        Args:
            filters: of the products.
            query: counts only the `CANDIDATES` products that fit it best under the filters; its
                own filters and page are not used.
            limit: values of each facet, the most frequent first.

        Raises:
            QueryError: as `count`.
        """
        return self.counting.facets(filters, query, limit)

    def count(self, filters: Filters = NO_FILTERS) -> int:
        """Number of products that pass the filters.

        Raises:
            QueryError: the filters cannot hold in this collection.
        """
        return self.counting.products(filters)

    def product(self, product_id: str) -> dict[str, Any] | None:
        """The payload of a product; None where the collection has no such product."""
        return self.products([product_id]).get(product_id)

    def products(self, product_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The payloads of products by id, in one request; those that are missing are left out."""
        points = self.store.retrieve(self.variant.name, product_ids)
        return {product_id: shown_facts(point) for product_id, point in points.items()}

    def read(self, queries: Sequence[Query]) -> list[Reading]:
        """What was typed as what is searched for and encoded.

        Raises:
            QueryError: a text has no words, or says only what must not occur.
        """
        return self._read(queries, self.collection())

    def evidence(self, queries: Sequence[Query]) -> list[Evidence]:
        """What separates the texts that fit the shop from others, to be calibrated."""
        collection = self.collection()
        readings = self._read(queries, collection)
        queries = [self._resolved(reading.query, collection) for reading in readings]
        vectors = self._queries.encode(queries).vectors
        _, plans = make_plans(self.store, collection, queries, vectors, self.settings)
        return gather(self.store, collection, plans)

    def _read(self, queries: Sequence[Query], collection: Collection) -> list[Reading]:
        reader = Reader(collection, self._speller, self._occurrences)
        return [reader.read(query) for query in queries]

    def _occurrences(self, phrase: str) -> int:
        """Number of products that have some terms one after another."""
        return self.count(Filters(phrases=(phrase,)))

    def _resolved(self, query: Query, collection: Collection) -> Query:
        """A query with its filters, match and vector as the collection has them."""
        filters = self.counting.resolve(query.filters)
        return resolve(replace(query, filters=filters), collection)

    def _candidates(self, query: Query) -> Candidates:
        """The ids of the best candidates of a query, whose text is read and encoded once."""
        collection = self.collection()
        [reading] = self.read([query])
        vectors = self._queries.encode([self._resolved(reading.query, collection)]).vectors
        plain = replace(query, offset=0, fold=False, sort="", diverse=False, k=CANDIDATES)

        def candidates(filters: Filters) -> list[str]:
            [found] = self.search_batch([replace(plain, filters=filters)], vectors)
            return [each.id for each in (*found.results, *found.without_picture)]

        return candidates

    def _search(
        self, queries: Sequence[Query], vectors: Mapping[int, QueryVectors], collection: Collection
    ) -> list[Results]:
        """The results of resolved queries, without their times."""
        settings = self.settings
        calibrations = self._calibration_file.value
        searches, found = find(
            self.store,
            collection,
            queries,
            vectors,
            settings,
            pictureless=self.counting.lacks_pictures(),
            gathers=lambda plan: is_calibrated(plan.query, calibrations, collection.points),
        )
        return add_confidence(found, searches, calibrations, collection)


def name_models(models: Mapping[str, str]) -> str:
    """The models behind some vectors, for people: the one, or which vector is by which.

    Args:
        models: by vector, as `Engine.models` gives them.
    """
    if len(set(models.values())) == 1:
        return next(iter(models.values()))
    return ", ".join(f"{vector} by {model}" for vector, model in models.items())
