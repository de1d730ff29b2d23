"""Means with intervals, and which differences between variants are significant.

The queries are the sample: an interval covers what the mean would be on other queries of the same
kind. Queries of one cluster (`eval.clusters`) are dependent, and are resampled and have their signs
flipped together. Variants are compared on the same queries (paired tests).

Sources: M. Smucker, J. Allan, B. Carterette, A comparison of statistical significance tests for
information retrieval evaluation, CIKM 2007 (paired randomisation test);
S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from eval.intervals import (
    ALPHA,
    COSINES,
    DIFFERENCES,
    RESAMPLES,
    ROUNDING,
    SHARES,
    chunks,
    interval,
    sum_clusters,
)
from eval.measures import DECIDING, MEASURES, is_similarity

# Up to this many clusters every assignment of signs is tried, 4,096 of them, and p is exact.
EXACT_CLUSTERS = 12
SMALLEST_P = 0.001  # that is written out; 10,000 rounds resolve no smaller one

Scores = Mapping[str, np.ndarray]  # measure → score of each query (n,)
Clusters = Sequence[str] | np.ndarray  # the label of each query's cluster (n,)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95 % interval.

    Attributes:
        value: the mean; NaN without a query.
        low, high: ends of the interval; NaN with fewer than two clusters.
        n: queries.
        clusters: of the queries.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference of two variants in a measure, on the same queries.

    Attributes:
        measure: of `MEASURES`.
        first, second: the variants.
        value: mean of the second less mean of the first.
        low, high: ends of its 95 % interval; NaN with fewer than two clusters.
        p: of the paired randomisation test.
        p_holm: the same, corrected for the number of pairs of variants.
        n: queries.
        clusters: of the queries.
    """

    measure: str
    first: str
    second: str
    value: float
    low: float
    high: float
    p: float
    p_holm: float
    n: int
    clusters: int

    @property
    def winner(self) -> str:
        """The variant that is significantly better; empty where none is."""
        if not (self.p_holm < ALPHA and (self.low > 0 or self.high < 0)):
            return ""
        return self.second if self.value > 0 else self.first

    @property
    def verdict(self) -> str:
        """The conclusion about the two variants, in a sentence."""
        if self.winner:
            loser = self.first if self.winner == self.second else self.second
            low, high = sorted((abs(self.low), abs(self.high)))
            return (
                f"{self.winner} is better than {loser} in {self.measure}, "
                f"by {abs(self.value):.3f} ({low:.3f} to {high:.3f}, p {_relation(self.p_holm)})."
            )
        if self.clusters < 2:
            queries = "One query" if self.n == 1 else f"One cluster of {self.n:,} queries"
            return f"{queries} says nothing about {self.first} and {self.second}."
        return (
            f"No winner between {self.first} and {self.second} in {self.measure}: a difference of "
            f"{self.value:+z.3f} ({self.low:+z.3f} to {self.high:+z.3f}, "
            f"p {_relation(self.p_holm)}) is within the noise of "
            f"{format_queries(self.n, self.clusters)}."
        )


