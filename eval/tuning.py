"""Chooses how a hybrid search fuses its parts on some queries, and proves it on others.

The method and the weights are chosen by nDCG@10 on one half of the queries: a coarse grid over the
simplex of weights first, then ever smaller steps from the best. What was chosen is measured on the
other half, beside words alone and the present settings. Queries of one cluster are on one side:
else the proof would measure what was learnt by heart.

For reports both halves change places (two-fold cross-validation): every query is then measured with
settings that were chosen without it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from time import perf_counter

import numpy as np

from eval import EvalError
from eval.comparison import Difference, Estimate, Scores, compare_variants, estimate
from eval.measures import DECIDING, score
from eval.part_rankings import PartRankings
from search.fusion import METHODS
from search.settings import SearchSettings

# Below it, an interval holds the true mean less often than stated (`eval.intervals`).
LEAST_CLUSTERS = 20  # of each half
COARSE = 4  # steps from 0 to 1 of the grid
FINEST = 1 / 16  # a smaller change of a weight moves no measure beyond its noise
MOST_ROUNDS = 12  # of steps of one length
DEPTH = 100  # results of a query that are measured

WORDS_ALONE = SearchSettings("convex", {"words": 1.0})
SYSTEMS = WORDS, PRESENT, TUNED = "words alone", "present settings", "tuned settings"


@dataclass(frozen=True)
class Comparison:
    """Words alone, the present and the tuned settings on some queries.

    Attributes:
        estimates: by measure of each.
        differences: between every two.
    """

    estimates: Mapping[str, Mapping[str, Estimate]]
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Tuning:
    """What was chosen, and how it was proved.

    Attributes:
        settings: chosen on one half of the queries.
        present: those before.
        chosen_on: number of queries of that half.
        proof: on the other half.
        cross_validation: on all queries, each measured with settings that were chosen without it.
    """

    settings: SearchSettings
    present: SearchSettings
    chosen_on: int
    proof: Comparison
    cross_validation: Comparison

    @property
    def proved(self) -> bool:
        """Whether the settings are better than the present ones, and not worse than words."""
        by_pair = {
            (each.first, each.second): each
            for each in self.proof.differences
            if each.measure == DECIDING
        }
        better = by_pair[PRESENT, TUNED].winner == TUNED
        return better and by_pair[WORDS, TUNED].winner != WORDS


def tune(
    rankings: PartRankings,
    qrels: Mapping[str, Mapping[str, int]],
    clusters: np.ndarray,
    present: SearchSettings,
    *,
    resamples: int,
    seed: int,
    notify: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Choose settings and prove them.

    Args:
        rankings: of the queries, in the order of `qrels`.
        qrels: grades by product by query.
        clusters: of the queries, int (n,).
        present: the settings of the variant.
        resamples: of the bootstrap and of the randomisation test.
        seed: of the halves and of all draws.
        notify: takes a message about each step.

    Raises:
        EvalError: there are too few independent queries.
    """
    halves = split(clusters, seed)
    started = perf_counter()
    rankings.ndcg(present, np.arange(len(rankings)))
    seconds = (perf_counter() - started) * most_fusions(len(rankings.parts))
    notify(
        f"choosing among {' and '.join(METHODS)} and the weights of {', '.join(rankings.parts)}: "
        f"at most {most_fusions(len(rankings.parts)):,} fusions of each query, {seconds:,.0f} s"
    )
    chosen = [choose(rankings, half, present) for half in halves]

    def measured(rows: np.ndarray, settings: SearchSettings) -> Scores:
        ids = list(qrels)
        ranked = {ids[row]: rankings.ranked(settings, row, DEPTH) for row in rows}
        return score({query: qrels[query] for query in ranked}, ranked)

    def systems(rows: np.ndarray, settings: SearchSettings) -> dict[str, Scores]:
        each = (WORDS_ALONE, present, settings)
        return {name: measured(rows, used) for name, used in zip(SYSTEMS, each, strict=True)}

    folds = [systems(halves[1], chosen[0]), systems(halves[0], chosen[1])]
    both = {
        name: {
            measure: np.concatenate([fold[name][measure] for fold in folds])
            for measure in folds[0][name]
        }
        for name in SYSTEMS
    }

    def compared(scores: Mapping[str, Scores], rows: np.ndarray) -> Comparison:
        return Comparison(
            estimate(scores, resamples=resamples, seed=seed, clusters=clusters[rows]),
            compare_variants(scores, resamples=resamples, seed=seed, clusters=clusters[rows]),
        )

    return Tuning(
        settings=chosen[0],
        present=present,
        chosen_on=len(halves[0]),
        proof=compared(folds[0], halves[1]),
        cross_validation=compared(both, np.concatenate([halves[1], halves[0]])),
    )


