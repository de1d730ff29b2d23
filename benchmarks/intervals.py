"""Coverage of the evaluation's 95 % intervals, by simulation: how often they hold the true mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import typer

from eval.intervals import (
    DIFFERENCES,
    ENDS,
    SHARES,
    ClusterSums,
    bca_interval,
    bootstrap,
    interval,
    t_interval,
    within,
)

Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]
DISCOUNTS = 1 / np.log2(np.arange(2, 12))
RANKS = 0.4 * 0.6 ** np.arange(10)  # of a relevant product that is usually first
RANKS[-1] = 0.6**9
MEAN_SIZE = 10 / 3  # queries of a cluster, geometrically distributed


def _shares(p: float) -> Draw:
    return lambda rng, shape: (rng.random(shape) < p).astype(float)


def _rare(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """nDCG@10 of one relevant product: 3 of 10 are found, at any rank of ten."""
    return (rng.random(shape) < 0.3) * DISCOUNTS[rng.integers(0, 10, shape)]


def _usual(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """The same, where 8 of 10 are found, at rank 1 most often."""
    return (rng.random(shape) < 0.8) * rng.choice(DISCOUNTS, shape, p=RANKS)


def _difference(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Two variants that differ on 4 queries of 10, and by chance alone."""
    return (rng.random(shape) < 0.4) * (_usual(rng, shape) - _usual(rng, shape))


@dataclass(frozen=True)
class Case:
    """A kind of score: its draw, its true mean, and whether a cluster holds several queries."""

    draw: Draw
    mean: float
    bounds: tuple[float, float] = SHARES
    clustered: bool = False


USUAL_MEAN = float(0.8 * RANKS @ DISCOUNTS)
CASES = {
    "0/1, p = 0.3": Case(_shares(0.3), 0.3),
    "0/1, p = 0.5": Case(_shares(0.5), 0.5),
    "0/1, p = 0.9": Case(_shares(0.9), 0.9),
    "nDCG, 30 % found": Case(_rare, 0.3 * DISCOUNTS.mean()),
    "nDCG, 80 % found": Case(_usual, USUAL_MEAN),
    "difference": Case(_difference, 0.0, bounds=DIFFERENCES),
    "nDCG, 30 %, clusters": Case(_rare, 0.3 * DISCOUNTS.mean(), clustered=True),
    "nDCG, 80 %, clusters": Case(_usual, USUAL_MEAN, clustered=True),
}


def command(
    trials: Annotated[int, typer.Option(min=1, help="Simulated evaluations.")] = 4000,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap.")] = 2000,
    clusters: Annotated[str, typer.Option(help="Numbers of clusters.")] = "8,20,50",
) -> None:
    """Coverage of percentile, BCa and t intervals, and of the one that evaluation uses."""
    typer.echo(f"{'':22}{'G':>3}{'percentile':>12}{'BCa':>7}{'t':>7}{'outer':>7}")
    for name, case in CASES.items():
        for size in map(int, clusters.split(",")):
            shares = _coverage(case, size, trials, resamples)
            cells = "".join(f"{share:7.3f}" for share in shares)
            typer.echo(f"{name:22}{size:3}{'':5}{cells}")


def _coverage(case: Case, size: int, trials: int, resamples: int) -> list[float]:
    """The share of trials whose interval holds the true mean, by method. A trial is a column."""
    rng = np.random.default_rng(0)
    sizes = rng.geometric(1 / MEAN_SIZE, size).astype(float) if case.clustered else np.ones(size)
    clusters = ClusterSums(case.draw(rng, (size, trials)) * sizes[:, None], sizes)
    means = bootstrap(clusters, resamples=resamples)
    low, high = np.quantile(means, ENDS, axis=0)
    found = [(low, high), bca_interval(means, clusters), t_interval(clusters)]
    found = [within(case.bounds, ends, clusters) for ends in found]
    found.append(interval(clusters, resamples=resamples, bounds=case.bounds))
    # An end that is the true mean itself differs from it in the last digits.
    slack = 1e-9
    return [
        float(((low <= case.mean + slack) & (case.mean - slack <= high)).mean())
        for low, high in found
    ]
