"""What a training tells while it runs, and how that is shown on stderr."""

import resource
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from rich import progress as progress_bars
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from eval.measures import DECIDING

messages = Console(stderr=True)


@dataclass(frozen=True)
class Progress:
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


Report = Callable[[Progress], None]


def no_progress(progress: Progress) -> None:
    """Show nothing."""


def memory(device: torch.device) -> int:
    """Most bytes used so far: of the device where it has memory of its own, else the process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    # In kilobytes, but on macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


@contextmanager
def progress_bar(name: str) -> Iterator[Report]:
    """A bar that moves with every step, and a line for every epoch that was judged."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    bar = progress_bars.Progress(*columns, console=messages)
    task = bar.add_task(name, total=None, facts="")

    def report(progress: Progress) -> None:
        bar.start()  # now, not before: what cannot begin shows no bar
        bar.update(task, completed=progress.step, total=progress.steps, facts=_line(progress))
        if progress.validation:
            epoch = f"epoch {progress.epoch:>3}" if progress.epoch else "before   "
            bar.console.print(
                f"{epoch}  {_loss(progress.loss)}{_figures(progress.validation)}", highlight=False
            )

    try:
        yield report
    finally:
        bar.stop()


def _line(progress: Progress) -> str:
    return (
        f"{_loss(progress.loss)}{progress.samples_per_second:,.0f} products/s  "
        f"{progress.memory / 2**30:.1f} GiB  {_time(progress.seconds_left)} left"
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
