"""Graded queries from the log of events, corrected for position bias.

A product's value for a query is its attractiveness (`eval.click_model`) times the mean level of
what people did after a click: 1 a click alone, 2 a cart, 3 a purchase. The position changes how
often a product is looked at, and not what follows a click, so that only clicks are corrected. Its
grade is 3 times its value over that of the query's best product, rounded: nDCG does not change when
all grades of a query are multiplied.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from eval import EvalError
from eval.click_model import (
    LEAST,
    PRIOR,
    Examination,
    Impressions,
    estimate_attractiveness,
    estimate_examination,
)
from eval.queries import LabelledQuery
from events.observations import Observations
from search.syntax import read_syntax

GRADES = 3
MIN_EXAMINED = 10  # looks at a product for one query, of which it is judged
PRIOR_ACTS = 5.0  # clicks at the mean level that each product is given before its own
PAIR_GRADE = 2  # of a pair to train on: at least half as valuable as the best product
KIND = "events"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a query needs.

    Attributes:
        searches: at least so many.
        clicks: at least so many searches with a click, together over its judged products.
    """

    searches: int = 20
    clicks: int = 10


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a grade rests on.

    Attributes:
        shown: impressions at positions whose examination is known.
        examined: of them, looked at by the estimate.
        clicks: searches with a click, a cart or a purchase.
        carts: of them, those with a cart or a purchase.
        purchases: of them, those with a purchase.
        rate: chance of a click where it is looked at.
        low: lower end of its 95 % interval.
        high: upper end.
    """

    shown: int
    examined: float
    clicks: int
    carts: int
    purchases: int
    rate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Graded:
    """What the log yields.

    Attributes:
        queries: with a grade for each judged product.
        evidence: of each grade, by query and product id.
        examination: that was used.
        clicks: rate of clicks at each position, not corrected.
        shown: impressions at each position.
        counts: searches and queries by what became of them.
    """

    queries: tuple[LabelledQuery, ...]
    evidence: Mapping[str, Mapping[str, Evidence]]
    examination: Examination
    clicks: np.ndarray
    shown: np.ndarray
    counts: Mapping[str, int]

    def pairs(self) -> list[tuple[LabelledQuery, str]]:
        """Pairs of a query and a product of a high grade, to train on."""
        return [
            (query, product)
            for query in self.queries
            for product, grade in query.relevant.items()
            if grade >= PAIR_GRADE
        ]


def grade_queries(
    seen: Observations, limits: Limits = Limits(), *, decay: float | None = None, seed: int = 0
) -> Graded:
    """Grade the products of the queries that were searched and clicked often enough.

    Args:
        seen: what the log has seen.
        limits: what a query needs.
        decay: use (1 / position)^decay for examination; None: estimate it.
        seed: of the intervals of examination.

    Raises:
        EvalError: examination cannot be estimated, or no query has enough.
    """
    if not seen.seen:
        raise EvalError("The log has no search by words alone that found a product.")
    table = _Table.of(seen)
    if decay is None:
        examination = estimate_examination(table.counts, seed=seed)
    else:
        examination = Examination.by_decay(decay, int(table.counts.position.max()) + 1)
    depth = len(examination.value)
    known = table.counts.where(table.counts.position < depth)
    rates = _Rates(table, known, examination.value)
    queries, evidence = [], {}
    left_out: Counter[str] = Counter()
    best = (0, 0, "")
    for number, key in enumerate(table.queries):
        judged = rates.judged(number)
        clicks = sum(each.clicks for _, _, each in judged)
        best = max(best, (clicks, seen.searches[key], key))
        if not read_syntax(seen.texts[key]).text:
            left_out["unsearchable"] += 1
        elif seen.searches[key] < limits.searches or clicks < limits.clicks:
            left_out["too_few"] += 1
        elif len(judged) < 2:
            left_out["one_product"] += 1
        else:
            queries.append(_query(key, seen.texts[key], judged))
            evidence[key] = {product: each for product, _, each in judged}
    if not queries:
        raise EvalError(_too_few(seen, best, limits))
    position = table.counts.position
    shown = np.bincount(position, table.counts.shown)[:depth]
    clicked = np.bincount(position, table.counts.clicked)[:depth]
    counts = {
        **seen.counts,
        "queries": len(queries),
        **{f"queries_{reason}": count for reason, count in left_out.items()},
        "judged": sum(map(len, evidence.values())),
        "deeper": int(table.counts.shown.sum() - known.shown.sum()),
    }
    return Graded(
        tuple(queries), evidence, examination, clicked / np.maximum(shown, 1), shown, counts
    )


@dataclass(frozen=True)
class _Table:
    """Observations as arrays.

    Attributes:
        queries: keys by number.
        pairs: query number and product by pair number.
        counts: of the pairs.
        acts: carts and purchases of each count, (n, 2).
    """

    queries: Sequence[str]
    pairs: Sequence[tuple[int, str]]
    counts: Impressions
    acts: np.ndarray

    @classmethod
    def of(cls, seen: Observations) -> "_Table":
        queries: dict[str, int] = {}
        pairs: dict[tuple[int, str], int] = {}
        rows = []
        for (key, product, position), each in seen.seen.items():
            query = queries.setdefault(key, len(queries))
            pair = pairs.setdefault((query, product), len(pairs))
            rows.append((query, pair, position - 1, each.shown, each.clicked))
        acts = [(each.carted, each.bought) for each in seen.seen.values()]
        return cls([*queries], [*pairs], Impressions(*np.array(rows).T), np.array(acts))


class _Rates:
    """Corrected rates of all pairs.

    Args:
        table: all counts.
        known: those at positions whose examination is known.
        examination: by position.
    """

    def __init__(self, table: _Table, known: Impressions, examination: np.ndarray) -> None:
        pairs = len(table.pairs)
        kept = table.counts.position < len(examination)
        self._shown = np.bincount(known.pair, known.shown, pairs)
        self._clicks = np.bincount(known.pair, known.clicked, pairs)
        self._acts = np.stack(
            [np.bincount(known.pair, table.acts[kept, each], pairs) for each in range(2)], axis=1
        )
        looked = examination[known.position] * known.shown
        self._examined = np.bincount(known.pair, looked, pairs)
        self._rate = np.zeros(pairs)
        rates = estimate_attractiveness(known, examination)
        self._rate[: len(rates)] = rates
        mean = self._clicks.sum() / max(self._examined.sum(), 1.0)
        self._low, self._high = self._interval(min(max(mean, LEAST), 1 - LEAST))
        sums = self._clicks + self._acts.sum(axis=1)
        mean_level = sums.sum() / max(self._clicks.sum(), 1.0)
        self._level = (sums + PRIOR_ACTS * mean_level) / (self._clicks + PRIOR_ACTS)
        self._products = [product for _, product in table.pairs]
        self._of_query: dict[int, list[int]] = {}
        for pair, (query, _) in enumerate(table.pairs):
            self._of_query.setdefault(query, []).append(pair)

    def judged(self, query: int) -> list[tuple[str, float, Evidence]]:
        """Product, value and evidence of each that was looked at often enough."""
        return [
            (self._products[pair], float(self._rate[pair] * self._level[pair]), self._of(pair))
            for pair in self._of_query[query]
            if self._examined[pair] >= MIN_EXAMINED
        ]

    def _interval(self, mean: float) -> tuple[np.ndarray, np.ndarray]:
        """95 % interval of a rate, by its beta distribution after the looks at the product."""
        clicks = self._clicks + PRIOR * mean
        others = np.maximum(self._examined - self._clicks, 0) + PRIOR * (1 - mean)
        return beta.ppf(0.025, clicks, others), beta.ppf(0.975, clicks, others)

    def _of(self, pair: int) -> Evidence:
        carts, purchases = self._acts[pair]
        rate = float(self._rate[pair])
        return Evidence(
            int(self._shown[pair]),
            float(self._examined[pair]),
            int(self._clicks[pair]),
            int(carts),
            int(purchases),
            rate,
            min(rate, float(self._low[pair])),
            max(rate, float(self._high[pair])),
        )


def _query(key: str, text: str, judged: Sequence[tuple[str, float, Evidence]]) -> LabelledQuery:
    best = max(value for _, value, _ in judged)
    ranked = sorted(judged, key=lambda each: (-each[1], each[0]))
    grades = {product: round(GRADES * value / best) for product, value, _ in ranked}
    return LabelledQuery(key, text, relevant=grades, kind=KIND)


def _too_few(seen: Observations, best: tuple[int, int, str], limits: Limits) -> str:
    clicks, searches, key = best
    return (
        f"No query of {len(seen.texts):,} has {limits.searches} searches and {limits.clicks} "
        f"clicks on products that were looked at {MIN_EXAMINED} times: “{seen.texts[key][:80]}”, "
        f"which has most, has {searches:,} and {clicks:,}. Keep the log longer, or give "
        "--min-searches and --min-clicks."
    )