def split(clusters: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the queries that choose and of those that prove, each sorted.

    Clusters are dealt in random order, the largest first, to the half with fewer queries.

    Raises:
        EvalError: there are too few clusters.
    """
    labels, sizes = np.unique(clusters, return_counts=True)
    if len(labels) < 2 * LEAST_CLUSTERS:
        raise EvalError(
            f"There are {len(labels):,} independent queries with a text and a relevant product, "
            f"and tuning needs {2 * LEAST_CLUSTERS}: {LEAST_CLUSTERS} to choose and as many to "
            "prove. Label more queries."
        )
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    half_of = {}
    counts = [0, 0]
    for at in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        half = int(counts[1] < counts[0])
        half_of[labels[at]] = half
        counts[half] += sizes[at]
    halves = np.array([half_of[label] for label in clusters])
    return np.flatnonzero(halves == 0), np.flatnonzero(halves == 1)


def choose(rankings: PartRankings, rows: np.ndarray, present: SearchSettings) -> SearchSettings:
    """The best settings on some queries.

    The present ones stay where the best are not better by a standard error of the difference: on a
    few dozen queries, the best of hundreds of settings is better than it would be on others.
    """

    def value(settings: SearchSettings) -> float:
        return float(rankings.ndcg(settings, rows).mean())

    best = present
    for method in METHODS:
        candidates = [_settings(method, rankings.parts, each) for each in _grid(rankings.parts)]
        start = max(candidates, key=value)
        step = 1 / COARSE / 2
        while step >= FINEST:
            for _ in range(MOST_ROUNDS):
                weights = [start.weights.get(part, 0.0) for part in rankings.parts]
                moved = [
                    _settings(method, rankings.parts, each) for each in _neighbours(weights, step)
                ]
                better = max(moved, key=value)
                if value(better) <= value(start):
                    break
                start = better
            step /= 2
        best = max(best, start, key=value)
    gains = rankings.ndcg(best, rows) - rankings.ndcg(present, rows)
    return best if gains.mean() > gains.std(ddof=1) / np.sqrt(len(rows)) else present


def most_fusions(parts: int) -> int:
    """The most fusions of each query that `tune` makes: each query is in one half that chooses."""
    steps = int(np.log2(1 / COARSE / 2 / FINEST)) + 1
    around = parts * (parts - 1) + 2
    return len(METHODS) * (len(list(_grid(range(parts)))) + steps * MOST_ROUNDS * around)


def _grid(parts: Sequence[object]) -> Iterator[tuple[float, ...]]:
    """All weights that are multiples of 1 / `COARSE` and sum to 1; most of the first part first."""
    for counts in product(range(COARSE, -1, -1), repeat=len(parts)):
        if sum(counts) == COARSE:
            yield tuple(count / COARSE for count in counts)


def _neighbours(weights: Sequence[float], step: float) -> Iterator[tuple[float, ...]]:
    """Weights with one step moved from one part to another one."""
    for giver, taker in product(range(len(weights)), repeat=2):
        if giver != taker and weights[giver] >= step:
            moved = list(weights)
            moved[giver] -= step
            moved[taker] += step
            yield tuple(moved)


def _settings(method: str, parts: Sequence[str], weights: Sequence[float]) -> SearchSettings:
    used = {part: weight for part, weight in zip(parts, weights, strict=True) if weight}
    return SearchSettings(method, used)  # type: ignore[arg-type]