def format_p(p: float) -> str:
    """A p-value as it is written."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.3f}"


def format_queries(queries: int, clusters: int) -> str:
    """A number of queries, with that of their clusters where it is another."""
    words = f"{queries:,} {'query' if queries == 1 else 'queries'}"
    if clusters == queries:
        return words
    return f"{words} in {clusters:,} {'cluster' if clusters == 1 else 'clusters'}"


def _relation(p: float) -> str:
    return format_p(p) if p < SMALLEST_P else f"= {format_p(p)}"


def wins(variant: str, differences: Sequence[Difference]) -> bool:
    """Whether a variant is significantly better than every other in the deciding measure."""
    rivals = [
        each
        for each in differences
        if each.measure == DECIDING and variant in (each.first, each.second)
    ]
    return bool(rivals) and all(each.winner == variant for each in rivals)


def estimate(
    variants: Mapping[str, Scores], *, resamples: int, seed: int, clusters: Clusters | None = None
) -> dict[str, dict[str, Estimate]]:
    """Every measure of every variant.

    Args:
        variants: scores by measure by variant, (n,) each over the same queries; a NaN is a
            query that the measure has no value for.
        resamples: of the bootstrap.
        seed: of its draws.
        clusters: of the queries; None where they are independent.
    """
    nothing = Estimate(np.nan, np.nan, np.nan, 0, 0)
    found = {name: dict.fromkeys(scores, nothing) for name, scores in variants.items()}
    # Columns that lack the same queries share their resamples, the expensive part.
    by_mask: dict[tuple[bytes, tuple[float, float]], list[tuple[str, str]]] = {}
    for name, scores in variants.items():
        for measure, values in scores.items():
            key = np.isfinite(values).tobytes(), COSINES if is_similarity(measure) else SHARES
            by_mask.setdefault(key, []).append((name, measure))
    for (mask, bounds), columns in by_mask.items():
        rows = np.frombuffer(mask, bool)
        if rows.any():
            stacked = np.stack([variants[name][measure][rows] for name, measure in columns], 1)
            sums = sum_clusters(stacked, _labels(clusters, len(rows))[rows])
            lows, highs = interval(sums, bounds=bounds, resamples=resamples, seed=seed)
            means = stacked.mean(axis=0)
            for (name, measure), *ends in zip(columns, means, lows, highs, strict=True):
                value, low, high = map(float, ends)
                found[name][measure] = Estimate(value, low, high, len(stacked), len(sums))
    return found


def compare_variants(
    variants: Mapping[str, Scores], *, resamples: int, seed: int, clusters: Clusters | None = None
) -> list[Difference]:
    """Every ranking measure between every two variants, tested and corrected.

    Similarities are not among them: a score is comparable only within one variant.

    Args:
        variants: as of `estimate`, without NaN.
        resamples: of the bootstrap and of the randomisation test.
        seed: of their draws.
        clusters: of the queries; None where they are independent.
    """
    found = []
    pairs = list(combinations(variants, 2))
    for measure in MEASURES if pairs else ():
        gaps = np.stack(
            [variants[second][measure] - variants[first][measure] for first, second in pairs], 1
        )
        sums = sum_clusters(gaps, _labels(clusters, len(gaps)))
        lows, highs = interval(sums, bounds=DIFFERENCES, resamples=resamples, seed=seed)
        p_values = randomisation(sums.sums, rounds=resamples, seed=seed).tolist()
        corrected = holm(p_values)
        for column, (first, second) in enumerate(pairs):
            found.append(
                Difference(
                    measure=measure,
                    first=first,
                    second=second,
                    value=float(gaps[:, column].mean()),
                    low=float(lows[column]),
                    high=float(highs[column]),
                    p=p_values[column],
                    p_holm=corrected[column],
                    n=len(gaps),
                    clusters=len(sums),
                )
            )
    return found


def _labels(clusters: Clusters | None, queries: int) -> np.ndarray:
    return np.arange(queries) if clusters is None else np.asarray(clusters)


def randomisation(differences: np.ndarray, *, rounds: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """Two-sided p of each column by the paired randomisation test.

    Under the null hypothesis either variant could have had either scores of a cluster, so the sign
    of each difference is random; p is the share of assignments of signs whose mean difference is
    as large as the observed one.

    Args:
        differences: float64 of shape (n, m): per cluster, the sum over its queries of one
            variant's score less the other's.
        rounds: how many assignments of signs are drawn when they are too many to try all.
        seed: of the draws.

    Returns:
        Float64 of shape (m,), in (0, 1].
    """
    clusters = len(differences)
    observed = np.abs(differences.sum(axis=0)) - ROUNDING * clusters
    if clusters <= EXACT_CLUSTERS:
        signs = np.array(list(product((-1.0, 1.0), repeat=clusters)))
        return (np.abs(signs @ differences) >= observed).mean(axis=0)
    rng = np.random.default_rng(seed)
    as_large = np.zeros(differences.shape[1])
    for chunk in chunks(rounds, clusters):
        signs = rng.integers(0, 2, (len(chunk), clusters)) * 2.0 - 1.0
        as_large += (np.abs(signs @ differences) >= observed).sum(axis=0)
    return (as_large + 1) / (rounds + 1)  # the observed assignment is one of them


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's method, in their order.

    In ascending order, p′(i) = max over j ≤ i of min(1, (m − j + 1) · p(j)).
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, at in enumerate(np.argsort(p_values, kind="stable")):
        least = max(least, min(1.0, (len(p_values) - rank) * float(p_values[at])))
        corrected[at] = least
    return corrected
