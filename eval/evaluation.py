"""Evaluates variants on a query set: judge, retrieve, measure, compare."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, cast

import numpy as np

from catalog.catalogue import Catalogue
from encoder.variant import Variant
from encoder.variants import Variants
from eval import EvalError
from eval.baseline import ENGINES, BaselineStore
from eval.clusters import cluster_queries
from eval.comparison import compare_variants
from eval.groups import group_of
from eval.judgement import Judgement, judge, refuse_leaks, repeats_a_product
from eval.measures import (
    random_baseline,
)
from eval.outcomes import Sampled, measure_outcome, shown_products
from eval.queries import LabelledQuery, QuerySet
from eval.results import Evaluation, Outcome
from eval.retrieval import QueryPictures, Run, retrieve
from eval.settings import Settings, System
from eval.slices import slice_queries
from qdrant.model import VECTORS, Filters
from qdrant.store import Store, open_store
from search.fingerprint import check_fingerprint
from search.query import MATCHES

if TYPE_CHECKING:
    from encoder.encoder import Encoder


def evaluate(
    home: Path,
    queries: QuerySet,
    settings: Settings,
    notify: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Evaluate variants on a query set.

    Args:
        home: the installation's folder.
        queries: the query set.
        settings: how.
        notify: takes a message about each step.

    Raises:
        EvalError: nothing to measure, a leak, an unknown engine or vector.
        EncoderError, StoreError, SearchError: from loading, storing and searching.
    """
    if settings.engine not in ENGINES:
        raise EvalError(f"There is no engine “{settings.engine}”; take {', '.join(ENGINES)}.")
    for vector in settings.vectors:
        if vector not in VECTORS:
            raise EvalError(f"There is no vector “{vector}”; take {', '.join(VECTORS)}.")
    for match in settings.matches:
        if match not in MATCHES:
            raise EvalError(f"There is no match “{match}”; take {', '.join(MATCHES)}.")
    if settings.engine != "qdrant" and set(settings.matches) != {"vectors"}:
        raise EvalError(f"The engine {settings.engine} has vectors only: leave --match out.")
    refuse_leaks(queries, settings)
    systems = settings.systems()
    variants = {name: Variants(home).get(name) for name in dict.fromkeys(settings.variants)}
    with open_store(home) as store:
        for variant in variants.values():
            _check_collection(store, variant, settings)
        for variant in list(variants.values())[1:]:  # the first one is checked when it is loaded
            variant.checkpoint()
        judgement = judge(queries, store, list(variants), settings)
        judged = [query for query in queries if query.id in judgement.qrels]
        pictures = QueryPictures()
        runs: dict[str, Run] = {}
        encoder: Encoder | None = None
        for variant in variants.values():
            notify(f"{variant.name}: searching {len(judged):,} queries")
            started = perf_counter()
            if encoder and not _share_model(encoder.variant, variant):
                encoder = None  # freed before another model is loaded
            encoder = _load(variant, settings)
            loaded = perf_counter() - started
            own = {name: each for name, each in systems.items() if each.variant == variant.name}
            for name, run in _run(variant, own, store, encoder, judged, settings, pictures).items():
                runs[name] = replace(run, load_seconds=loaded)
        failed = {query: why for run in runs.values() for query, why in run.failed.items()}
        measured = [query for query in judged if query.id not in failed]
        if not measured:
            raise EvalError(
                f"The picture of no query could be read; the first: {next(iter(failed.values()))}"
            )
        qrels = {query.id: judgement.qrels[query.id] for query in measured}
        outcomes: dict[str, Outcome] = {}
        sampled: dict[str, Sampled] = {}
        for name, system in systems.items():
            notify(f"{name}: measuring its results")
            if system.variant not in sampled:
                sampled[system.variant] = Sampled.of(store, system.variant, qrels)
            outcomes[name] = measure_outcome(
                variants[system.variant],
                system.match,
                store,
                sampled[system.variant],
                runs[name],
                measured,
                qrels,
                settings,
            )
        products = judgement.products | shown_products(store, outcomes)
        sizes = _searched_sizes(next(iter(variants)), store, measured, settings)
    with Catalogue(home, create=False) as catalogue:
        clusters = cluster_queries(measured, group_of(catalogue.entries()), pictures.hashes)
    scores = {name: outcome.scores for name, outcome in outcomes.items()}
    baseline = random_baseline(qrels, sizes, settings.depth)
    return Evaluation(
        queries=measured,
        clusters=clusters,
        name=queries.name,
        settings=settings,
        qrels=qrels,
        outcomes=outcomes,
        slices=slice_queries(measured, clusters, scores, baseline, settings),
        differences=compare_variants(
            scores, resamples=settings.resamples, seed=settings.seed, clusters=clusters
        ),
        counts=_counts(
            queries, measured, clusters, judgement, next(iter(runs.values())), pictures, settings
        ),
        failed=failed,
        products=products,
    )


