"""Chooses how the words of each field count, by words alone.

The fusion is chosen afterwards, on the ranking of these words: chosen together on some dozen
queries, both are further from what is best on others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np

from eval.part_rankings import Found, PartRankings
from eval.word_index import WordIndex
from qdrant.model import WORDS, Ranking
from qdrant.word_settings import WordSettings
from search.settings import CANDIDATES, SearchSettings

WORDS_ALONE = SearchSettings("convex", {WORDS: 1.0})
# What is tried, one setting after the other.
ALWAYS: Mapping[str, Sequence[float]] = {
    "title": (1, 2, 3, 4, 5, 6, 8),
    "k": (0.3, 0.6, 0.9, 1.2, 1.6, 2.0),
    "b": (0.0, 0.2, 0.4, 0.6, 0.8),
}
# These are changed where that is better by a standard error: seven settings fit some dozen queries
# better than three do, and others worse.
WHERE_CLEAR: Mapping[str, Sequence[float]] = dict.fromkeys(
    ("brand", "category", "attribute", "description"), (0, 1, 2, 3)
)
MOST_ROUNDS = 4
TRIED_IN_A_ROUND = sum(map(len, (*ALWAYS.values(), *WHERE_CLEAR.values())))
DEPTH = 50  # products of words alone that are ranked; ten are measured


@dataclass(frozen=True)
class Choice:
    """How words are weighed, and how they are fused with the other parts.

    Attributes:
        settings: of the search.
        words: of the collection.
    """

    settings: SearchSettings
    words: WordSettings


class TriedWords:
    """What the parts of a hybrid search find for some queries, under any settings of words.

    Args:
        found: by each part, with the words of the collection.
        grades: grade by product of each query.
        words: of the collection.
        index: of the catalogue's words; None where those of the collection stay.
    """

    def __init__(
        self,
        found: Sequence[Found],
        grades: Sequence[Mapping[str, int]],
        words: WordSettings,
        index: WordIndex | None = None,
    ) -> None:
        self.present = words
        self._found = found
        self._grades = grades
        self._index = index
        self._rankings = {words: PartRankings(found, grades)}
        self._alone: dict[WordSettings, np.ndarray] = {}

    def rankings(self, words: WordSettings) -> PartRankings:
        """What every part finds, to be fused."""
        if words not in self._rankings:
            self._rankings[words] = PartRankings(self._with_words(words, CANDIDATES), self._grades)
        return self._rankings[words]

    def choose(self, rows: np.ndarray) -> WordSettings:
        """The settings of words that are best on some queries; the present ones where none is.

        Args:
            rows: of the queries.
        """
        index = self._index
        if index is None:
            return self.present

        def best_of(settings: WordSettings, name: str, values: Sequence[float]) -> WordSettings:
            others: list[dict[str, Any]] = [
                {name: value} for value in values if value != getattr(settings, name)
            ]
            moved = (index.measured(replace(settings, **other)) for other in others)
            return max([settings, *moved], key=lambda each: float(self._ndcg(each)[rows].mean()))

        best = self.present
        for _ in range(MOST_ROUNDS):
            before = best
            for name, values in ALWAYS.items():
                best = best_of(best, name, values)
            for name, values in WHERE_CLEAR.items():
                moved = best_of(best, name, values)
                if is_clear(self._ndcg(moved)[rows] - self._ndcg(best)[rows]):
                    best = moved
            if best == before:
                break
        return best

    def seconds(self) -> float:
        """The most seconds that `choose` takes on both halves of the queries."""
        if self._index is None:
            return 0.0
        started = perf_counter()
        self._ndcg(self._index.measured(replace(self.present, k=self.present.k + 0.1)))
        return (perf_counter() - started) * 2 * MOST_ROUNDS * TRIED_IN_A_ROUND

    def _ndcg(self, words: WordSettings) -> np.ndarray:
        """NDCG@10 of words alone, of every query."""
        if words not in self._alone:
            found = [
                Found(each.exact, {WORDS: each.parts.get(WORDS, Ranking())})
                for each in self._with_words(words, DEPTH)
            ]
            rankings = PartRankings(found, self._grades)
            self._alone[words] = rankings.ndcg(WORDS_ALONE, np.arange(len(found)))
        return self._alone[words]

    def _with_words(self, words: WordSettings, depth: int) -> list[Found]:
        """What is found where the words are those of other settings."""
        if words == self.present or self._index is None:
            return list(self._found)
        searched = self._index.search(words, depth)
        return [
            self._replaced(each, hits, exact) if each.text else each
            for each, hits, exact in zip(self._found, searched, self._index.exact, strict=True)
        ]

    @staticmethod
    def _replaced(found: Found, hits: Ranking[str], exact: Mapping[str, str]) -> Found:
        also = {product: exact[product] for product in hits.ids if product in exact}
        return replace(found, exact=also | found.exact, parts={**found.parts, WORDS: hits})


def is_clear(gains: np.ndarray) -> bool:
    """Whether gains, float64 (n,), are above 0 by a standard error in their mean.

    On a few dozen queries, the best of hundreds of settings is better than it would be on others.
    """
    return bool(gains.mean() > gains.std(ddof=1) / np.sqrt(len(gains)))
