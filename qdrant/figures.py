"""Facts of products that are numbers or dates, as columns: what products are ordered by."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from qdrant.filters import DATE_FIELDS


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of n products.

    Attributes:
        points: the numbers of their point ids, (n,) of uint64 or, of 128 bits, of objects.
        values: float64 (n,) by the name of the fact, NaN for a product without it; a date is in
            seconds since 1970.
    """

    points: np.ndarray
    values: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls, points: Sequence[int], payloads: Iterable[Mapping[str, Any]], names: Sequence[str]
    ) -> "Figures":
        """Those of payloads, by the numbers of their point ids."""
        read = [[figure(name, payload.get(name)) for name in names] for payload in payloads]
        columns = np.array(read, np.float64).reshape(-1, len(names)).T
        return cls(np.array(points, object), dict(zip(names, columns, strict=True)))


@dataclass(frozen=True, slots=True)
class First:
    """The points that suffice: the first ones in the order of a fact, those without it last.

    Attributes:
        by: the fact; it has an index.
        descending: whether the largest comes first.
        count: how many; of those that equal the last one, ids may decide.
        most: how many with these equal ones, of which the first ones by point id are taken.
    """

    by: str
    descending: bool
    count: int
    most: int


def figure(field: str, value: object) -> float:
    """A fact as a number, as the engine's index of the field has it; NaN where it is none."""
    if field in DATE_FIELDS:
        return seconds(value) if isinstance(value, str) else math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return math.nan


def seconds(date: str) -> float:
    """An ISO 8601 date in seconds since 1970, UTC where it names no zone; NaN for other text."""
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
