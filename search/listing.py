"""Listing: all products that pass filters in the order of a fact, where there is no query."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from qdrant.figures import First
from qdrant.filters import DATE_FIELDS
from qdrant.model import ATTRIBUTES, Collection, Filters, Range, Where
from qdrant.store import Store
from search.folding import FOLD_FACTS, Group, fold_variants
from search.fusion import Candidate
from search.ordering import FACTS, sort, sort_keys
from search.pipeline import shown_facts
from search.results import Folded, Result

LISTED = 4_000  # products of one order: more than the pages show where no variants are folded
# Products with the same fact as the last one listed whose ids decide which of them are: of more, as
# where half of a shop has no price, the first ones in the order of the collection.
MOST_EQUAL = 10_000
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
        mean = self._mean_rating(variant, filters) if by == "rating" else None
        points: list[int] = []
        keys = np.empty(0)
        for block in self._store.figures(variant, FACTS[by], filters, _sufficient(by)):
            new = sort_keys(by, block.values, mean or 0.0)
            chosen = _first(new)
            points += block.points[chosen].tolist()
            keys = np.concatenate([keys, new[chosen]])
            first = _first(keys)
            points, keys = [points[row] for row in first.tolist()], keys[first]
        names = (*FACTS[by], *FOLD_FACTS)
        products = self._store.facts(variant, points, names).values()
        candidates = sort(list(_candidates(products, names)), by, mean)[:LISTED]
        return fold_variants(candidates) if fold else [Group(each) for each in candidates]

    def _mean_rating(self, variant: str, filters: Filters) -> float | None:
        total, number = 0.0, 0
        for block in self._store.figures(variant, ["rating"], filters):
            known = block.values["rating"][~np.isnan(block.values["rating"])]
            total, number = total + float(known.sum()), number + len(known)
        return round(total / number, 6) if number else None


def _candidates(products: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Iterator[Candidate]:
    for product in products:
        facts = {name: product[name] for name in names if name in product}
        yield Candidate(product["id"], 0.0, {}, facts)


def _sufficient(by: str) -> First | None:
    """The products of which `_first` takes some; None where no index has their order."""
    if by == "rating":
        return None  # mixed with the mean of all that pass
    [fact] = FACTS[by]
    return First(fact, by != "price", LISTED, LISTED + MOST_EQUAL)


def _first(keys: np.ndarray) -> np.ndarray:
    """The places of the first `LISTED` keys, and of those that equal the last of them."""
    if len(keys) <= LISTED:
        return np.arange(len(keys))
    last = np.partition(keys, LISTED - 1)[LISTED - 1]  # NaN comes last
    missing = np.isnan(keys)
    before, equal = (~missing, missing) if np.isnan(last) else (keys < last, keys == last)
    first = np.flatnonzero(before)
    return np.concatenate([first, np.flatnonzero(equal)[: LISTED + MOST_EQUAL - len(first)]])
