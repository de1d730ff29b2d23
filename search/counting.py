"""Counting: how many products pass filters, and what they are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache, lru_cache

from qdrant.layout import MAX_RESULTS
from qdrant.model import NO_FILTERS, Collection, Filters
from qdrant.store import Store
from search.attributes import Attributes
from search.conditions import Conditions, needs_attributes
from search.facets import FacetCounter, Facets
from search.query import Query

NO_PRODUCT = "\0"  # an id that no feed has, where no product is a candidate
FACETS_KEPT = 64  # a page shows the same ones again whenever it is drawn

# The ids of the products that fit a query best, under filters.
Candidates = Callable[[Filters], Sequence[str]]


class Counting:
    """Counts the products of one variant; threads may share it.

    Args:
        store: where the collection is.
        collection: gives the collection as it is now.
        attribute_names: gives the names of all attributes of the catalogue, for the error of a
            condition on one that is not among the filters.
        candidates: gives those of a query.
    """

    def __init__(
        self,
        store: Store,
        collection: Callable[[], Collection],
        attribute_names: Callable[[], Iterable[str]],
        candidates: Callable[[Query], Candidates],
    ) -> None:
        self._store = store
        self._collection = collection
        self._attribute_names = attribute_names
        self._candidates = candidates
        self._attributes: Attributes | None = None  # of the last generation that was read
        self._facets = lru_cache(FACETS_KEPT)(
            lambda generation, filters, limit: self._count(filters, None, limit)
        )
        self._lacks_pictures = lru_cache(1)(
            lambda generation: self.products(Filters(has_picture=False)) > 0
        )

    def attributes(self) -> Attributes:
        """The attributes of the collection as it is now; read once a generation."""
        collection, found = self._collection(), self._attributes
        if found is None or found.collection != collection:
            found = Attributes.read(self._store, collection, self._attribute_names)
            self._attributes = found
        return found

    def resolve(self, filters: Filters) -> Filters:
        """Filters with names and values as the collection has them, and prices of one currency.

        Raises:
            QueryError: a condition on an attribute or a value that no product has, or a bound that
                is no number or date.
        """
        return (
            Conditions(self.attributes()).resolve(filters) if needs_attributes(filters) else filters
        )

    def products(self, filters: Filters = NO_FILTERS) -> int:
        """Number of products that pass the filters."""
        return self._store.count(self._collection().variant, self.resolve(filters))

    def lacks_pictures(self) -> bool:
        """Whether products are without a picture; looked up once a generation."""
        return self._lacks_pictures(self._collection().generation)

    def facets(self, filters: Filters, query: Query | None, limit: int) -> Facets:
        """What the products that pass the filters are, as `search.engine.Engine.facets` has it."""
        if query:
            return self._count(filters, query, limit)
        return self._facets(self._collection().generation, filters, limit)

    def _count(self, filters: Filters, query: Query | None, limit: int) -> Facets:
        filters = self.resolve(filters)
        variant = self._collection().variant
        candidates = self._candidates(query) if query else None

        @cache
        def counted(rest: Filters) -> Filters:
            """The filters of what is counted, where the others are left out."""
            if candidates is None:
                return rest
            return replace(rest, ids=tuple(candidates(rest)) or (NO_PRODUCT,))

        def count(field: str, rest: Filters, most: int) -> dict[str, int]:
            return self._store.facet(variant, field, counted(rest), limit=min(most, MAX_RESULTS))

        total = self._store.count(variant, counted(filters))
        return FacetCounter(self.attributes(), filters, count).facets(total, limit)
