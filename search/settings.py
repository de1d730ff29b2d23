"""How a hybrid search weighs its parts, and the file `search.json` that keeps it for a variant."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from encoder.variant import Variant
from qdrant.model import VECTORS, WORDS
from search.formula import SIGNALS
from search.fusion import METHODS, Method
from search.query import SearchError
from search.variant_files import VariantFile

# Products that each part of a hybrid search contributes, over which its scores are scaled.
CANDIDATES = 200

FILE = "search.json"
PARTS = (WORDS, *VECTORS)


# Measured on nine shops with three models: nowhere worse than words alone beyond noise on queries
# of people, and better with a strong text model (docs/search.md).
DEFAULT_WEIGHTS = {"words": 0.8, "text": 0.15, "fused": 0.05}


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How a hybrid search weighs its parts.

    Attributes:
        method: of fusion.
        weights: of `words` and of each dense vector, at least 0; what is not named has 0.
        formula: weights of `rating`, `stock` and `age` beside a relevance of weight 1
            (`search.formula`); none by default.

    Raises:
        SearchError: an unknown method, part or signal, or a weight that is no finite number from 0
            up.
    """

    method: Method = "margin"
    weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    formula: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SearchError(f"There is no fusion “{self.method}”; take {', '.join(METHODS)}.")
        for part, weight in self.weights.items():
            if part not in PARTS:
                raise SearchError(f"There is no part “{part}”; take {', '.join(PARTS)}.")
            if not _is_weight(weight):
                raise SearchError(f"The weight of {part} is {weight!r}; it is a number from 0 up.")
        for signal, weight in self.formula.items():
            if signal not in SIGNALS:
                raise SearchError(f"There is no signal “{signal}”; take {', '.join(SIGNALS)}.")
            if not _is_weight(weight):
                raise SearchError(
                    f"The weight of {signal} is {weight!r}; it is a number from 0 up."
                )
        if not any(self.weights.values()):
            raise SearchError("No part has a weight above 0.")


def _is_weight(value: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 <= value < math.inf  # type: ignore[operator]


DEFAULT_SETTINGS = SearchSettings()


def settings_file(variant: Variant) -> VariantFile[SearchSettings]:
    """The settings of a variant, the default ones where its folder has no file of them."""
    remedy = (
        "The search goes on with the default settings: correct the file, delete it, or make a new "
        f"one with `vitrine eval tune --variant {variant.name}`."
    )
    return VariantFile(variant, FILE, _parse, DEFAULT_SETTINGS, remedy)


def settings_object(settings: SearchSettings, notes: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as the file has them.

    Args:
        settings: what a search uses.
        notes: how they were chosen, for readers; JSON.
    """
    return asdict(settings) | {"notes": dict(notes)}


def _parse(values: dict[str, Any]) -> SearchSettings:
    values.pop("notes", None)
    if not isinstance(values.get("weights"), dict) or not isinstance(values.get("method"), str):
        raise SearchError("is damaged: it lacks the method or the weights.")
    if not isinstance(values.get("formula", {}), dict):
        raise SearchError("is damaged: its formula has no weights.")
    if unknown := sorted(values.keys() - {"method", "weights", "formula"}):
        raise SearchError(f"has an unknown setting “{unknown[0]}”.")
    try:
        return SearchSettings(**values)
    except SearchError as error:
        raise SearchError(f"cannot be used: {error}") from None
