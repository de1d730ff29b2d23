"""Alternatives that take turns within each round, so that a busy machine slows all of them."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.table import Table

Alternative = Callable[[], Any]


@dataclass(frozen=True)
class Measured:
    """The speed of one alternative.

    Attributes:
        seconds: of each round.
        items: processed in a round.
        processor: seconds of processor time of each round, all cores together; other work on the
            machine hardly moves them.
    """

    seconds: list[float]
    items: int
    processor: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Items a second in the median round."""
        return self.items / float(np.median(self.seconds))

    @property
    def processor_ms(self) -> float:
        """Milliseconds of processor time for an item, in the least round; NaN without any."""
        return 1000 * min(self.processor, default=np.nan) / self.items


@dataclass(frozen=True)
class Ratio:
    """Speed of one alternative over another's: median, least and greatest of the rounds."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, first: Measured, second: Measured) -> "Ratio":
        """Ratio of speeds: above 1 where the first is faster."""
        each = np.divide(second.seconds, first.seconds)
        return cls(float(np.median(each)), float(each.min()), float(each.max()))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} – {self.greatest:.2f})"


class Rounds:
    """Runs alternatives in turns and keeps their times."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._processor: dict[str, list[float]] = {}
        self._done = 0

    def run(
        self, alternatives: Mapping[str, Alternative], *, warm_up: bool = False
    ) -> dict[str, Any]:
        """Run every alternative once, each round beginning with another one.

        Args:
            alternatives: by name.
            warm_up: keep no times.

        Returns:
            What each returned.
        """
        torch = sys.modules.get("torch")  # not imported: no GPU to wait for
        names = list(alternatives)
        first = self._done % len(names)
        self._done += 1
        results = {}
        self._seconds = {name: self._seconds.get(name, []) for name in names}
        self._processor = {name: self._processor.get(name, []) for name in names}
        for name in names[first:] + names[:first]:
            started, used = time.perf_counter(), time.process_time()
            results[name] = alternatives[name]()
            if torch and torch.cuda.is_available():
                torch.cuda.synchronize()
            if not warm_up:
                self._seconds[name].append(time.perf_counter() - started)
                self._processor[name].append(time.process_time() - used)
        return results

    def measured(self, items: int) -> dict[str, Measured]:
        """The speed of each alternative that processed so many items a round."""
        return {
            name: Measured(seconds, items, self._processor[name])
            for name, seconds in self._seconds.items()
        }


def as_object(measured: Mapping[str, Measured], ours: str) -> dict[str, Any]:
    """Speeds, and ours over every other, for JSON."""
    ratios = {n: Ratio.of(measured[ours], each) for n, each in measured.items() if n != ours}
    return {
        "per_second": {name: round(each.per_second, 2) for name, each in measured.items()},
        "processor_ms": {name: round(each.processor_ms, 2) for name, each in measured.items()},
        "ratio_to": {name: asdict(ratio) for name, ratio in ratios.items()},
    }


def table(
    measured: Mapping[str, Measured], ours: str, items: str, title: str | None = None
) -> Table:
    """Speeds, and ours over every other, as a table.

    Args:
        measured: by name.
        ours: the name of ours.
        items: what was processed, plural.
        title: of the table.
    """
    columns = (f"{items}/s", "processor time of one, ms", f"{ours} ÷ this (least – greatest round)")
    drawn = Table("", *columns, title=title)
    for name, each in measured.items():
        ratio = "" if name == ours else str(Ratio.of(measured[ours], each))
        drawn.add_row(name, f"{each.per_second:.1f}", f"{each.processor_ms:.1f}", ratio)
    return drawn
