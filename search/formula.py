"""The formula: relevance beside rating, stock and age, with weights of the search settings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import numpy as np

from search.fusion import Candidate

Number = TypeVar("Number", float, np.ndarray)

RATING_FACTS = ("rating", "rating_count")
FORMULA_FACTS = (*RATING_FACTS, "in_stock", "released")

# Ratings that a product's mean is mixed with, at the mean of all candidates: a product with as
# many ratings of its own stands half way. A customary value for a prior; not measured.
PRIOR_COUNT = 10
HALF_LIFE = 180  # days after which a product's newness is half


def rescore(candidates: Sequence[Candidate], weights: Mapping[str, float]) -> list[Candidate]:
    """Candidates by the weighted mean of their relevance and the signals, ties by ascending id.

    The score becomes (r + Σ w·s) / (1 + Σ w). Relevance r is the score, scaled over the candidates
    to 0 to 1; each signal s is 0 to 1, and w its weight.

    Args:
        candidates: best first.
        weights: of `rating`, `stock` and `age`, at least 0, beside a relevance of weight 1.
    """
    if not candidates or not any(weights.values()):
        return list(candidates)
    relevance = scaled([candidate.score for candidate in candidates])
    facts = [candidate.facts for candidate in candidates]
    total = [*relevance]
    for name, weight in weights.items():
        if weight:
            signals = SIGNALS[name](facts)
            total = [
                so_far + weight * signal for so_far, signal in zip(total, signals, strict=True)
            ]
    whole = 1 + sum(weights.values())
    rescored = [
        replace(candidate, score=score / whole)
        for candidate, score in zip(candidates, total, strict=True)
    ]
    return sorted(rescored, key=lambda candidate: (-round(candidate.score, 9), candidate.id))


def scaled(values: Sequence[float]) -> list[float]:
    """Values from 1 for the highest to 0 for the lowest; all 1 where they are equal."""
    low, high = min(values), max(values)
    if high <= low:
        return [1.0] * len(values)
    return [(value - low) / (high - low) for value in values]


def mean_rating(facts: Iterable[Mapping[str, Any]]) -> float | None:
    """The mean of the products' ratings, the same in any order; None where none has one."""
    total, number = 0.0, 0
    for each in facts:
        if (rating := each.get("rating")) is not None:
            total, number = total + rating, number + 1
    return round(total / number, 6) if number else None


def bayesian_ratings(
    facts: Sequence[Mapping[str, Any]], mean: float | None = None
) -> list[float | None]:
    """The mean rating of each product, mixed with `PRIOR_COUNT` ratings of the mean of all.

    A product without a rating has None; one without a count is taken to have `PRIOR_COUNT`.

    Args:
        facts: of the products.
        mean: of all; that of these products where it is None.
    """
    if mean is None:
        mean = mean_rating(facts)
    if mean is None:
        return [None] * len(facts)
    return [
        None
        if each.get("rating") is None
        else mix_ratings(float(each["rating"]), _count(each), mean)
        for each in facts
    ]


def mix_ratings(rating: Number, count: Number, mean: float) -> Number:
    """The mean of `count` ratings, mixed with `PRIOR_COUNT` ratings of the mean of all."""
    return (count * rating + PRIOR_COUNT * mean) / (count + PRIOR_COUNT)


def _count(facts: Mapping[str, Any]) -> float:
    count = facts.get("rating_count")
    return float(PRIOR_COUNT if count is None else count)


def _by_rating(facts: Sequence[Mapping[str, Any]]) -> list[float]:
    """The Bayesian rating, scaled over the candidates; one without a rating has the middle."""
    ratings = bayesian_ratings(facts)
    known = [rating for rating in ratings if rating is not None]
    if not known:
        return [0.0] * len(facts)
    values = iter(scaled(known))
    return [0.5 if rating is None else next(values) for rating in ratings]


def _by_stock(facts: Sequence[Mapping[str, Any]]) -> list[float]:
    """0 for a product that is known to be out of stock, else 1."""
    return [0.0 if each.get("in_stock") is False else 1.0 for each in facts]


def _by_age(facts: Sequence[Mapping[str, Any]]) -> list[float]:
    """Newness, halved every `HALF_LIFE` days since the release; 0 where no date is known."""
    today = datetime.now(UTC).date()
    return [_newness(str(each.get("released", "")), today) for each in facts]


def _newness(released: str, today: date) -> float:
    try:
        days = (today - date.fromisoformat(released[:10])).days
    except ValueError:
        return 0.0
    return float(0.5 ** (max(days, 0) / HALF_LIFE))


SIGNALS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], list[float]]] = {
    "rating": _by_rating,
    "stock": _by_stock,
    "age": _by_age,
}
