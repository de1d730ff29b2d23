"""Listing: all products that pass filters in the order of a fact, where there is no query."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from qdrant.filters import DATE_FIELDS
from qdrant.model import ATTRIBUTES, Collection, Filters, Range, Where
from qdrant.store import Store
from search.folding import FOLD_FACTS, Group, fold_variants
from search.formula import RATING_FACTS, mean_rating
from search.fusion import Candidate
from search.ordering import FACTS, sort
from search.pipeline import shown_facts
from search.results import Folded, Result

LISTED = 4_000  # products of one order: more than the pages show where no variants are folded
BLOCK = 10_000  # products that are sorted at once
KEPT = 8  # orders, of some 2 MB each: the pages of one listing need the same one
FOUND_BY = "listing"  # in place of a vector's name
EARLIEST = "0001-01-01T00:00:00Z"


class Listings:
    """Orders of products; threads may share them.

    Args:
        store: where the collection is.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._groups = lru_cache(KEPT)(
            lambda variant, generation, filters, by, fold: self._read(variant, filters, by, fold)
        )
        self._known = lru_cache(1)(lambda variant, generation, facts: self._count(variant, facts))

    def page(
        self, collection: Collection, filters: Filters, by: str, *, k: int, offset: int, fold: bool
    ) -> tuple[Result, ...]:
        """Some products of an order, fewer where there are no more; their scores mean nothing.

        Args:
            collection: that is read.
            filters: resolved.
            by: a key of `search.ordering.FACTS`.
            k: how many.
            offset: results before the first one.
            fold: variants of one article are one result.
        """
        order = self._groups(collection.variant, collection.generation, filters, by, fold)
        groups = order[offset : offset + k]
        points = self._store.retrieve(collection.variant, [group.best.id for group in groups])
        present = [group for group in groups if group.best.id in points]
        return tuple(
            Result(
                rank,
                group.best.id,
                0.0,
                FOUND_BY,
                shown_facts(points[group.best.id]),
                folded=tuple(Folded(each.id, each.facts.get("title", "")) for each in group.others),
            )
            for rank, group in enumerate(present, start=offset + 1)
        )

    def orders(self, collection: Collection) -> tuple[str, ...]:
        """Keys of `search.ordering.FACTS` whose fact some product has; counted once a generation.

        Args:
            collection: that is counted.
        """
        facts = {by: fact for by, (fact, *_) in FACTS.items()}
        new = collection.payload >= ATTRIBUTES  # earlier ones have no index of dates
        indexed = tuple(fact for fact in facts.values() if new or fact not in DATE_FIELDS)
        known = self._known(collection.variant, collection.generation, indexed)
        return tuple(by for by, fact in facts.items() if fact in known)

    def _count(self, variant: str, facts: Iterable[str]) -> set[str]:
        """The facts that some product has."""

        def count(fact: str) -> int:
            least = Range(gte=EARLIEST if fact in DATE_FIELDS else 0.0)
            return self._store.count(variant, Filters(where=(Where(fact, ranges=(least,)),)))

        return {fact for fact in set(facts) if count(fact)}

    def _read(self, variant: str, filters: Filters, by: str, fold: bool) -> list[Group]:
        def scan(names: Iterable[str]) -> Iterator[Mapping[str, Any]]:
            return self._store.scan(variant, list(names), filters)

        mean = mean_rating(scan(RATING_FACTS)) if by == "rating" else None
        names = (*FACTS[by], *FOLD_FACTS)
        first = _first(_candidates(scan(names), names), by, mean)
        return fold_variants(first) if fold else [Group(each) for each in first]


def _candidates(products: Iterator[Mapping[str, Any]], names: Iterable[str]) -> Iterator[Candidate]:
    for product in products:
        facts = {name: product[name] for name in names if name in product}
        yield Candidate(product["id"], 0.0, {}, facts)


def _first(candidates: Iterator[Candidate], by: str, mean: float | None) -> list[Candidate]:
    """The first `LISTED` in their order, in memory for one block more."""
    first: list[Candidate] = []
    while block := list(islice(candidates, BLOCK)):
        first = sort([*first, *block], by, mean)[:LISTED]
    return first
