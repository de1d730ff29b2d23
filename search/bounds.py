"""Bounds of numbers and dates, as people write them."""

import math
import re
from collections.abc import Iterable
from dataclasses import astuple, replace
from datetime import date, timedelta

from qdrant.model import Range, Where
from search.query import QueryError

# A number and its unit. A decimal comma is read before a unit alone: "1,5" may be two values.
NUMBER = re.compile(
    r"([+-]?(?:\d+,\d{1,2}(?=\s*[^\d\s,])|\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*(\D*|[cm]?m[23]|ft2)",
    re.IGNORECASE,
)
DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
BARE = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")  # a number without a unit
UNBOUNDED = (-math.inf, -math.inf, math.inf, math.inf)  # as a `Range` has them
BETWEEN = re.compile(r"(.*?)\s*\.\.\s*(.*)", re.DOTALL)


def read_number(name: str, written: float | str) -> tuple[float, str]:
    """A number and its unit, which is empty where there is none.

    Args:
        name: of the attribute, for the error.
        written: as "2", "-1.5" or "2 kg".

    Raises:
        QueryError: it is no finite number.
    """
    amount, unit = math.nan, ""
    if isinstance(written, float | int):
        amount = written
    elif match := NUMBER.fullmatch(written.strip()):
        amount, unit = float(match[1].replace(",", ".")), match[2].strip()
    if not math.isfinite(amount):
        raise QueryError(
            f"“{name}” is a number, and “{str(written)[:80]}” is none: write it as 2, 1.5 or 1..2."
        )
    return amount, unit


def read_range(written: str) -> Range:
    """The range from LOW..HIGH, where one may be missing; a single value is both.

    A unit after the upper bound is the lower one's, too: "1..2 kg".

    Raises:
        QueryError: both are missing.
    """
    match = BETWEEN.fullmatch(written)
    low, high = match.groups() if match else (written, written)
    if not (low or high):
        raise QueryError(f"“{written}” has no bound: write it as in weight=1..2.")
    if BARE.fullmatch(low) and (upper := NUMBER.fullmatch(high)):
        low = f"{low} {upper[2]}".rstrip()
    return Range(gte=low or None, lte=high or None)


def is_within(number: float, bounds: Range) -> bool:
    """Whether a number is in a range of numbers."""
    gt, gte, lt, lte = (
        default if bound is None else float(bound)
        for bound, default in zip(astuple(bounds), UNBOUNDED, strict=True)
    )
    return gt < number < lt and gte <= number <= lte


def as_dates(where: Where) -> Where:
    """A condition on a date whose bounds are years, months or days, with days as its bounds.

    Raises:
        QueryError: a bound is no date.
    """
    ranges = []
    for each in (*where.ranges, *map(read_range, where.values)):
        first = {name: _days(where.name, bound)[0] for name, bound in _named(each, "gte", "lt")}
        after = {name: _days(where.name, bound)[1] for name, bound in _named(each, "gt", "lte")}
        ranges.append(
            Range(
                gte=first.get("gte") or after.get("gt"),
                lt=first.get("lt") or after.get("lte"),
            )
        )
    check_ascending(where.name, ranges)
    return replace(where, values=(), ranges=tuple(ranges))


def check_ascending(name: str, ranges: Iterable[Range]) -> None:
    """Check that each range has its lower bound first.

    Raises:
        QueryError: one has not.
    """
    for each in ranges:
        match each.bounds:
            case (float(low), float(high)) if low > high:
                raise QueryError(f"The lowest {name}, {low:g}, is above the highest, {high:g}.")
            case (str(low), str(high)) if low >= high:  # the day after the highest
                raise QueryError(f"The first day of {name}, {low}, is after the last.")


def _named(bounds: Range, *names: str) -> list[tuple[str, float | str]]:
    return [(name, bound) for name in names if (bound := getattr(bounds, name)) is not None]


def _days(name: str, written: float | str) -> tuple[str, str]:
    """The first day of a year, month or day, and the day after its last."""
    match = DATE.fullmatch(str(written).strip())
    try:
        if match is None:
            raise ValueError("no date")
        year, month, day = (int(part) if part else 0 for part in match.groups())
        first = date(year, month or 1, day or 1)
        if day:
            after = first + timedelta(days=1)
        elif month:
            after = date(year + month // 12, month % 12 + 1, 1)
        else:
            after = date(year + 1, 1, 1)
    except (ValueError, OverflowError):
        raise QueryError(
            f"“{name}” is a date, and “{str(written)[:80]}” is none: write it as 2024, 2024-05 or "
            "2024-05-31."
        ) from None
    return first.isoformat(), after.isoformat()
