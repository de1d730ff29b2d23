"""The position-based click model: a click needs a look at the position, and an attractive product.

P(click) = examination(position) × attractiveness(query, product). Richardson et al., WWW 2007, and
Craswell et al., WSDM 2008, state it; the estimates are those of expectation maximisation (Chuklin,
Markov and de Rijke, Click Models for Web Search, 2015, section 4.2). Of products that were always
shown at one position the two factors cannot be separated. So examination is estimated from those
alone that were seen for the same query at several positions, as by intervention harvesting
(Agarwal et al., WSDM 2019): when a collection is built again, or by another variant, order changes.
"""

from dataclasses import dataclass

import numpy as np

from eval import EvalError

# What a position needs of products that were seen elsewhere, too: impressions, and clicks. The
# standard error of a rate of 0.1 is 0.02 then.
MIN_MOVED, MIN_CLICKS = 200, 20
# Examinations at the mean attractiveness that each product is given before its own: one that was
# seen once is not the best for its one click.
PRIOR = 10.0
ITERATIONS, TOLERANCE = 2_000, 1e-6
RESAMPLES = 100  # of queries, for the intervals of examination; each begins at the estimate
ITERATIONS_OF_RESAMPLE = 200
LEAST = 1e-4  # of a probability, so that no division is by zero


@dataclass(frozen=True, slots=True)
class Impressions:
    """Counts of pairs of a query and a product at positions; arrays of one length.

    Attributes:
        query: number of the query, from 0.
        pair: number of the pair, from 0.
        position: counted from 0.
        shown: how often.
        clicked: how often with a click.
    """

    query: np.ndarray
    pair: np.ndarray
    position: np.ndarray
    shown: np.ndarray
    clicked: np.ndarray

    def where(self, kept: np.ndarray) -> "Impressions":
        """Some of the counts."""
        return Impressions(
            self.query[kept],
            self.pair[kept],
            self.position[kept],
            self.shown[kept],
            self.clicked[kept],
        )


@dataclass(frozen=True, slots=True)
class Examination:
    """How often each position is looked at, relative to the one that is looked at most.

    Attributes:
        value: by position, counted from 0.
        low: lower end of the 95 % interval.
        high: upper end.
        moved: impressions that the estimate rests on; 0 where it was given.
    """

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    moved: np.ndarray

    @classmethod
    def by_decay(cls, decay: float, depth: int) -> "Examination":
        """(1 / position)^decay, as Joachims, Swaminathan and Schnabel, WSDM 2017, simulate it."""
        value = np.arange(1.0, depth + 1) ** -decay
        return cls(value, value, value, np.zeros(depth))


def estimate_examination(seen: Impressions, *, seed: int = 0) -> Examination:
    """Estimate examination from products that were seen at several positions.

    Args:
        seen: all counts.
        seed: of the resamples.

    Raises:
        EvalError: too few were.
    """
    moved = _connected(seen)
    depth = int(moved.position.max(initial=-1)) + 1
    if depth < 2:
        raise EvalError(_too_few(seen))
    value = _fit(moved, np.full(depth, 0.5), np.ones(len(moved.shown)))
    rng = np.random.default_rng(seed)
    queries = np.unique(moved.query, return_inverse=True)[1]
    resampled = np.array(
        [
            _fit(
                moved,
                value,
                rng.multinomial(queries.max() + 1, _even(queries))[queries],
                ITERATIONS_OF_RESAMPLE,
            )
            for _ in range(RESAMPLES)
        ]
    )
    low, high = np.quantile(resampled, (0.025, 0.975), axis=0)
    return Examination(value, low, high, np.bincount(moved.position, moved.shown))


def estimate_attractiveness(seen: Impressions, examination: np.ndarray) -> np.ndarray:
    """The chance of a click on each pair where it is looked at, drawn towards the log's mean.

    Args:
        seen: counts at the positions of `examination` alone.
        examination: by position.
    """
    looked = examination[seen.position]
    shown = np.bincount(seen.pair, seen.shown)
    clicked = np.bincount(seen.pair, seen.clicked)
    mean = seen.clicked.sum() / max((looked * seen.shown).sum(), 1.0)
    mean = min(max(mean, LEAST), 1 - LEAST)
    attractive = np.full(len(shown), mean)
    for _ in range(ITERATIONS):
        before = attractive
        imputed = _imputed(seen, attractive[seen.pair], looked)
        attractive = (clicked + np.bincount(seen.pair, imputed) + PRIOR * mean) / (shown + PRIOR)
        if np.abs(attractive - before).max() < TOLERANCE:
            break
    return attractive


