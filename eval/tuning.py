"""Chooses how a hybrid search weighs words and fuses its parts, and proves it on other queries.

How the words of each field count, then the method and the weights of the fusion are chosen by
nDCG@10 on one half of the queries: of the fusion a coarse grid over the simplex of weights first,
then ever smaller steps from the best. What was chosen is measured on the other half, beside words
alone and the present settings. Queries of one cluster are on one side: else the proof would measure
what was learnt by heart.

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
from eval.word_tuning import WORDS_ALONE, Choice, TriedWords, is_clear
from search.fusion import METHODS
from search.settings import SearchSettings

# Below it, an interval holds the true mean less often than stated (`eval.intervals`).
LEAST_CLUSTERS = 20  # of each half
COARSE = 4  # steps from 0 to 1 of the grid
FINEST = 1 / 16  # a smaller change of a weight moves no measure beyond its noise
MOST_ROUNDS = 12  # of steps of one length
DEPTH = 100  # results of a query that are measured

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
        chosen: on one half of the queries.
        present: those before.
        chosen_on: number of queries of that half.
        proof: on the other half.
        cross_validation: on all queries, each measured with settings that were chosen without it.
    """

    chosen: Choice
    present: Choice
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

    @property
    def renews(self) -> bool:
        """Whether the collection has to be built again for words to count as chosen."""
        return self.chosen.words.chosen != self.present.words.chosen


def tune(
    tried: TriedWords,
    qrels: Mapping[str, Mapping[str, int]],
    clusters: np.ndarray,
    settings: SearchSettings,
    *,
    resamples: int,
    seed: int,
    notify: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """Choose settings and prove them.

    Args:
        tried: of the queries, in the order of `qrels`.
        qrels: grades by product by query.
        clusters: of the queries, int (n,).
        settings: of the variant, at present.
        resamples: of the bootstrap and of the randomisation test.
        seed: of the halves and of all draws.
        notify: takes a message about each step.

    Raises:
        EvalError: there are too few independent queries.
    """
    halves = split(clusters, seed)
    present = Choice(settings, tried.present)
    if seconds := tried.seconds():
        notify(f"choosing how words count: at most {seconds:,.0f} s")
    rankings = tried.rankings(tried.present)
    started = perf_counter()
    rankings.ndcg(settings, np.arange(len(rankings)))
    fusions = most_fusions(len(rankings.parts))
    notify(
        f"choosing among {' and '.join(METHODS)} and the weights of {', '.join(rankings.parts)}: "
        f"at most {fusions:,} fusions of each query, {(perf_counter() - started) * fusions:,.0f} s"
    )
    chosen = [choose(tried, half, present) for half in halves]
    measured = [halves[1], halves[0]]
    folds = [
        {
            name: _measured(tried, each, qrels, rows)
            for name, each in zip(
                SYSTEMS, (Choice(WORDS_ALONE, tried.present), present, choice), strict=True
            )
        }
        for rows, choice in zip(measured, chosen, strict=True)
    ]
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
        chosen=chosen[0],
        present=present,
        chosen_on=len(halves[0]),
        proof=compared(folds[0], halves[1]),
        cross_validation=compared(both, np.concatenate(measured)),
    )


def _measured(
    tried: TriedWords, choice: Choice, qrels: Mapping[str, Mapping[str, int]], rows: np.ndarray
) -> Scores:
    """The measures of some queries under a choice."""
    ids = list(qrels)
    rankings = tried.rankings(choice.words)
    ranked = {ids[row]: rankings.ranked(choice.settings, row, DEPTH) for row in rows}
    return score({query: qrels[query] for query in ranked}, ranked)


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


def choose(tried: TriedWords, rows: np.ndarray, present: Choice) -> Choice:
    """The best choice on some queries; the present one where the best is not clearly better."""
    choices = [
        Choice(fuse_best(tried.rankings(words), rows, present.settings), words)
        for words in dict.fromkeys([present.words, tried.choose(rows)])
    ]

    def ndcg(choice: Choice) -> np.ndarray:
        return tried.rankings(choice.words).ndcg(choice.settings, rows)

    best = max(choices, key=lambda choice: float(ndcg(choice).mean()))
    return best if is_clear(ndcg(best) - ndcg(present)) else present


def fuse_best(rankings: PartRankings, rows: np.ndarray, present: SearchSettings) -> SearchSettings:
    """The method and the weights that are best on some queries; at a tie the present ones."""

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
    return best


def most_fusions(parts: int) -> int:
    """The most fusions of each query that `tune` makes, under the present words and others.

    Each query is in one half that chooses.
    """
    steps = int(np.log2(1 / COARSE / 2 / FINEST)) + 1
    around = parts * (parts - 1) + 2
    return 2 * len(METHODS) * (len(list(_grid(range(parts)))) + steps * MOST_ROUNDS * around)


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
