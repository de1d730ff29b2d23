"""How an evaluation is done, and what it comes to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from encoder.variant import Variant
from eval.comparison import RESAMPLES, Difference, Estimate
from eval.diagnostics import Diagnostics, Scores
from eval.gallery_store import INDEXES
from eval.measures import Ranked
from eval.queries import LabelledQuery
from eval.retrieval import Manner

ENGINES = ("qdrant", *INDEXES)
ALL = "all queries"
SHOWN = 5  # answers of a query that a report shows with their pictures


@dataclass(frozen=True)
class Settings:
    """How an evaluation is done.

    Attributes:
        variants: names, the first being what the others are read against.
        vector: asked for by hand; empty leaves each query its own, or `fused`.
        engine: of `ENGINES`.
        within_category: search only each query's category.
        depth: answers per query.
        k: of AvgMeanSimilarity@k.
        text_fallback: ask a query by its text where its picture cannot be had.
        precision: the encoder's.
        resamples: of the bootstrap and of the randomisation test.
        seed: of their draws.
    """

    variants: tuple[str, ...]
    vector: str = ""
    engine: str = "qdrant"
    within_category: bool = False
    depth: int = 100
    k: int = 5
    text_fallback: bool = False
    precision: str = "auto"
    resamples: int = RESAMPLES
    seed: int = 0

    @property
    def manner(self) -> Manner:
        """How the queries are asked."""
        return Manner(
            depth=self.depth,
            vector=self.vector or Manner.vector,
            within_category=self.within_category,
            text_fallback=self.text_fallback,
        )


@dataclass
class Outcome:
    """What one variant came to.

    Attributes:
        variant: the variant.
        points: products in its collection.
        ranked: its answers to the measured queries.
        scores: of each measured query, by measure.
        similarity: scores of right and wrong answers.
        diagnostics: how its vectors lie.
        seconds: time spent, by what on.
    """

    variant: Variant
    points: int
    ranked: Ranked
    scores: dict[str, np.ndarray]
    similarity: Scores
    diagnostics: Diagnostics
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Slice:
    """Some of the queries, and what the variants came to on them.

    Attributes:
        label: what they have in common.
        sort: `all`, `kind` or `category`.
        rows: their places among the measured queries.
        estimates: by measure, by variant.
        chance: what guessing would score, by measure.
    """

    label: str
    sort: str
    rows: np.ndarray
    estimates: Mapping[str, Mapping[str, Estimate]]
    chance: Mapping[str, float]


@dataclass
class Evaluation:
    """All that a report tells.

    Attributes:
        queries: those that were measured.
        name: of the query set.
        settings: how it was done.
        qrels: right answers by query, those that could be found.
        outcomes: by variant.
        slices: all queries first, then by kind and by category where there are several.
        differences: between every two variants, over all queries.
        notes: what was left out or needs to be known, counted.
        failed: why a query's picture could not be had, by query.
        products: what is told of right answers and of the first `SHOWN` answers, by id.
    """

    queries: list[LabelledQuery]
    name: str
    settings: Settings
    qrels: dict[str, dict[str, int]]
    outcomes: dict[str, Outcome]
    slices: list[Slice]
    differences: list[Difference]
    notes: dict[str, int]
    failed: dict[str, str]
    products: dict[str, dict[str, Any]]
