"""What each part of a hybrid search finds for the queries, to be fused many times.

Choosing weights needs hundreds of fusions of the same hits, so these are kept as arrays, with a row
for each query and a column for each of its candidates. The order is that of `search.fusion.fuse`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np

from eval.measures import CUT, DISCOUNTS
from qdrant.model import Ranking
from search.candidates import KEPT
from search.embedding import encode
from search.engine import Engine
from search.evidence import rank
from search.exact import BRAND, CODE, CODE_FACTS, EXACT, EXACT_FACTS, TITLE, put_exact_first
from search.fusion import METHODS, Candidate
from search.pipeline import make_plans
from search.plan import resolve
from search.query import Query
from search.settings import CANDIDATES, PARTS, SearchSettings
from search.syntax import read_syntax

BATCH = 256  # queries searched together

# Added to a score, so that it is above every fused one: codes come first, then titles, then brands.
BEFORE_OTHERS = {CODE: 30.0, TITLE: 20.0, BRAND: 10.0}
DECIMALS = 9  # of a fused score, as `search.fusion.fuse` rounds it before it orders
MOST_KEPT = int(KEPT * CANDIDATES)  # of what a search has fused, where a part may have more


@dataclass
class Found:
    """What a search by parts finds for one text.

    Attributes:
        exact: the products whose code, title or brand is the text, and which of these it is.
        parts: the products of each part, best first.
        text: as it was searched for, corrected; empty where it has operators, which filter.
    """

    exact: dict[str, str] = field(default_factory=dict)
    parts: dict[str, Ranking[str]] = field(default_factory=dict)
    text: str = ""


def search_parts(engine: Engine, queries: Sequence[Query]) -> list[Found]:
    """Search as the first level of a hybrid search does, whatever the weights.

    Args:
        engine: of the variant.
        queries: with a text; those with a picture have no `fused` part, as in a hybrid search.
    """
    collection = engine.collection()
    settings = SearchSettings(weights=dict.fromkeys(PARTS, 1.0))
    found: list[Found] = []
    for start in range(0, len(queries), BATCH):
        readings = engine.read(
            [replace(query, match="hybrid") for query in queries[start : start + BATCH]]
        )
        read = [resolve(reading.query, collection) for reading in readings]
        vectors = encode(read, engine.encoder)
        _, plans = make_plans(engine.store, collection, read, vectors, settings)
        searches = [plan.searches(CANDIDATES) for plan in plans]
        rankings = rank(engine.store, collection.variant, searches)
        numbers = {number for parts in rankings for hits in parts.values() for number in hits.ids}
        names = sorted({*CODE_FACTS, *EXACT_FACTS})
        facts = engine.store.facts(collection.variant, numbers, names)
        typed = queries[start : start + BATCH]
        found += [
            _found(plan.query, parts, facts, _searched_text(query.text, reading.searched_for))
            for query, reading, plan, parts in zip(typed, readings, plans, rankings, strict=True)
        ]
    return found


def _found(
    query: Query,
    rankings: Mapping[str, Ranking[int]],
    facts: Mapping[int, Mapping[str, Any]],
    text: str,
) -> Found:
    """What was found for a query, by product ids."""
    parts = dict(rankings)
    codes = [facts[number] for number in parts.pop(CODE, Ranking()).ids]
    numbers = dict.fromkeys(chain.from_iterable(hits.ids for hits in parts.values()))
    candidates = [Candidate(facts[number]["id"], 0.0, {}, facts[number]) for number in numbers]
    exact = {
        each.id: kind
        for each in put_exact_first(query, codes, candidates)
        for kind in EXACT & each.parts.keys()
    }
    by_id = {
        part: Ranking([facts[number]["id"] for number in hits.ids], hits.scores)
        for part, hits in parts.items()
    }
    return Found(exact, by_id, text)


def _searched_text(typed: str, corrected: str) -> str:
    syntax = read_syntax(typed)
    return "" if syntax.phrases or syntax.without else corrected or syntax.text


class PartRankings:
    """The candidates of each query, and what each method makes of their places in each part.

    Args:
        found: of each query.
        grades: grade by product of each query.

    Attributes:
        parts: those that found anything.
        ids: the candidates of each query, ascending.
    """

    def __init__(self, found: Sequence[Found], grades: Sequence[Mapping[str, int]]) -> None:
        hits = {part: hits for each in found for part, hits in each.parts.items() if hits}
        self.parts = tuple(part for part in PARTS if part in hits)
        self.ids = [
            sorted({*each.exact, *chain.from_iterable(hits.ids for hits in each.parts.values())})
            for each in found
        ]
        rows, columns = len(self.ids), max(map(len, self.ids), default=0)
        self._values = {method: np.zeros((len(self.parts), rows, columns)) for method in METHODS}
        self._offsets = np.full((rows, columns), -np.inf)
        self._gains = np.zeros((rows, columns))
        self._ideal = np.zeros(rows)
        for row, (each, judged) in enumerate(zip(found, grades, strict=True)):
            self._fill(row, each, judged)
        self._found = self._values["rrf"] > 0
        # By part and query: whether there may be more candidates.
        self._full = self._found.sum(axis=2) >= CANDIDATES

    def __len__(self) -> int:
        return len(self.ids)

    def ndcg(self, settings: SearchSettings, rows: np.ndarray) -> np.ndarray:
        """NDCG@10 of some queries, float64 (n,), where the parts are fused with these settings.

        Args:
            settings: method and weights.
            rows: of the queries.
        """
        scores = self._scores(settings, rows)
        gains = np.where(scores > -np.inf, self._gains[rows], 0)
        gains = np.take_along_axis(gains, _order(scores, CUT), axis=1)
        return (gains @ DISCOUNTS[: gains.shape[1]]) / self._ideal[rows]

    def ranked(self, settings: SearchSettings, row: int, depth: int) -> list[str]:
        """The first products of a query, best first."""
        scores = self._scores(settings, np.array([row]))
        columns = (column for column in _order(scores, depth)[0] if scores[0, column] > -np.inf)
        return [self.ids[row][column] for column in columns]

    def _fill(self, row: int, found: Found, grades: Mapping[str, int]) -> None:
        columns = {product: column for column, product in enumerate(self.ids[row])}
        for number, part in enumerate(self.parts):
            hits: Ranking[str] = found.parts.get(part, Ranking())
            at = [columns[product] for product in hits.ids]
            for method, scale in METHODS.items() if hits else ():
                self._values[method][number, row, at] = scale(part, hits.scores)
        self._offsets[row, : len(columns)] = 0
        for product, kind in found.exact.items():
            self._offsets[row, columns[product]] = BEFORE_OTHERS[kind]
        for product, column in columns.items():
            self._gains[row, column] = grades.get(product, 0)
        ideal = np.sort(list(grades.values()))[::-1][:CUT]
        self._ideal[row] = ideal @ DISCOUNTS[: len(ideal)]

    def _scores(self, settings: SearchSettings, rows: np.ndarray) -> np.ndarray:
        """Fused scores, float64 (n, columns); −∞ for what no part of a weight above 0 found."""
        weights = np.array([settings.weights.get(part, 0.0) for part in self.parts])
        used = np.flatnonzero(weights)
        fused = np.zeros((len(rows), self._gains.shape[1]))
        found = np.zeros(fused.shape, bool)
        # Each query's parts that found something share the weight among them.
        for number in used:
            fused += weights[number] * self._values[settings.method][number][rows]
            found |= self._found[number][rows]
        any_hit = self._found[:, rows].any(axis=2)
        total = (weights[:, None] * any_hit).sum(axis=0)
        fused /= np.where(total > 0, total, 1)[:, None]
        scores = np.where(found, np.round(fused, DECIMALS), -np.inf)
        return _exact_first(scores, self._offsets[rows], self._full[used][:, rows].any(axis=0))


def _exact_first(scores: np.ndarray, offsets: np.ndarray, full: np.ndarray) -> np.ndarray:
    """Scores with those of exact matches above all others, of equal codes by ascending id.

    A title or a brand counts among what a search keeps of its fused candidates.

    Args:
        scores: fused, float64 (n, columns); −∞ for what was not found.
        offsets: of the exact matches, the same shape.
        full: whether a part of a query may have more candidates, bool (n,).
    """
    for row in np.flatnonzero((offsets > 0).any(axis=1)):
        last = np.sort(scores[row])[::-1][MOST_KEPT - 1 : MOST_KEPT] if full[row] else -np.inf
        kept = (scores[row] > -np.inf) & (scores[row] >= last)
        coded = offsets[row] == BEFORE_OTHERS[CODE]
        scores[row] = np.where(kept, scores[row] + offsets[row], scores[row])
        scores[row] = np.where(coded, BEFORE_OTHERS[CODE], scores[row])
    return scores


def _order(scores: np.ndarray, depth: int) -> np.ndarray:
    """Columns of the highest scores of each row, best first, equal ones by ascending id."""
    return np.argsort(-scores, axis=1, kind="stable")[:, :depth]
