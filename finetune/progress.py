"""What a training tells while it runs, and how that is shown on stderr."""

import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from eval.measures import DECIDING

messages = Console(stderr=True)


@dataclass(frozen=True)
class Told:
    """How a training stands.

    Attributes:
        step: steps done.
        steps: steps in all.
        epoch: the epoch it is in, from 1.
        loss: of the last steps.
        samples_per_second: products learnt from, over all processes; 0 before any is known.
        memory: bytes at the most so far, of the device where it has its own, else of the process.
        seconds_left: at this speed, if it is not stopped early.
        validation: the figures of the epoch that has just been judged; empty between epochs.
    """

    step: int
    steps: int
    epoch: int
    loss: float
    samples_per_second: float
    memory: int
    seconds_left: float
    validation: Mapping[str, float] = field(default_factory=dict)


Tell = Callable[[Told], None]


def silent(told: Told) -> None:
    """Tell nobody."""


def memory(device: torch.device) -> int:
    """Most bytes used so far: of the device where it has memory of its own, else the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # In kilobytes, but on macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


@contextmanager
def bar(name: str) -> Iterator[Tell]:
    """A bar that moves with every step, and a line for every epoch that was judged."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
    )
    progress = Progress(*columns, console=messages)
    task = progress.add_task(name, total=None, told="")

    def tell(told: Told) -> None:
        progress.start()  # now, not before: what cannot begin shows no bar
        progress.update(task, completed=told.step, total=told.steps, told=_line(told))
        if told.validation:
            epoch = f"epoch {told.epoch:>3}" if told.epoch else "before   "
            progress.console.print(
                f"{epoch}  {_loss(told.loss)}{_figures(told.validation)}", highlight=False
            )

    try:
        yield tell
    finally:
        progress.stop()


def _line(told: Told) -> str:
    return (
        f"{_loss(told.loss)}{told.samples_per_second:,.0f} products/s  "
        f"{told.memory / 2**30:.1f} GiB  {_time(told.seconds_left)} left"
    )


def _loss(loss: float) -> str:
    return f"loss {loss:.3f}  " if loss == loss else ""  # NaN before the first step


def _figures(validation: Mapping[str, float]) -> str:
    ordered = sorted(validation, key=lambda name: name != DECIDING)
    return "  ".join(f"{name} {validation[name]:.3f}" for name in ordered)


def _time(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
