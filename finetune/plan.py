"""The plan of a choice among candidates: its rounds, and how long they take on this machine.

Successive halving: all candidates train for a few epochs, the better third goes on for three times
as many, until one is left, which trains to its end. A candidate is paused and goes on where it was,
so nothing is trained twice.

Sources: K. Jamieson, A. Talwalkar, Non-stochastic best arm identification and hyperparameter
optimization, AISTATS 2016; L. Li et al., Hyperband, JMLR 18 (2018), whose factor of 3 is used here.
"""

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from finetune.errors import FinetuneError
from finetune.training import Training

FACTOR = 3
PROBE_STEPS = 3  # timed, after one that is not
SHORTEST = 3  # epochs; below it, fewer candidates are tried


@dataclass(frozen=True)
class Round:
    """A round of successive halving.

    Attributes:
        candidates: how many train in it.
        epochs: the epoch up to which they train, counted from the beginning.
    """

    candidates: int
    epochs: int


@dataclass(frozen=True)
class Speed:
    """Measured seconds.

    Attributes:
        product: of a product in a training step.
        validation: of one validation.
        evaluation: of the evaluation at the end.
    """

    product: float
    validation: float
    evaluation: float


@dataclass(frozen=True)
class Amount:
    """What there is to do where the time has no limit.

    Attributes:
        candidates: how many there are.
        epochs: of a whole training.
        products: of an epoch.
        weights: adapter weights that are tried at the end.
    """

    candidates: int
    epochs: int
    products: int
    weights: int


@dataclass(frozen=True)
class Plan:
    """A plan.

    Attributes:
        rounds: the last one has one candidate.
        seconds: at most, by the speed measured.
    """

    rounds: Sequence[Round]
    seconds: float

    @property
    def candidates(self) -> int:
        """How many are tried."""
        return self.rounds[0].candidates

    @property
    def epochs(self) -> int:
        """Epochs of the last candidate."""
        return self.rounds[-1].epochs


def rounds_of(candidates: int, epochs: int) -> list[Round]:
    """The rounds of successive halving.

    Args:
        candidates: how many are tried.
        epochs: of a whole training.
    """
    levels = 0
    while FACTOR**levels < candidates:
        levels += 1
    return [
        Round(-(-candidates // FACTOR**level), max(1, epochs // FACTOR ** (levels - level)))
        for level in range(levels + 1)
    ]


def epochs_trained(rounds: Sequence[Round]) -> int:
    """Epochs of all candidates together, at most."""
    before = [0, *(each.epochs for each in rounds)]
    return sum(
        each.candidates * (each.epochs - done) for each, done in zip(rounds, before, strict=False)
    )


def make_plan(amount: Amount, speed: Speed, limit: float | None) -> Plan:
    """The largest plan that fits: with fewer epochs first, then with fewer candidates.

    Args:
        amount: without a limit.
        speed: measured.
        limit: seconds; None: no limit.

    Raises:
        FinetuneError: not even one epoch fits.
    """
    epoch = amount.products * speed.product + speed.validation
    end = amount.weights * speed.validation + speed.evaluation
    short = min(SHORTEST, amount.epochs)
    sizes = [
        *((amount.candidates, epochs) for epochs in range(amount.epochs, short - 1, -1)),
        *((candidates, short) for candidates in range(amount.candidates - 1, 0, -1)),
        (1, 1),
    ]
    for candidates, epochs in sizes:
        rounds = rounds_of(candidates, epochs)
        seconds = epochs_trained(rounds) * epoch + end
        if limit is None or seconds <= limit:
            return Plan(rounds, seconds)
    raise FinetuneError(
        f"One epoch of one candidate and its evaluation take about {duration(epoch + end)} on this "
        f"machine: give --minutes {math.ceil((epoch + end) / 60)} or more, or fewer products with "
        "--sample."
    )


def duration(seconds: float) -> str:
    """A duration for people."""
    return str(timedelta(seconds=round(seconds)))


def seconds_per_product(training: Training) -> float:
    """Time a few steps of a training whose weights are not used afterwards."""
    taken = []
    began = time.perf_counter()
    for batch in training.batches.epoch(0):
        float(training.compute_gradients(batch))
        taken.append((time.perf_counter() - began) / training.settings.batch)
        began = time.perf_counter()
        if len(taken) > PROBE_STEPS:
            break
    return statistics.median(taken[1:] or taken)
