"""Searches under phrases, which the engine has no index of: it is given the points by their ids.

A list of ids takes it time, in each search. So where that is more, more products are searched for
than are wanted, without the phrases, and those that these allow are chosen.
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

# Ids of a list that take as long as one more product that is searched for. In a hybrid search both
# take 3 µs of processor time in 1,000,000 products; in 100,000 an id takes 0.8 and a product 3.6.
IDS = 2
# Times as many are searched for as would do if a phrase were as frequent among the best as it is
# among all, and times more where these were too few.
MARGIN, WIDER = 2, 8
LISTS_KEPT = 4  # the parts of a hybrid search have one list, and so have its pages


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

    def choose(self, found: Ranking[int]) -> Ranking[int] | None:
        """Return the best of what was found that the phrases allow; None where more is needed."""
        best = np.flatnonzero(self.allowed(found.ids))[: self.wanted].tolist()
        if len(best) < self.wanted and len(found) == self.search.limit:
            return None
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
        found: dict[int, Ranking[int]] = {}
        left, margin = dict(enumerate(searches)), MARGIN
        while left:
            widened = {number: self._widened(search, margin) for number, search in left.items()}
            answers = rank(
                [wide.search if wide else left[number] for number, wide in widened.items()]
            )
            for (number, wide), answer in zip(widened.items(), answers, strict=True):
                chosen = wide.choose(answer) if wide else answer
                if chosen is not None:
                    found[number] = chosen
                    del left[number]
            margin *= WIDER
        return [found[number] for number in range(len(searches))]

    def _widened(self, search: Search, margin: int) -> Widened | None:
        """What finds the same without a long list of ids; None where that takes longer."""
        phrases, others = split_phrases(search.conditions)
        if not phrases:
            return None
        passing = self.count(phrases)
        searched, matching = self.count(others), self.count(search.conditions)
        enough = math.ceil(margin * search.limit * searched / max(matching, 1))
        limit = max(min(enough, searched), search.limit)
        if IDS * limit > min(passing, len(self._facts) - passing):
            return None
        allowed = self._columns.meeting(phrases)
        return Widened(
            replace(search, conditions=list(others), limit=limit),
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
