"""What a query finds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from search.fusion import PartScore


@dataclass(frozen=True, slots=True)
class Folded:
    """A product that is shown together with a better one: another variant, or a near-duplicate.

    Attributes:
        id: product id.
        title: its title.
    """

    id: str
    title: str


@dataclass(frozen=True, slots=True)
class Result:
    """One product that was found.

    Attributes:
        rank: 1 is the best.
        id: the product's id.
        score: exact cosine of the query and the product's vector, −1 to 1; comparable only
            within one variant and one vector. Of a hybrid search or one by words, the fused
            score, 0 to 1, comparable only within the one search.
        vector: the vector that was compared, or the match, `hybrid` or `words`; `listing` where
            products are in the order of a fact, without a query.
        product: the product's payload: title, brand, category, price and so on, where present.
        parts: its rank and score in each part of the search that found it.
        folded: the products that this one stands for, best first.
        matched: the words of the query that occur in the product, by field: `title`, `brand`,
            `category`, `attribute`, `description` or `code`; other forms of a word are the same
            word.
        confidence: calibrated chance, 0 to 1, that a query whose best product is this one finds
            what it looks for; None where the search is not calibrated (`search.confidence`).
    """

    rank: int
    id: str
    score: float
    vector: str
    product: dict[str, Any]
    parts: Mapping[str, PartScore] = field(default_factory=dict)
    folded: tuple[Folded, ...] = ()
    matched: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """What was found for one query.

    Attributes:
        results: the products, best first.
        without_picture: where vectors of pictures were compared, products that have no picture,
            ranked by their text alone. A text is far nearer to a text than to a picture, so their
            scores are not comparable with the others.
        searched_for: the text that was searched for, where misspelt words were corrected; else
            empty.
        notice: what could not be done as it was typed, and the remedy; empty where all could.
        confidence: calibrated chance, 0 to 1, that the shop has what the text looks for; None
            where the search is not calibrated.
        nothing_fits: the confidence is below the calibrated threshold. False where there is none.
        nearest_categories: where nothing fits, the most frequent categories of the results.
        query_id: names the search in events; empty where the log does not keep it.
        load_seconds: time until the model was in memory, by the variant's first query.
        encode_seconds: time in the model.
        search_seconds: time in the store and in ranking.
        encoded_texts: number of its texts that the model encoded.
        cached_texts: number of its texts whose vectors were kept from earlier queries.
    """

    results: tuple[Result, ...]
    without_picture: tuple[Result, ...] = ()
    searched_for: str = ""
    notice: str = ""
    confidence: float | None = None
    nothing_fits: bool = False
    nearest_categories: tuple[str, ...] = ()
    query_id: str = ""
    load_seconds: float = 0.0
    encode_seconds: float = 0.0
    search_seconds: float = 0.0
    encoded_texts: int = 0
    cached_texts: int = 0

    @property
    def hint(self) -> str:
        """A sentence above results of which probably none fits; empty where some may."""
        if not self.nothing_fits:
            return ""
        sentence = f"Probably nothing here fits (confidence {self.confidence:.0%})."
        if self.nearest_categories:
            sentence += f" The nearest categories: {', '.join(self.nearest_categories)}."
        return sentence
