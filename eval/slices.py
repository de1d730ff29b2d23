"""Slices: the measures of all queries, and of those of one kind or one category."""

from collections.abc import Mapping, Sequence

import numpy as np

from eval.comparison import estimate
from eval.queries import LabelledQuery
from eval.results import Slice
from eval.settings import Settings


def slice_queries(
    measured: Sequence[LabelledQuery],
    clusters: np.ndarray,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    baseline: Mapping[str, np.ndarray],
    settings: Settings,
) -> list[Slice]:
    """The estimates of each slice, all queries first.

    Args:
        measured: the queries.
        clusters: of the queries, int (n,).
        scores: of each system by measure, float64 (n,).
        baseline: the random baseline by measure, float64 (n,).
        settings: of the evaluation.
    """
    parts = [("all queries", "all", np.arange(len(measured)))]
    for sort in ("kind", "category"):
        labels = rows_by_label([getattr(query, sort) for query in measured])
        if len(labels) > 1 or (sort == "category" and labels):
            parts += [(label, sort, rows) for label, rows in labels.items()]
    return [
        Slice(
            label,
            sort,
            rows,
            estimate(
                {
                    name: {measure: values[rows] for measure, values in each.items()}
                    for name, each in scores.items()
                },
                resamples=settings.resamples,
                seed=settings.seed,
                clusters=clusters[rows],
            ),
            {measure: float(values[rows].mean()) for measure, values in baseline.items()},
        )
        for label, sort, rows in parts
    ]


def rows_by_label(labels: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows of each label, the most frequent label first; empty labels are left out."""
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        if label:
            rows.setdefault(label, []).append(row)
    ordered = sorted(rows.items(), key=lambda each: (-len(each[1]), each[0]))
    return {label: np.array(each) for label, each in ordered}
