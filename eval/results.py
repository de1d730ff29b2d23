"""The results of an evaluation, and their JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from encoder.variant import Variant
from eval.comparison import Difference, Estimate
from eval.diagnostics import Diagnostics, ScoreSamples
from eval.measures import Ranked
from eval.queries import LabelledQuery
from eval.settings import Settings

SHOWN = 5  # results of a query that a report shows with their pictures


@dataclass
class Outcome:
    """The results of one system and their measures.

    Attributes:
        variant: that was searched.
        points: products in its collection.
        ranked: its results for the measured queries.
        scores: of each measured query, by measure.
        similarity: scores of relevant and of other products.
        diagnostics: of its vectors.
        seconds: time spent, by what on.
    """

    variant: Variant
    points: int
    ranked: Ranked
    scores: dict[str, np.ndarray]
    similarity: ScoreSamples
    diagnostics: Diagnostics
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Slice:
    """Some of the queries, and the measures of the variants on them.

    Attributes:
        label: what they have in common.
        sort: `all`, `kind` or `category`.
        rows: their rows among the measured queries.
        estimates: by measure, by variant.
        baseline: the random baseline, by measure.
    """

    label: str
    sort: str
    rows: np.ndarray
    estimates: Mapping[str, Mapping[str, Estimate]]
    baseline: Mapping[str, float]


@dataclass
class Evaluation:
    """Everything that a report shows.

    Attributes:
        queries: those that were measured.
        clusters: the cluster of each, int (n,).
        name: of the query set.
        settings: how it was done.
        qrels: relevant products by query, those that could be found.
        outcomes: by variant.
        slices: all queries first, then by kind and by category where there are several.
        differences: between every two variants, over all queries.
        counts: of queries and products that were left out or need attention, by a name of
            `eval.queries.COUNTS`.
        failed: why a query's picture could not be read, by query.
        products: payloads of relevant products and of the first `SHOWN` results, by id.
    """

    queries: list[LabelledQuery]
    clusters: np.ndarray
    name: str
    settings: Settings
    qrels: dict[str, dict[str, int]]
    outcomes: dict[str, Outcome]
    slices: list[Slice]
    differences: list[Difference]
    counts: dict[str, int]
    failed: dict[str, str]
    products: dict[str, dict[str, Any]]


def as_object(evaluation: Evaluation) -> dict[str, Any]:
    """The object that `eval run --json` prints; a value that does not exist is NaN."""
    whole, *parts = evaluation.slices
    return variants_object(whole.estimates, evaluation.differences) | {
        "chance": whole.baseline,
        "slices": [
            {
                "sort": part.sort,
                "label": part.label,
                "variants": _values(part.estimates),
                "chance": part.baseline,
            }
            for part in parts
        ],
        "diagnostics": {
            name: {
                "products": outcome.diagnostics.products,
                "modality_gap": outcome.diagnostics.modality_gap,
                "random_cosine": outcome.diagnostics.random_cosine,
                "asked": outcome.diagnostics.pairing,
                "hubness": outcome.diagnostics.hubness,
                "never_found": outcome.diagnostics.never_found,
                "separation": outcome.similarity.auc,
            }
            for name, outcome in evaluation.outcomes.items()
        },
        "about": {
            name: {
                "fingerprint": outcome.variant.fingerprint,
                "base": outcome.variant.base,
                "template": outcome.variant.template.name,
                "points": outcome.points,
                "seconds": outcome.seconds,
            }
            for name, outcome in evaluation.outcomes.items()
        },
        "queries": {"set": evaluation.name, "counts": evaluation.counts},
        "settings": asdict(evaluation.settings) | {"vector": evaluation.settings.vector},
    }


def variants_object(
    variants: Mapping[str, Mapping[str, Estimate]], differences: Sequence[Difference]
) -> dict[str, Any]:
    """Measures and differences as an object."""
    return {
        "variants": _values(variants),
        "differences": [asdict(each) | {"winner": each.winner} for each in differences],
    }


def per_query(evaluation: Evaluation) -> dict[str, Any]:
    """Every score of every query, and why the others were not measured."""
    return {
        "queries": [query.id for query in evaluation.queries],
        "texts": [query.text for query in evaluation.queries],
        "clusters": evaluation.clusters.tolist(),
        "failed": evaluation.failed,
        "variants": {
            name: {measure: values.tolist() for measure, values in outcome.scores.items()}
            for name, outcome in evaluation.outcomes.items()
        },
    }


def _values(
    estimates: Mapping[str, Mapping[str, Estimate]],
) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        name: {measure: asdict(each) for measure, each in measures.items()}
        for name, measures in estimates.items()
    }
