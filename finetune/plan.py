"""The plan of a choice among candidates, and how long it takes on this machine.

Each candidate is tried in a short training; the best one is then trained at full length. This is
successive halving with one cut. A trial is a whole schedule, in which the learning rate falls to 0:
a training that is only paused is compared at its highest rate, where those win that have hardly
changed the base.

Sources: K. Jamieson, A. Talwalkar, Non-stochastic best arm identification and hyperparameter
optimization, AISTATS 2016; L. Li et al., Hyperband, JMLR 18 (2018).
"""

import math
import statistics
import time
from dataclasses import dataclass
from datetime import timedelta

from finetune.errors import FinetuneError
from finetune.training import Training

TRIAL = 4  # a trial has one epoch of so many
SHORTEST = 3  # epochs at full length; below it, fewer candidates are tried
PROBE_STEPS = 3  # timed, after one that is not


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
        epochs: of the training at full length.
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
        candidates: how many are tried; one is not tried, only trained.
        epochs: of the training at full length.
        seconds: at most, by the speed measured.
    """

    candidates: int
    epochs: int
    seconds: float

    @property
    def trial(self) -> int:
        """Epochs of a trial."""
        return math.ceil(self.epochs / TRIAL)


def epochs_trained(candidates: int, epochs: int) -> int:
    """Epochs of all candidates together, at most."""
    trials = candidates if candidates > 1 else 0
    return trials * math.ceil(epochs / TRIAL) + epochs


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
        seconds = epochs_trained(candidates, epochs) * epoch + end
        if limit is None or seconds <= limit:
            return Plan(candidates, epochs, seconds)
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
