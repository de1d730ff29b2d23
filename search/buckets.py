"""Buckets of prices and of numbers, with edges that people read easily."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import accumulate

from qdrant.price_steps import EDGES, edge_of, step_of

BUCKETS = 6  # about as many as are wanted
ROUND = (1.0, 2.0, 5.0)
WIDE = 10  # numbers that span a factor of this are divided by ratio, others by difference


@dataclass(frozen=True, slots=True)
class Bucket:
    """Products by a number.

    Attributes:
        low: the number is at least this; None is no bound.
        high: and below this; None is no bound.
        count: of the products.
    """

    low: float | None
    high: float | None
    count: int

    def __str__(self) -> str:
        """The bucket in words."""
        if self.low is None:
            return "all" if self.high is None else f"under {_amount(self.high)}"
        if self.high is None:
            return f"{_amount(self.low)} and more"
        return f"{_amount(self.low)} to under {_amount(self.high)}"


def bucket_prices(steps: Mapping[int, int]) -> tuple[Bucket, ...]:
    """Buckets of prices, counted exactly; none is empty.

    The edges are the quantiles, rounded down to 1, 2 or 5 times a power of ten; where that leaves
    fewer than three, to the edges of steps.

    Args:
        steps: products by price step (`qdrant.price_steps`).
    """
    counts = {edge_of(step): count for step, count in steps.items()}
    edges: list[float] = []
    for scale in (ROUND, EDGES):
        edges = _edges(counts, partial(_round_price, scale=scale))
        if len(edges) >= 3:
            break
    return _count(counts, edges)


def bucket_numbers(counts: Mapping[float, int]) -> tuple[Bucket, ...]:
    """Buckets of an attribute's numbers, counted exactly; none is empty.

    Args:
        counts: products by number.
    """
    low, high = min(counts), max(counts)
    if low > 0 and high / low >= WIDE:
        return _count(counts, _edges(counts, lambda number: _round_down(number, ROUND)))
    width = _round_down((high - low) / BUCKETS, ROUND) or 1.0
    return _count(counts, _edges(counts, lambda number: _multiple(number, width)))


def _edges(counts: Mapping[float, int], rounded: Callable[[float], float]) -> list[float]:
    """The rounded quantiles, ascending; none at or below the least number."""
    if not counts:
        return []
    ascending = sorted(counts)
    below = list(accumulate((counts[number] for number in ascending), initial=0))
    quantiles = (below[-1] * part / BUCKETS for part in range(1, BUCKETS))
    found = {rounded(ascending[bisect_right(below, each) - 1]) for each in quantiles}
    return sorted(edge for edge in found if edge > ascending[0])


def _count(counts: Mapping[float, int], edges: list[float]) -> tuple[Bucket, ...]:
    totals = [0] * (len(edges) + 1)
    for number, count in counts.items():
        totals[bisect_right(edges, number)] += count
    bounds = [None, *edges, None]
    found = zip(bounds, bounds[1:], totals, strict=False)
    return tuple(Bucket(low, high, count) for low, high, count in found if count)


def _round_price(price: float, scale: tuple[float, ...]) -> float:
    return edge_of(step_of(_round_down(price, scale)))


def _round_down(number: float, scale: tuple[float, ...]) -> float:
    """The greatest number of the scale, in any decade, that is not above a positive number."""
    if number <= 0:
        return 0.0
    decade = math.floor(math.log10(number))
    candidates = (float(f"{each}e{decade + shift}") for shift in (-1, 0, 1) for each in scale)
    return max(each for each in candidates if each <= number * (1 + 1e-12))


def _multiple(number: float, width: float) -> float:
    """A number rounded down to a multiple of a width, without the rounding errors of floats."""
    return float(f"{math.floor(number / width + 1e-9) * width:.12g}")


def _amount(number: float) -> str:
    return f"{number:,.10g}"
