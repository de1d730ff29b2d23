"""What a person asks and what comes back."""

import unicodedata
from dataclasses import dataclass, field
from typing import Any

from PIL.Image import Image

from qdrant.model import VECTORS, Filters
from vitrine import VitrineError

# CLIP reads 77 tokens, some 300 characters of English. A pasted title or description fits
# well below this; what is longer is a mistake that deserves a sentence, not a cut.
MAX_TEXT = 4_000
MAX_K = 1_000  # a person reads tens; evaluation asks for hundreds


class SearchError(VitrineError):
    """A search that cannot be carried out; the message says why and what to do.

    ├── QueryError        the query itself is at fault
    └── VariantMismatch   the collection was built by another state of the variant
    """


class QueryError(SearchError):
    """The query itself is at fault."""


class VariantMismatch(SearchError):
    """The collection's vectors and the query's would not be of one space."""


@dataclass(frozen=True, slots=True)
class Query:
    """Text, a picture, or both, and how to search.

    Args:
        text: what was typed; compatibility forms and white space are folded.
        picture: an RGB picture.
        filters: what every result must satisfy.
        k: how many results, 1 to `MAX_K`.
        vector: which vector of the products to compare with: `fused`, `image` or `text`.
        weight: the share of the text when both are given, 0 to 1.

    Raises:
        QueryError: nothing to search for, or a value out of its range.
    """

    text: str = ""
    picture: Image | None = None
    filters: Filters = field(default_factory=Filters)
    k: int = 10
    vector: str = "fused"
    weight: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", normalize_text(self.text))
        if not self.text and self.picture is None:
            raise QueryError("There is nothing to search for: type words, give a picture, or both.")
        if len(self.text) > MAX_TEXT:
            raise QueryError(
                f"The query text has {len(self.text):,} characters; at most {MAX_TEXT:,} are "
                "taken. Shorten it: the model reads only the first few dozen words."
            )
        if not 0 <= self.weight <= 1:
            raise QueryError(f"The weight of the text is {self.weight}; it lies between 0 and 1.")
        check_search(self.k, self.vector, self.filters)


@dataclass(frozen=True, slots=True)
class Result:
    """One product that was found.

    Attributes:
        rank: 1 is the best.
        id: the product's id.
        score: exact cosine of the query and the product's vector, −1 to 1; comparable only
            within one variant and one vector.
        vector: the vector that was compared.
        product: the product's payload: title, brand, category, price and so on, those it has.
    """

    rank: int
    id: str
    score: float
    vector: str
    product: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """What was found for one query.

    Attributes:
        results: the products, best first.
        without_picture: products that have no picture, ranked by their text alone. Their
            scores compare words with words and run far higher, so they stand apart.
        encode_seconds: time in the model.
        search_seconds: time in the store and in ranking.
    """

    results: tuple[Result, ...]
    without_picture: tuple[Result, ...] = ()
    encode_seconds: float = 0.0
    search_seconds: float = 0.0


def normalize_text(text: str) -> str:
    """Text as the catalogue keeps it: NFKC, white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def check_search(k: int, vector: str, filters: Filters) -> None:
    """Refuse a search that no collection could answer.

    Raises:
        QueryError: k, the vector's name or a range is wrong.
    """
    if not 1 <= k <= MAX_K:
        raise QueryError(f"k is {k}; ask for 1 to {MAX_K:,} results.")
    if vector not in VECTORS:
        raise QueryError(f"There is no vector “{vector}”; products carry {', '.join(VECTORS)}.")
    low, high = filters.price_min, filters.price_max
    if low is not None and high is not None and low > high:
        raise QueryError(f"The lowest price, {low:g}, is above the highest, {high:g}.")
