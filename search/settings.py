"""How a hybrid search weighs its parts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from search.fusion import Method

# Products that each part of a hybrid search contributes.
CANDIDATES = 200


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How a hybrid search weighs its parts.

    Attributes:
        method: of fusion.
        weights: of `words` and of each dense vector, at least 0; what is not named has 0.
    """

    method: Method = "convex"
    weights: Mapping[str, float] = field(
        default_factory=lambda: {"words": 0.7, "text": 0.15, "fused": 0.15}
    )


DEFAULT_SETTINGS = SearchSettings()
