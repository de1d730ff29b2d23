"""How many queries are needed to find a difference of a given size.

Source: W. Guenther, Sample size formulas for normal theory t tests, The American Statistician
35(4), 1981: the normal approximation with the correction z² / 2 for Student's t. For query sets, T.
Sakai, Topic set size design, Information Retrieval Journal 19(3), 2016, has tables of it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from eval.intervals import ALPHA, sum_clusters

POWER = 0.8  # the chance to find a difference that is there: the usual choice since Cohen
FEWEST = 5  # clusters whose deviation says something


@dataclass(frozen=True, slots=True)
class Spread:
    """How much the differences of two systems vary from query to query.

    Attributes:
        deviation: sample standard deviation of the differences; NaN with fewer than two clusters.
        mean: of the differences.
        clusters: of the queries; dependent ones count once.
    """

    deviation: float
    mean: float
    clusters: int


def spread_of(first: np.ndarray, second: np.ndarray, clusters: np.ndarray) -> Spread:
    """The spread of a measure's differences, the queries of a cluster averaged.

    Args:
        first: a measure of each query by one system, (n,).
        second: the same by the other one.
        clusters: the label of each query's cluster, (n,).
    """
    sums = sum_clusters((second - first)[:, None], clusters)
    means = sums.sums[:, 0] / sums.sizes
    deviation = float(means.std(ddof=1)) if len(means) > 1 else float("nan")
    return Spread(deviation, float(means.mean()), len(means))


def queries_needed(
    deviation: float, difference: float, *, alpha: float = ALPHA, power: float = POWER
) -> int:
    """The independent queries with which a two-sided paired t test finds a difference.

    n = ((z(1 − α/2) + z(power)) · deviation / difference)² + z(1 − α/2)² / 2, rounded up.

    Args:
        deviation: standard deviation of the differences of single queries.
        difference: of the means, that is to be found; above 0.
        alpha: the chance to find one where there is none.
        power: the chance to find it where it is there.
    """
    z, reach = ndtri(1 - alpha / 2), ndtri(power)
    return max(2, math.ceil(((z + reach) * deviation / difference) ** 2 + z**2 / 2))