def _check_collection(store: Store, variant: Variant, settings: Settings) -> None:
    """Refuse a collection that cannot be searched as the settings have it.

    Raises:
        EvalError: it has no words, and they are searched.
        SearchError: it was built by another state of the variant.
    """
    collection = store.collection(variant.name)
    check_fingerprint(variant, collection)
    if collection.words is None and set(settings.matches) != {"vectors"}:
        raise EvalError(
            f"The collection of {variant.name} has no words: run `vitrine ingest vectors "
            f"--variant {variant.name}`."
        )


def _share_model(one: Variant, other: Variant) -> bool:
    return one.manifest.image_fingerprint == other.manifest.image_fingerprint


def _load(variant: Variant, settings: Settings) -> "Encoder":
    from encoder.encoder import Encoder  # imports torch

    return Encoder.load(variant, precision=settings.precision)  # type: ignore[arg-type]


def _run(
    variant: Variant,
    systems: Mapping[str, System],
    store: Store,
    encoder: "Encoder",
    queries: Sequence[LabelledQuery],
    settings: Settings,
    pictures: QueryPictures,
) -> dict[str, Run]:
    """A variant's results from the engine of the settings, by system."""
    if settings.engine != "qdrant":
        by_category = settings.within_category
        baseline = BaselineStore(store, variant.name, settings.engine, by_category=by_category)
        store = cast("Store", baseline)  # the part of the store that the search engine reads
    return retrieve(variant, store, encoder, queries, systems, settings, pictures)


def _searched_sizes(
    variant: str, store: Store, measured: Sequence[LabelledQuery], settings: Settings
) -> list[int]:
    """How many products each query is compared with."""
    counted: dict[tuple[bool, str], int] = {}
    sizes = []
    for query in measured:
        any_product = settings.finds_any(query)
        category = query.category if settings.within_category else ""
        if (any_product, category) not in counted:
            filters = Filters(
                categories=(category,) if category else (),
                has_picture=None if any_product else True,
            )
            counted[any_product, category] = store.count(variant, filters)
        sizes.append(counted[any_product, category])
    return sizes


def _counts(
    queries: QuerySet,
    measured: Sequence[LabelledQuery],
    clusters: np.ndarray,
    judgement: Judgement,
    run: Run,
    pictures: QueryPictures,
    settings: Settings,
) -> dict[str, int]:
    repeating = sum(
        repeats_a_product(
            query,
            [judgement.products[name] for name in judgement.qrels[query.id]],
            pictures.hashes.get(query.picture, ""),
            settings.vector_of(query),
        )
        for query in measured
    )
    always = {
        "queries": len(queries),
        "measured": len(measured),
        "clusters": len(np.unique(clusters)),
    }
    sometimes = {
        **judgement.counts,
        "without_picture": len(run.failed),
        "by_text_alone": len(run.by_text_alone),
        "repeating": repeating,
        **queries.counts,
    }
    return always | {name: count for name, count in sometimes.items() if count}
