"""Means with intervals, and which differences between variants are more than noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from eval.measures import DECIDING, MEASURES
from eval.significance import ALPHA, bootstrap, holm, interval, randomisation

SMALLEST_P = 0.001  # that is written out; 10,000 rounds tell no smaller one apart

Scores = Mapping[str, np.ndarray]  # measure → score of each query (n,)


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over queries with its 95 % interval.

    Attributes:
        value: the mean; NaN without a query.
        low, high: ends of the interval; NaN with fewer than two queries.
        n: queries.
    """

    value: float
    low: float
    high: float
    n: int


NOTHING = Estimate(np.nan, np.nan, np.nan, 0)


@dataclass(frozen=True, slots=True)
class Difference:
    """How one variant differs from another in a measure, on the same queries.

    Attributes:
        measure: of `MEASURES`.
        first, second: the variants.
        value: mean of the second less mean of the first.
        low, high: ends of its 95 % interval; NaN with fewer than two queries.
        p: of the paired randomisation test.
        p_holm: the same, corrected for the number of pairs of variants.
        n: queries.
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

    @property
    def winner(self) -> str:
        """The variant that is better beyond noise; empty where none is."""
        if not (self.p_holm < ALPHA and (self.low > 0 or self.high < 0)):
            return ""
        return self.second if self.value > 0 else self.first

    @property
    def verdict(self) -> str:
        """What may be said of the two, in a sentence."""
        if self.winner:
            loser = self.first if self.winner == self.second else self.second
            low, high = sorted((abs(self.low), abs(self.high)))
            return (
                f"{self.winner} is better than {loser} in {self.measure}, "
                f"by {abs(self.value):.3f} ({low:.3f} to {high:.3f}, p {_sign(self.p_holm)})."
            )
        if self.n < 2:
            return f"One query says nothing about {self.first} and {self.second}."
        return (
            f"No winner between {self.first} and {self.second} in {self.measure}: a difference of "
            f"{self.value:+z.3f} ({self.low:+z.3f} to {self.high:+z.3f}, "
            f"p {_sign(self.p_holm)}) is within the noise of {self.n:,} queries."
        )


def wins(variant: str, differences: Sequence[Difference]) -> bool:
    """Whether a variant is better than every other, beyond noise, in the deciding measure."""
    rivals = [
        each
        for each in differences
        if each.measure == DECIDING and variant in (each.first, each.second)
    ]
    return bool(rivals) and all(each.winner == variant for each in rivals)


def format_p(p: float) -> str:
    """A p-value as it is written."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.3f}"


def _sign(p: float) -> str:
    return format_p(p) if p < SMALLEST_P else f"= {format_p(p)}"


def estimates(
    variants: Mapping[str, Scores], *, resamples: int, seed: int
) -> dict[str, dict[str, Estimate]]:
    """Every measure of every variant.

    Args:
        variants: scores by measure by variant, (n,) each over the same queries; a NaN is a
            query that the measure has no value for.
        resamples: of the bootstrap.
        seed: of its draws.
    """
    # Columns that lack the same queries share their resamples, which are the dear part.
    alike: dict[bytes, list[tuple[str, str]]] = {}
    for name, scores in variants.items():
        for measure, values in scores.items():
            alike.setdefault(np.isfinite(values).tobytes(), []).append((name, measure))
    found: dict[str, dict[str, Estimate]] = {
        name: dict.fromkeys(scores, NOTHING) for name, scores in variants.items()
    }
    for present, columns in alike.items():
        rows = np.frombuffer(present, bool)
        if rows.any():
            stacked = np.stack([variants[name][measure][rows] for name, measure in columns], 1)
            lows, highs = _interval(stacked, resamples, seed)
            means = stacked.mean(axis=0)
            for (name, measure), *ends in zip(columns, means, lows, highs, strict=True):
                value, low, high = map(float, ends)
                found[name][measure] = Estimate(value, low, high, len(stacked))
    return found


def differences(variants: Mapping[str, Scores], *, resamples: int, seed: int) -> list[Difference]:
    """Every ranking measure between every two variants, tested and corrected.

    Similarities are not among them: a score is comparable only within one variant.
    """
    found = []
    pairs = list(combinations(variants, 2))
    for measure in MEASURES if pairs else ():
        gaps = np.stack(
            [variants[second][measure] - variants[first][measure] for first, second in pairs], 1
        )
        lows, highs = _interval(gaps, resamples, seed)
        p_values = randomisation(gaps, rounds=resamples, seed=seed).tolist()
        found += [
            Difference(
                measure,
                *pair,
                float(gaps[:, at].mean()),
                float(lows[at]),
                float(highs[at]),
                p_values[at],
                corrected,
                len(gaps),
            )
            for at, (pair, corrected) in enumerate(zip(pairs, holm(p_values), strict=True))
        ]
    return found


def _interval(columns: np.ndarray, resamples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The ends of each column's interval; NaN where one query tells nothing of others."""
    if len(columns) < 2:
        nothing = np.full(columns.shape[1], np.nan)
        return nothing, nothing
    return interval(bootstrap(columns, resamples=resamples, seed=seed))


def rows_of(labels: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows that bear each label, the most frequent label first; empty labels are left out."""
    counts: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        if label:
            counts.setdefault(label, []).append(row)
    ordered = sorted(counts.items(), key=lambda each: (-len(each[1]), each[0]))
    return {label: np.array(rows) for label, rows in ordered}
