"""Several ways to do one thing, in turns within each round: a busy machine slows all alike."""

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.table import Table

Way = Callable[[], Any]


@dataclass(frozen=True)
class Measured:
    """How fast one way was.

    Attributes:
        seconds: of each round.
        items: how many were done in a round.
    """

    seconds: list[float]
    items: int

    @property
    def per_second(self) -> float:
        """Items a second, at the median round."""
        return self.items / float(np.median(self.seconds))


@dataclass(frozen=True)
class Ratio:
    """Speed of one way over another's, round by round: median, least and greatest."""

    median: float
    least: float
    greatest: float

    @classmethod
    def of(cls, ours: Measured, theirs: Measured) -> "Ratio":
        """Ratio of speeds: above 1 ours is the faster."""
        each = np.divide(theirs.seconds, ours.seconds)
        return cls(float(np.median(each)), float(each.min()), float(each.max()))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} – {self.greatest:.2f})"


class Rounds:
    """Runs ways in turns and keeps their times."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}
        self._done = 0

    def run(self, ways: Mapping[str, Way], *, warm_up: bool = False) -> dict[str, Any]:
        """Run every way once, another one first in each round.

        Args:
            ways: by name.
            warm_up: keep no times.

        Returns:
            What each way returned.
        """
        torch = sys.modules.get("torch")  # not imported: no GPU to wait for
        names = list(ways)
        first = self._done % len(names)
        self._done += 1
        results = {}
        self._seconds = {name: self._seconds.get(name, []) for name in names}
        for name in names[first:] + names[:first]:
            started = time.perf_counter()
            results[name] = ways[name]()
            if torch and torch.cuda.is_available():
                torch.cuda.synchronize()
            if not warm_up:
                self._seconds[name].append(time.perf_counter() - started)
        return results

    def measured(self, items: int) -> dict[str, Measured]:
        """How fast each way was, at so many items a round."""
        return {name: Measured(seconds, items) for name, seconds in self._seconds.items()}


def plain(ways: Mapping[str, Measured], ours: str) -> dict[str, Any]:
    """Return as JSON has it how fast each way was, and ours over every other."""
    ratios = {name: Ratio.of(ways[ours], way) for name, way in ways.items() if name != ours}
    return {
        "per_second": {name: round(way.per_second, 2) for name, way in ways.items()},
        "ratio_to": {name: asdict(ratio) for name, ratio in ratios.items()},
    }


def table(ways: Mapping[str, Measured], ours: str, what: str, title: str | None = None) -> Table:
    """Draw how fast each way was, and ours over every other.

    Args:
        ways: by name.
        ours: the name of ours.
        what: the items, plural.
        title: over it.
    """
    drawn = Table("way", f"{what}/s", f"{ours} over it (least – greatest round)", title=title)
    for name, way in ways.items():
        ratio = "" if name == ours else str(Ratio.of(ways[ours], way))
        drawn.add_row(name, f"{way.per_second:.1f}", ratio)
    return drawn
