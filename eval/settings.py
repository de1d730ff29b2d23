"""How an evaluation is done."""

from dataclasses import dataclass

from eval.intervals import RESAMPLES
from eval.queries import LabelledQuery

DEFAULT_VECTOR = "fused"


@dataclass(frozen=True)
class Settings:
    """How an evaluation is done.

    Attributes:
        variants: names; the others are compared with the first.
        matches: how texts are matched, each of `search.query.MATCHES`; every variant is measured
            with each.
        vector: the vector searched for every query; empty takes each query's own, else `fused`.
        engine: of `eval.baseline.ENGINES`.
        within_category: search only each query's category, as the reference system does.
        depth: results per query.
        k: of AvgMeanSimilarity@k.
        text_fallback: search by the text alone where a query's picture cannot be read.
        precision: the encoder's.
        resamples: of the bootstrap and of the randomisation test.
        seed: of their draws.
    """

    variants: tuple[str, ...]
    matches: tuple[str, ...] = ("vectors",)
    vector: str = ""
    engine: str = "qdrant"
    within_category: bool = False
    depth: int = 100
    k: int = 5
    text_fallback: bool = False
    precision: str = "auto"
    resamples: int = RESAMPLES
    seed: int = 0

    def vector_of(self, query: LabelledQuery) -> str:
        """The vector that a query is scored against."""
        return query.vector or self.vector or DEFAULT_VECTOR

    def finds_any(self, query: LabelledQuery) -> bool:
        """Whether products without a picture are searched, too."""
        by_words = any(match != "vectors" for match in self.matches)
        return self.vector_of(query) == "text" or (by_words and query.text != "")
