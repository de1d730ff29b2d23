"""Ranking measures, computed by `ir-measures` on the order that was shown.

`ir-measures` orders a run by score and equal scores by id downward; the engine shows equals
by id upward. So it is given −rank for a score: it judges what a person would have seen, and
the true scores stay in the run files.

nDCG has linear gains, as in trec_eval: a product of grade 2 is worth two of grade 1. Recall@k
is the share of a query's relevant products among the first k, so where a query has more than
k of them it cannot reach 1. MRR looks as deep as the run goes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import ir_measures
import numpy as np
from ir_measures import RR, R, nDCG

from eval.errors import NothingToMeasure, QueryFileError
from eval.trec import read_run

Qrels = Mapping[str, Mapping[str, int]]  # query id → product id → grade

_CALLED = MappingProxyType(
    {
        "nDCG@10": nDCG @ 10,
        "MRR": RR,
        "Recall@1": R @ 1,
        "Recall@5": R @ 5,
        "Recall@10": R @ 10,
        "Recall@50": R @ 50,
    }
)
MEASURES: tuple[str, ...] = tuple(_CALLED)
DECIDING = "nDCG@10"  # the measure that names a winner


def score(qrels: Qrels, ranked: Mapping[str, Sequence[str]]) -> dict[str, np.ndarray]:
    """Each measure of each query.

    Args:
        qrels: the queries and their relevant products; each has at least one of grade ≥ 1.
        ranked: product ids by query, best first; a query that is missing or empty scores 0.

    Returns:
        Float64 arrays of shape (n,) by measure, in the order of `qrels`.
    """
    run = {
        query: {product: float(-rank) for rank, product in enumerate(products)}
        for query, products in ranked.items()
        if products
    }
    place = {query: row for row, query in enumerate(qrels)}
    scores = {name: np.zeros(len(qrels)) for name in MEASURES}
    names = {measure: name for name, measure in _CALLED.items()}
    judged = {query: dict(grades) for query, grades in qrels.items()}
    for value in ir_measures.iter_calc(list(names), judged, run):
        scores[names[value.measure]][place[value.query_id]] = value.value
    return scores


def score_runs(paths: Sequence[Path], qrels: Qrels) -> dict[str, dict[str, np.ndarray]]:
    """Each measure of each query for run files, by the file's name without its suffix.

    Queries without a relevant product are left out; a run that lacks one of the others scores
    0 on it, as trec_eval has it when told of all queries.

    Raises:
        QueryFileError: a file is no run, or answers none of the queries.
        NothingToMeasure: the qrels name no relevant product.
    """
    judged = {query: grades for query, grades in qrels.items() if any(grades.values())}
    if not judged:
        raise NothingToMeasure("The qrels name no relevant product of any query.")
    names = [path.stem for path in paths]
    scores = {}
    for path in paths:
        ranked = read_run(path)
        if not ranked.keys() & judged.keys():
            raise QueryFileError(f"{path} answers none of the queries of the qrels.")
        name = path.stem if names.count(path.stem) == 1 else str(path)
        shown = {query: [product for product, _ in found] for query, found in ranked.items()}
        scores[name] = score(judged, {query: shown.get(query, []) for query in judged})
    return scores
