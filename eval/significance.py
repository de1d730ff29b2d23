"""Intervals and tests of difference over the queries of one set, all of them paired.

The queries are the sample: an interval says how far a mean could have come out otherwise with
other queries of the same kind. Variants are judged on the same queries, so every resample and
every sign is drawn once for all of them.

Sources: B. Efron, Bootstrap methods, Ann. Statist. 7 (1979), percentile interval;
M. Smucker, J. Allan, B. Carterette, A comparison of statistical significance tests for
information retrieval evaluation, CIKM 2007 (paired randomisation test);
S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
"""

from collections.abc import Sequence
from itertools import product

import numpy as np

RESAMPLES = 10_000
CONFIDENCE = 0.95
ALPHA = 1 - CONFIDENCE
# Drawn this many resamples at a time: 1,000 queries × 500 × 8 bytes is 4 MB.
CHUNK = 500
# Up to this many queries every assignment of signs is tried, 4,096 of them, and p is exact.
EXACT_QUERIES = 12
# Sums of the same numbers in another order differ in their last digits.
ROUNDING = 1e-12


def bootstrap(scores: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Means of resampled queries, the same resamples for every column.

    Args:
        scores: float64 of shape (n, m): n queries, m measures or variants.
        resamples: how many sets of n queries are drawn, with replacement.
        seed: of the draws.

    Returns:
        Float64 of shape (resamples, m).
    """
    queries = len(scores)
    rng = np.random.default_rng(seed)
    means = np.empty((resamples, scores.shape[1]))
    for start in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - start)
        drawn = rng.integers(0, queries, (size, queries))
        drawn += np.arange(size)[:, None] * queries
        # How often each query was drawn turns resampling into one matrix product.
        counts = np.bincount(drawn.ravel(), minlength=size * queries).reshape(size, queries)
        means[start : start + size] = counts @ scores / queries
    return means


def interval(means: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ends of the 95 % interval of each column of bootstrap means."""
    low, high = np.quantile(means, [ALPHA / 2, 1 - ALPHA / 2], axis=0)
    return low, high


def randomisation(differences: np.ndarray, *, rounds: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Two-sided p of each column: how often chance makes as large a mean difference.

    Were two variants alike, either could have had either score of a query, so the sign of each
    difference is tossed.

    Args:
        differences: float64 of shape (n, m): per query, one variant's score less the other's.
        rounds: how many assignments of signs are drawn when they are too many to try all.
        seed: of the draws.

    Returns:
        Float64 of shape (m,), in (0, 1].
    """
    queries = len(differences)
    seen = np.abs(differences.sum(axis=0)) - ROUNDING * queries
    if queries <= EXACT_QUERIES:
        signs = np.array(list(product((-1.0, 1.0), repeat=queries)))
        return (np.abs(signs @ differences) >= seen).mean(axis=0)
    rng = np.random.default_rng(seed)
    as_large = np.zeros(differences.shape[1])
    for start in range(0, rounds, CHUNK):
        size = min(CHUNK, rounds - start)
        signs = rng.integers(0, 2, (size, queries)) * 2.0 - 1.0
        as_large += (np.abs(signs @ differences) >= seen).sum(axis=0)
    return (as_large + 1) / (rounds + 1)  # the assignment that was seen is one of them


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, in their order."""
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        least = max(least, min(1.0, (len(p_values) - rank) * float(p_values[place])))
        corrected[place] = least
    return corrected
