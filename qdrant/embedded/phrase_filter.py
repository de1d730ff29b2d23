"""Searches under phrases, which the engine has no index of: it is given the points by their ids.

It takes 3 ms of processor time for a list of 10,000 ids and 27 ms for one of 50,000, in each
search. So where many products have a phrase and many have not, more are searched for than are
wanted, without the phrase, and those that it allows are chosen.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import qdrant_edge as qe

from qdrant.embedded import mapping
from qdrant.embedded.columns import Columns
from qdrant.embedded.facts import KeptFacts
from qdrant.engine import Search
from qdrant.filters import Condition, split_phrases
from qdrant.model import Ranking

LISTED = 10_000  # ids that are always listed
# Products that are searched for, instead of longer lists, and times as many as would be needed if
# each product were as likely to have the phrase.
WIDEST, MARGIN = 5_000, 1.3
LISTS_KEPT = 4  # of the parts of a hybrid search, and of its pages, all have one


@dataclass(frozen=True)
class Widened:
    """A search for more products than are wanted, without its phrases.

    Attributes:
        search: it.
        wanted: the number of products that the search under the phrases finds.
        allowed: gives which of some points the phrases allow, by their numbers, bool (n,).
    """

    search: Search
    wanted: int
    allowed: Callable[[Sequence[int]], np.ndarray]

    def choose(self, found: Ranking[int]) -> Ranking[int]:
        """Return the best of what was found that the phrases allow, as many as are wanted."""
        best = np.flatnonzero(self.allowed(found.ids))[: self.wanted].tolist()
        return Ranking([found.ids[row] for row in best], [found.scores[row] for row in best])


class PhraseFilter:
    """Phrases as lists of points, in one generation; threads may share it.

    Args:
        facts: of its products.
        columns: with an index of phrases.
    """

    def __init__(self, facts: KeptFacts, columns: Columns) -> None:
        self._facts = facts
        self._columns = columns
        self._listed = lru_cache(LISTS_KEPT)(self._list)

    def filter_of(self, conditions: Sequence[Condition]) -> qe.Filter | None:
        """Return conditions as the engine's filter, None for none."""
        phrases, others = split_phrases(conditions)
        rest = mapping.filter_of(others)
        if not phrases:
            return rest
        listed = self._listed(phrases)
        return qe.Filter(must=[rest, listed]) if rest else listed

    def count(self, conditions: Sequence[Condition]) -> int:
        """Return the number of products that meet all conditions."""
        return int(np.count_nonzero(self._columns.meeting(conditions)))

    def rank(
        self,
        searches: Sequence[Search],
        rank: Callable[[Sequence[Search]], list[Ranking[int]]],
    ) -> list[Ranking[int]]:
        """Return the nearest points of each search, best first.

        Args:
            searches: under phrases or without.
            rank: searches, with lists of ids for phrases.
        """
        widened = [self._widened(search) for search in searches]
        found = rank(
            [
                wide.search if wide else search
                for wide, search in zip(widened, searches, strict=True)
            ]
        )
        short: list[int] = []
        for number, wide in enumerate(widened):
            if wide:
                found[number] = wide.choose(found[number])
                if len(found[number]) < wide.wanted:
                    short.append(number)
        if short:
            again = rank([searches[number] for number in short])
            for number, ranking in zip(short, again, strict=True):
                found[number] = ranking
        return found

    def _widened(self, search: Search) -> Widened | None:
        """What finds the same without a long list of ids; None where that takes longer."""
        phrases, others = split_phrases(search.conditions)
        if not phrases:
            return None
        allowed = self._columns.meeting(phrases)
        if min(number := int(allowed.sum()), len(allowed) - number) <= LISTED:
            return None
        searched, matching = self.count(others), self.count(search.conditions)
        limit = min(math.ceil(search.limit * MARGIN * searched / max(matching, 1)), searched)
        if limit > WIDEST:
            return None
        return Widened(
            replace(search, conditions=list(others), limit=max(limit, search.limit)),
            min(search.limit, matching),
            lambda numbers: allowed[self._facts.products(numbers)],
        )

    def _list(self, phrases: tuple[Condition, ...]) -> qe.Filter:
        """A filter by the ids of the points that the phrases allow, or of all others."""
        allowed = self._columns.meeting(phrases)
        excluding = 2 * int(allowed.sum()) > len(allowed)
        ids, products = self._facts.index[0], self._facts.index[4].astype(np.int64)
        listed = qe.HasIdCondition(set(ids[allowed[products] != excluding].tolist()))
        return qe.Filter(must_not=[listed]) if excluding else qe.Filter(must=[listed])
