"""Outcomes: the results of one search of a variant, measured and compared with its vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from encoder.variant import Variant
from eval.diagnostics import Diagnostics, diagnose, sample, sample_scores
from eval.indexes import Matrices
from eval.measures import (
    GROUND_TRUTH,
    JUDGED,
    average_name,
    ground_truth_similarity,
    judged_share,
    mean_similarity,
    sample_relevant,
    score,
)
from eval.queries import LabelledQuery
from eval.results import SHOWN, Outcome
from eval.retrieval import Run
from eval.settings import Settings
from qdrant.model import Point
from qdrant.store import Store


@dataclass(frozen=True)
class Sampled:
    """What is read and computed once for a variant, however it is searched.

    Attributes:
        relevant: ids of relevant products by query.
        points: those products with their vectors.
        products: a sample of the collection.
        diagnostics: of the sample's vectors.
    """

    relevant: Mapping[str, Sequence[str]]
    points: Mapping[str, Point]
    products: Matrices
    diagnostics: Diagnostics

    @classmethod
    def of(cls, store: Store, variant: str, qrels: Mapping[str, Mapping[str, int]]) -> "Sampled":
        """Read and compute it."""
        relevant = sample_relevant(qrels)
        named = list({name for names in relevant.values() for name in names})
        products = sample(store, variant)
        return cls(
            relevant, store.retrieve(variant, named, vectors=True), products, diagnose(products)
        )


def measure_outcome(
    variant: Variant,
    match: str,
    store: Store,
    sampled: Sampled,
    run: Run,
    measured: Sequence[LabelledQuery],
    qrels: Mapping[str, Mapping[str, int]],
    settings: Settings,
) -> Outcome:
    """Measure the results of one search.

    Args:
        variant: that was searched.
        match: how its queries were matched.
        store: where its collection is.
        sampled: of the variant.
        run: the results.
        measured: the queries.
        qrels: grades by product by query.
        settings: of the evaluation.
    """
    started = perf_counter()
    ids = [query.id for query in measured]
    ranked = {query: run.ranked[query] for query in ids}
    found = {query: [name for name, _ in results] for query, results in ranked.items()}
    scores = score(qrels, found)
    cosines = ranked if match == "vectors" else {}  # fused scores are no similarities
    scores[average_name(settings.k)] = mean_similarity(cosines, ids, settings.k)
    scores[GROUND_TRUTH] = ground_truth_similarity(
        run.text_vectors, sampled.relevant, sampled.points
    )
    scores[JUDGED] = judged_share([query.relevant for query in measured], list(found.values()))
    return Outcome(
        variant=variant,
        points=store.collection(variant.name).points,
        ranked=ranked,
        scores=scores,
        similarity=sample_scores(
            run.vectors,
            run.searched,
            sampled.relevant,
            sampled.points,
            qrels,
            sampled.products,
            cosines,
        ),
        diagnostics=sampled.diagnostics,
        seconds={
            "encode": run.encode_seconds,
            "search": run.search_seconds,
            "look": perf_counter() - started,
            "load": run.load_seconds,
        },
    )


def shown_products(store: Store, outcomes: Mapping[str, Outcome]) -> dict[str, dict[str, Any]]:
    """The payloads of each query's first results."""
    products: dict[str, dict[str, Any]] = {}
    for outcome in outcomes.values():
        first = {each for found in outcome.ranked.values() for each, _ in found[:SHOWN]}
        points = store.retrieve(outcome.variant.name, sorted(first - products.keys()))
        products |= {each: point.payload for each, point in points.items()}
    return products
