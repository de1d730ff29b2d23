"""Progress of a training: what it reports after every step, and a bar that shows it."""

import math
import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import rich.progress
import torch
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from eval.measures import DECIDING
from vitrine.command import messages


@dataclass(frozen=True)
class Progress:
    """Progress of a training.

    Attributes:
        step: steps done.
        steps: steps in all.
        epoch: the current epoch, counted from 1.
        loss: of the last step whose loss is known; NaN before the first.
        samples_per_second: products a second, over all processes; 0 before the first step.
        memory: peak bytes so far: of a GPU, else of the process.
        seconds_left: at this speed, without early stopping.
        validation: measures of the epoch that has just been evaluated; empty between epochs.
        candidate: its name, where the training is one of several.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    samples_per_second: float
    memory: int
    seconds_left: float
    validation: Mapping[str, float] = field(default_factory=dict)
    candidate: str = ""


Report = Callable[[Progress], None]


def no_progress(_: Progress) -> None:
    """Report nothing."""


def peak_memory(device: torch.device) -> int:
    """Peak bytes so far: of a GPU, else of this process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # The system's own peak: psutil has the present size only. In kilobytes, on macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


@contextmanager
def progress_bar(name: str) -> Iterator[Report]:
    """A bar of steps, and a line for every evaluated epoch, on stderr."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    bar = rich.progress.Progress(*columns, console=messages)
    task = bar.add_task(name, total=None, facts="")

    def report(progress: Progress) -> None:
        bar.start()  # only now: an error before the first step has no bar
        label = f"{name} {progress.candidate}".rstrip()
        bar.update(
            task,
            description=label,
            completed=progress.step,
            total=progress.steps,
            facts=_speed(progress),
        )
        if progress.validation:
            epoch = f"epoch {progress.epoch:>3}" if progress.epoch else "before   "
            candidate = f"{progress.candidate:<18} " if progress.candidate else ""
            measures = f"{_loss(progress)}{_measures(progress.validation)}"
            bar.console.print(f"{candidate}{epoch}  {measures}")

    try:
        yield report
    finally:
        bar.stop()


def _speed(progress: Progress) -> str:
    return (
        f"{_loss(progress)}{progress.samples_per_second:,.0f} products/s  "
        f"{progress.memory / 2**30:.1f} GiB  {timedelta(seconds=round(progress.seconds_left))} left"
    )


def _loss(progress: Progress) -> str:
    return "" if math.isnan(progress.loss) else f"loss {progress.loss:.3f}  "


def _measures(validation: Mapping[str, float]) -> str:
    ordered = sorted(validation, key=lambda name: name != DECIDING)
    return "  ".join(f"{name} {validation[name]:.3f}" for name in ordered)
