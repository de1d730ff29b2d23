"""Calibrates the confidence of searches: fits `search.confidence.Calibration`, and tests it.

Queries that fit the shop, and foreign ones, are dealt to three parts. One fits the logistic sum,
one the isotonic map and the threshold, and what is reported is measured on the third.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from eval import EvalError
from eval.intervals import ALPHA
from search.confidence import Calibration
from search.evidence import Evidence

FIT, CALIBRATE, TEST = "fit", "calibrate", "test"
SHARES = {FIT: 0.35, CALIBRATE: 0.35, TEST: 0.3}
# Queries that fit which are expected below the threshold: of fewer, the rate is known too badly.
LEAST_BELOW = 3
LEAST_FOREIGN = 60  # twenty a part, as eval.tuning.LEAST_CLUSTERS
STRENGTH = 1.0  # of the logistic regression, the inverse of its L2 penalty


@dataclass(frozen=True)
class Rate:
    """A share with its exact 95 % interval (Clopper and Pearson)."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Tested:
    """A calibration, and what it does with queries that did not make it.

    Attributes:
        calibration: what a search uses.
        false_alarms: of the queries that fit, those of which it says that nothing fits.
        caught: of the foreign ones, the same.
        chances: of each tested query, float64 (n,).
        fits: whether it is one that fits, bool (n,).
    """

    calibration: Calibration
    false_alarms: Rate
    caught: Rate
    chances: np.ndarray
    fits: np.ndarray


def least_fitting(rate: float) -> int:
    """How many queries that fit a calibration needs for a rate of false alarms."""
    return math.ceil(LEAST_BELOW / rate / SHARES[CALIBRATE])


def check_numbers(fitting: int, foreign: int, rate: float) -> None:
    """Refuse to calibrate with too few queries.

    Raises:
        EvalError: there are too few that fit for the rate, or too few foreign ones.
    """
    if fitting < least_fitting(rate):
        raise EvalError(
            f"There are {fitting:,} different queries that fit, and a rate of {rate:.0%} needs "
            f"{least_fitting(rate):,}: label more of them, or take a higher --rate."
        )
    if foreign < LEAST_FOREIGN:
        raise EvalError(
            f"There are {foreign:,} foreign queries, and a calibration needs {LEAST_FOREIGN}: name "
            "another shop's products with --foreign FILE."
        )


def calibrate(
    fitting: Sequence[Evidence],
    foreign: Sequence[Evidence],
    *,
    rate: float,
    products: int,
    generation: str,
    seed: int,
) -> Tested:
    """Fit a calibration, and test it.

    Args:
        fitting: evidence of queries that fit the shop, all independent.
        foreign: of queries that do not.
        rate: of false alarms.
        products: in the collection.
        generation: of the collection.
        seed: of the parts.

    Raises:
        EvalError: too few of them have the features that the others have.
    """
    from sklearn.isotonic import IsotonicRegression
    from sklearn.linear_model import LogisticRegression

    names = sorted(_common(fitting))
    rows, fits = _matrix(fitting, foreign, names)
    check_numbers(int(fits.sum()), int((~fits).sum()), rate)
    part = _parts(fits, seed)
    used = part == FIT
    means, scales = rows[used].mean(axis=0), rows[used].std(axis=0)
    scales[scales == 0] = 1
    model = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=1_000)
    model.fit((rows[used] - means) / scales, fits[used])
    weights = model.coef_[0] / scales
    intercept = float(model.intercept_[0] - weights @ means)
    sums = rows @ weights + intercept
    used = part == CALIBRATE
    # As many foreign queries as others, whatever their numbers are here.
    shares = np.where(fits[used], 1 / fits[used].sum(), 1 / (~fits[used]).sum())
    isotonic = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
    isotonic.fit(sums[used], fits[used], sample_weight=shares)
    calibration = Calibration(
        weights=dict(zip(names, weights.tolist(), strict=True)),
        intercept=intercept,
        sums=isotonic.X_thresholds_.tolist(),
        chances=isotonic.y_thresholds_.tolist(),
        threshold=conformal_threshold(sums[used & fits], rate),
        rate=rate,
        products=products,
        generation=generation,
    )
    tested = part == TEST
    below = sums < calibration.threshold
    return Tested(
        calibration,
        false_alarms=share(below[tested & fits]),
        caught=share(below[tested & ~fits]),
        chances=np.array([calibration.chance(each) for each in sums[tested]]),
        fits=fits[tested],
    )


def conformal_threshold(sums: np.ndarray, rate: float) -> float:
    """The threshold below which a new sum of the same kind lies with at most this probability.

    Of n exchangeable sums and a new one, the new one is below the k-th smallest with probability
    at most k / (n + 1): k is the greatest number with k / (n + 1) ≤ rate.

    Args:
        sums: float64 (n,), n ≥ 1 / rate − 1.
        rate: 0 to 1.
    """
    return float(np.sort(sums)[math.floor(rate * (len(sums) + 1)) - 1])


def share(events: np.ndarray) -> Rate:
    """The share of true values of a bool array (n,), n > 0."""
    n, k = len(events), int(events.sum())
    low = betaincinv(k, n - k + 1, ALPHA / 2) if k else 0.0
    high = betaincinv(k + 1, n - k, 1 - ALPHA / 2) if k < n else 1.0
    return Rate(k / n, float(low), float(high), n)


def _common(evidence: Sequence[Evidence]) -> set[str]:
    """The features that most queries have; those without a word but stop words lack some."""
    counts: dict[str, int] = {}
    for each in evidence:
        for name in each.features:
            counts[name] = counts.get(name, 0) + 1
    return {name for name, count in counts.items() if count > len(evidence) / 2}


def _matrix(
    fitting: Sequence[Evidence], foreign: Sequence[Evidence], names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Features of the queries that have all of them, (n, m), and whether each one fits, (n,)."""
    rows: list[list[float]] = []
    fits: list[bool] = []
    for group, fit in ((fitting, True), (foreign, False)):
        for each in group:
            if each.features.keys() >= set(names):
                rows.append([each.features[name] for name in names])
                fits.append(fit)
    return np.array(rows, np.float64).reshape(len(rows), len(names)), np.array(fits, bool)


def _parts(fits: np.ndarray, seed: int) -> np.ndarray:
    """The part of each query, those that fit and the foreign ones dealt apart."""
    rng = np.random.default_rng(seed)
    parts = np.empty(len(fits), object)
    for group in (fits, ~fits):
        rows = rng.permutation(np.flatnonzero(group))
        ends = np.cumsum([round(len(rows) * each) for each in SHARES.values()])[:-1]
        for name, dealt in zip(SHARES, np.split(rows, ends), strict=True):
            parts[dealt] = name
    return parts


def reliability(tested: Tested, bins: int) -> list[dict[str, float]]:
    """Stated chance and share that fits, of equally wide bins of the chance that have queries.

    Fitting and foreign queries count as if there were as many of both, as in the map.
    """
    shares = np.where(tested.fits, 1 / tested.fits.sum(), 1 / (~tested.fits).sum())
    numbers = np.minimum((tested.chances * bins).astype(int), bins - 1)
    found = []
    for number in range(bins):
        here = numbers == number
        if here.any():
            weights = shares[here]
            found.append(
                {
                    "stated": float(np.average(tested.chances[here], weights=weights)),
                    "observed": float(np.average(tested.fits[here], weights=weights)),
                    "queries": int(here.sum()),
                }
            )
    return found
