"""How likely it is that a shop has what a text is looking for: calibrated confidence.

A score has no meaning of its own: in a shop of clothes the best cosine of "refrigerator" may be
above that of "red dress". `vitrine eval calibrate` measures on queries that fit the shop, and on
others that do not, what tells them apart, and keeps the result in the variant's `confidence.json`
for each match:

- a logistic sum of features of what the search finds (`search.evidence`),
- an isotonic map from the sum to the chance that something fits,
- a threshold of the sum: of new queries that fit, at most the stated share lies below it, whatever
  the distribution (split conformal prediction).

Sources: B. Zadrozny, C. Elkan, Transforming classifier scores into accurate multiclass probability
estimates, KDD 2002; V. Vovk, A. Gammerman, G. Shafer, Algorithmic Learning in a Random World, 2005.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from encoder.variant import Variant
from qdrant.model import WORDS, Collection
from qdrant.words import Words
from search.candidates import Search
from search.evidence import COVERAGE, WORD_SCORE, Evidence, coverage, is_narrowed
from search.exact import EXACT
from search.query import MATCHES, Query, SearchError
from search.results import Result, Results
from search.variant_files import VariantFile

FILE = "confidence.json"
CATEGORIES = 3  # that are named where nothing fits
# Products that a collection may have gained or lost since it was calibrated, as a share: rare words
# and the nearest cosines depend on how many there are.
CHANGED = 0.2


@dataclass(frozen=True, slots=True)
class Calibration:
    """From the features of a query to the chance that something fits it.

    Attributes:
        weights: of each feature in the logistic sum.
        intercept: of the sum.
        sums, chances: corners of the isotonic map, both ascending.
        threshold: of the sum; below it nothing fits.
        rate: at most this share of the queries that fit lies below the threshold.
        products: of the collection, when it was calibrated.
        generation: the same.
    """

    weights: Mapping[str, float]
    intercept: float
    sums: Sequence[float]
    chances: Sequence[float]
    threshold: float
    rate: float
    products: int
    generation: str = ""

    def __post_init__(self) -> None:
        values = [*self.weights.values(), self.intercept, *self.sums, *self.chances]
        numbers = [*values, self.threshold, self.rate, self.products]
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers):
            raise SearchError("has a value that is no finite number.")
        if len(self.sums) != len(self.chances) or not self.sums:
            raise SearchError("has a map whose corners are incomplete.")
        rising = all(a <= b for line in (self.sums, self.chances) for a, b in pairwise(line))
        if not rising or not 0 <= self.chances[0] <= self.chances[-1] <= 1:
            raise SearchError("has a map that does not rise from 0 to 1.")

    def sum(self, features: Mapping[str, float]) -> float | None:
        """The logistic sum; None where a feature is missing."""
        if not self.weights.keys() <= features.keys():
            return None
        return self.intercept + sum(
            weight * features[name] for name, weight in self.weights.items()
        )

    def chance(self, total: float) -> float:
        """The chance that something fits, 0 to 1."""
        return float(np.interp(total, self.sums, self.chances))

    def holds_for(self, products: int) -> bool:
        """Whether a collection of so many products is still the one that was calibrated."""
        return abs(products - self.products) <= CHANGED * self.products


Calibrations = Mapping[str, Calibration]  # by match


def calibration_file(variant: Variant) -> VariantFile[Calibrations]:
    """The calibrations of a variant by match; empty where it was not calibrated."""
    remedy = (
        "The search goes on without confidence: delete the file, or make a new one with "
        f"`vitrine eval calibrate --variant {variant.name}`."
    )
    nothing: Calibrations = {}
    return VariantFile(variant, FILE, _parse, nothing, remedy)


def calibrations_object(calibrations: Calibrations) -> dict[str, Any]:
    """Calibrations as the file has them."""
    return {"matches": {match: asdict(each) for match, each in calibrations.items()}}


def add_confidence(
    found: Sequence[Results],
    searches: Sequence[Search],
    calibrations: Calibrations,
    collection: Collection,
) -> list[Results]:
    """Results with their confidence, of the searches that have looked for evidence.

    Args:
        found: the results of each search.
        searches: in the same order.
        calibrations: of the variant.
        collection: that was searched.
    """
    words = Words.of(collection.words) if collection.words else None
    return [
        _judged(
            results,
            calibrations[search.plan.query.match],
            Evidence.of(search.nearest, words, collection.points),
            words,
            narrowed=is_narrowed(search.plan),
        )
        if search.nearest
        else results
        for results, search in zip(found, searches, strict=True)
    ]


def outdated(variant: str, calibrations: Calibrations, products: int) -> str:
    """A sentence where calibrations hold for a collection no longer; empty where they do."""
    old = [each for each in calibrations.values() if not each.holds_for(products)]
    if not old:
        return ""
    return (
        f"The confidence of {variant} was calibrated when its collection had {old[0].products:,} "
        f"products, and it now has {products:,}: run `vitrine eval calibrate --variant {variant}` "
        "again. Until then none is given."
    )


def is_calibrated(query: Query, calibrations: Calibrations, products: int) -> bool:
    """Whether a query's confidence is known.

    Args:
        query: resolved.
        calibrations: of the variant.
        products: in the collection.
    """
    calibration = calibrations.get(query.match)
    text_alone = query.text != "" and query.picture is None
    return text_alone and calibration is not None and calibration.holds_for(products)


def _judged(
    found: Results,
    calibration: Calibration,
    evidence: Evidence,
    words: Words | None,
    *,
    narrowed: bool,
) -> Results:
    """Results with the confidence of each and of the whole.

    A product whose code or title was typed is what was looked for. Where filters leave a part of
    the shop, the whole is no likelier to fit than the likeliest of the results.
    """
    total = calibration.sum(evidence.features)
    if total is None:
        return found
    sums = [calibration.sum(_features_of(each, evidence, words)) for each in found.results]
    own = [total if each is None else each for each in sums]
    if narrowed and own:
        total = min(total, max(own))
    typed = [bool(EXACT & each.parts.keys()) for each in found.results]
    whole = 1.0 if any(typed) else calibration.chance(total)
    chances = [
        1.0 if is_typed else min(calibration.chance(each), whole)
        for each, is_typed in zip(own, typed, strict=True)
    ]
    results = tuple(
        replace(each, confidence=chance)
        for each, chance in zip(found.results, chances, strict=True)
    )
    nothing = not any(typed) and total < calibration.threshold
    return replace(
        found,
        results=results,
        confidence=whole,
        nothing_fits=nothing,
        nearest_categories=(
            nearest_categories(each.product for each in results) if nothing else ()
        ),
    )


def _features_of(result: Result, evidence: Evidence, words: Words | None) -> dict[str, float]:
    """The features of a query if this product were its best one.

    Where words are searched, it is judged by the words that it has: the cosines of products that
    have all the words differ among themselves as much as those of queries that fit and of others.
    """
    own = dict(evidence.features)
    if words and WORD_SCORE in own:
        place = result.parts.get(WORDS)
        own[COVERAGE] = coverage(str(result.product.get("title", "")), words, evidence.masses)
        own[WORD_SCORE] = place.score / sum(evidence.masses.values()) if place else 0.0
    else:
        own |= {f"best {part}": place.score for part, place in result.parts.items()}
    return own


def nearest_categories(payloads: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The most frequent categories of some products, each by its deepest path."""
    deepest = (
        max(each.get("categories") or [each.get("category", "")], key=len) for each in payloads
    )
    counted = Counter(name for name in deepest if name)
    return tuple(name for name, _ in counted.most_common(CATEGORIES))


def _parse(values: dict[str, Any]) -> Calibrations:
    matches = values.get("matches")
    if not isinstance(matches, dict) or not matches.keys() <= set(MATCHES):
        raise SearchError("is damaged: it lacks the calibrations of matches.")
    try:
        return {match: Calibration(**each) for match, each in matches.items()}
    except (TypeError, AttributeError):
        raise SearchError("is damaged: a calibration lacks values.") from None