def _fit(
    moved: Impressions, start: np.ndarray, weight: np.ndarray, iterations: int = ITERATIONS
) -> np.ndarray:
    """Examination by expectation maximisation; 1 where it is highest."""
    shown, clicked = moved.shown * weight, moved.clicked * weight
    weighted = Impressions(moved.query, moved.pair, moved.position, shown, clicked)
    pairs, depth = int(moved.pair.max()) + 1, len(start)
    of_pair = np.maximum(np.bincount(moved.pair, shown, pairs), LEAST)
    of_position = np.maximum(np.bincount(moved.position, shown, depth), LEAST)
    examination, attractive = start.copy(), np.full(pairs, 0.5)
    for _ in range(iterations):
        before = examination
        looked, liked = examination[moved.position], attractive[moved.pair]
        missed = _imputed(weighted, liked, looked)  # liked, and not looked at
        passed = _imputed(weighted, looked, liked)  # looked at, and not liked
        attractive = np.bincount(moved.pair, clicked + missed, pairs) / of_pair
        examination = np.bincount(moved.position, clicked + passed, depth) / of_position
        attractive = attractive.clip(LEAST, 1 - LEAST)
        examination = examination.clip(LEAST, 1 - LEAST)
        if np.abs(examination - before).max() < TOLERANCE:
            break
    return examination / examination.max()


def _imputed(seen: Impressions, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Impressions without a click of which the first cause held, and the other did not."""
    return (seen.shown - seen.clicked) * one * (1 - other) / np.maximum(1 - one * other, LEAST)


def _even(queries: np.ndarray) -> np.ndarray:
    count = queries.max() + 1
    return np.full(count, 1 / count)


def _moved(seen: Impressions) -> np.ndarray:
    """Which counts are of pairs that were seen at several positions."""
    return np.bincount(seen.pair)[seen.pair] > 1  # a pair and a position are one count


def _connected(seen: Impressions) -> Impressions:
    """The counts of moved pairs, down to the last position with enough of them.

    Every position is connected with the first one by pairs that were seen at both, or at others
    between them: else their ratio would be arbitrary.
    """
    while len(seen.shown):
        seen = seen.where(_moved(seen))
        depth = int(seen.position.max(initial=-1)) + 1
        enough = (np.bincount(seen.position, seen.shown, depth) >= MIN_MOVED) & (
            np.bincount(seen.position, seen.clicked, depth) >= MIN_CLICKS
        )
        reached = enough & _reached(seen, depth)
        last = depth if reached.all() else int(reached.argmin())
        if last == depth:
            break
        seen = seen.where(seen.position < last)
    return seen


def _reached(seen: Impressions, depth: int) -> np.ndarray:
    """Which positions are connected with the first one."""
    reached = np.zeros(depth, bool)
    reached[:1] = True
    while True:
        pairs = np.bincount(seen.pair, reached[seen.position]) > 0
        more = np.bincount(seen.position, pairs[seen.pair], depth) > 0
        if (more | reached).sum() == reached.sum():
            return reached
        reached |= more


def _too_few(seen: Impressions) -> str:
    moved = seen.where(_moved(seen))
    at = moved.position < 2
    shown = np.bincount(moved.position[at], moved.shown[at], 2).astype(int)
    clicked = np.bincount(moved.position[at], moved.clicked[at], 2).astype(int)
    return (
        "Position bias cannot be separated from relevance: it shows in products that were seen for "
        f"the same words at several positions. Of those, position 1 has {shown[0]:,} impressions "
        f"with {clicked[0]:,} clicks and position 2 {shown[1]:,} with {clicked[1]:,}; each needs "
        f"{MIN_MOVED} with {MIN_CLICKS}. Keep the log longer, over collections that are built "
        "again or other variants; or give --decay 1 for a look at every second, third … position "
        "half, a third … as often."
    )
