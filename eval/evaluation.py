"""Evaluates variants on a query set: ask, judge, measure, compare."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np

from catalog.catalogue import Catalogue
from encoder.encoder import Encoder
from encoder.variant import Variant
from encoder.variants import Variants
from eval.comparison import differences, estimates
from eval.diagnostics import compare_scores, diagnose, sample
from eval.errors import EvalError, NothingToMeasure
from eval.gallery import load_gallery
from eval.gallery_store import GalleryStore
from eval.judgement import Judgement, judge, refuse_leaks, repeats_an_answer
from eval.measures import (
    GROUND_TRUTH,
    average_name,
    ground_truth_similarity,
    mean_similarity,
    random_baseline,
    sample_relevant,
    score,
)
from eval.outcome import ALL, ENGINES, SHOWN, Evaluation, Outcome, Settings, Slice
from eval.queries import LabelledQuery, QuerySet
from eval.retrieval import QueryPictures, Run, retrieve
from qdrant.model import Filters
from qdrant.store import Store, open_store
from search.engine import Engine


def evaluate(
    home: Path, queries: QuerySet, settings: Settings, tell: Callable[[str], None] = lambda _: None
) -> Evaluation:
    """Evaluate variants on a query set.

    Args:
        home: the shop's folder.
        queries: what to ask.
        settings: how.
        tell: takes a sentence on what is being done.

    Raises:
        EvalError: nothing to measure, a leak, an unknown engine, vectors missing.
        EncoderError, StoreError, SearchError, CatalogError: as those rooms say.
    """
    if settings.engine not in ENGINES:
        raise EvalError(f"There is no engine “{settings.engine}”; take {', '.join(ENGINES)}.")
    refuse_leaks(queries, settings.vector)
    variants = [Variants(home).get(name) for name in dict.fromkeys(settings.variants)]
    with _stores(home, variants, settings) as stores:
        _require_collections(variants, stores)
        judgement = judge(queries, stores, settings.manner)
        to_ask = [query for query in queries if query.id in judgement.qrels]
        pictures = QueryPictures()
        asked: dict[str, tuple[Run, float]] = {}
        for variant in variants:
            tell(f"{variant.name}: asking {len(to_ask):,} queries")
            started = perf_counter()
            encoder = Encoder.load(variant, precision=settings.precision)  # type: ignore[arg-type]
            loaded = perf_counter() - started
            store = stores[variant.name]
            asked[variant.name] = (
                retrieve(variant, store, encoder, to_ask, settings.manner, pictures),
                loaded,
            )
        failed = {
            query: why for answers, _ in asked.values() for query, why in answers.failed.items()
        }
        measured = [query for query in to_ask if query.id not in failed]
        if not measured:
            raise NothingToMeasure(
                f"Of no query could the picture be had; the first: {next(iter(failed.values()))}"
            )
        qrels = {query.id: judgement.qrels[query.id] for query in measured}
        outcomes = {}
        for variant in variants:
            tell(f"{variant.name}: looking at its vectors")
            answers, loaded = asked[variant.name]
            outcomes[variant.name] = _outcome(
                variant, stores[variant.name], answers, measured, qrels, settings
            )
            outcomes[variant.name].seconds["load"] = loaded
        products = judgement.products | _shown_products(stores, outcomes)
        first = variants[0].name
        galleries = _galleries(first, stores[first], measured, settings)
    chance = random_baseline(qrels, galleries, settings.depth)
    scores = {name: outcome.scores for name, outcome in outcomes.items()}
    return Evaluation(
        queries=measured,
        name=queries.name,
        settings=settings,
        qrels=qrels,
        outcomes=outcomes,
        slices=_slices(measured, scores, chance, settings),
        differences=differences(scores, resamples=settings.resamples, seed=settings.seed),
        notes=_notes(queries, measured, judgement, asked[variants[0].name][0], pictures, settings),
        failed=failed,
        products=products,
    )


@contextmanager
def _stores(
    home: Path, variants: Sequence[Variant], settings: Settings
) -> Iterator[dict[str, Store]]:
    """Where each variant's collection is searched."""
    with ExitStack() as stack:
        if settings.engine == "qdrant":
            store = stack.enter_context(closing(open_store(home)))
            yield {variant.name: store for variant in variants}
            return
        catalogue = stack.enter_context(Catalogue(home, create=False))
        galleries = {
            variant.name: GalleryStore(
                variant,
                load_gallery(home, catalogue, variant),
                settings.engine,
                by_category=settings.within_category,
            )
            for variant in variants
        }
        # A gallery has the half of the protocol that reads, and nothing here writes.
        yield cast("dict[str, Store]", galleries)


def _require_collections(variants: Sequence[Variant], stores: Mapping[str, Store]) -> None:
    """Refuse what cannot be searched before any time goes into it."""

    def never() -> Encoder:
        raise AssertionError("no query is asked here")

    for variant in variants:
        Engine(variant, stores[variant.name], never)


def _outcome(
    variant: Variant,
    store: Store,
    answers: Run,
    measured: Sequence[LabelledQuery],
    qrels: Mapping[str, Mapping[str, int]],
    settings: Settings,
) -> Outcome:
    started = perf_counter()
    ids = [query.id for query in measured]
    ranked = {query: answers.ranked[query] for query in ids}
    right = sample_relevant(qrels)
    named = list({name for names in right.values() for name in names})
    points = store.retrieve(variant.name, named, vectors=True)
    products = sample(store, variant.name)
    shown = {query: [name for name, _ in found] for query, found in ranked.items()}
    scores = score(qrels, shown)
    scores[average_name(settings.k)] = mean_similarity(ranked, ids, settings.k)
    scores[GROUND_TRUTH] = ground_truth_similarity(answers.text_vectors, right, points)
    searched = {query.id: settings.manner.vector_of(query) for query in measured}
    similarity = compare_scores(answers.vectors, searched, right, points, qrels, products, ranked)
    return Outcome(
        variant=variant,
        points=store.collection(variant.name).points,
        ranked=ranked,
        scores=scores,
        similarity=similarity,
        diagnostics=diagnose(products),
        seconds={
            "encode": answers.encode_seconds,
            "search": answers.search_seconds,
            "look": perf_counter() - started,
        },
    )


def _galleries(
    variant: str, store: Store, measured: Sequence[LabelledQuery], settings: Settings
) -> list[int]:
    """How many products each query is held against."""
    counted: dict[tuple[str, str], int] = {}
    sizes = []
    for query in measured:
        vector = settings.manner.vector_of(query)
        category = query.category if settings.within_category else ""
        if (vector, category) not in counted:
            filters = Filters(
                categories=(category,) if category else (),
                has_picture=None if vector == "text" else True,
            )
            counted[vector, category] = store.count(variant, filters)
        sizes.append(counted[vector, category])
    return sizes


def _shown_products(
    stores: Mapping[str, Store], outcomes: Mapping[str, Outcome]
) -> dict[str, dict[str, Any]]:
    """What is told of each query's first answers."""
    products: dict[str, dict[str, Any]] = {}
    for name, outcome in outcomes.items():
        first = {each for found in outcome.ranked.values() for each, _ in found[:SHOWN]}
        points = stores[name].retrieve(name, sorted(first - products.keys()))
        products |= {each: point.payload for each, point in points.items()}
    return products


def _slices(
    measured: Sequence[LabelledQuery],
    scores: Mapping[str, Mapping[str, np.ndarray]],
    chance: Mapping[str, np.ndarray],
    settings: Settings,
) -> list[Slice]:
    parts = [(ALL, "all", np.arange(len(measured)))]
    for sort in ("kind", "category"):
        rows = rows_by_label([getattr(query, sort) for query in measured])
        if len(rows) > 1 or (sort == "category" and rows):
            parts += [(label, sort, places) for label, places in rows.items()]
    return [
        Slice(
            label,
            sort,
            places,
            estimates(
                {
                    name: {measure: values[places] for measure, values in each.items()}
                    for name, each in scores.items()
                },
                resamples=settings.resamples,
                seed=settings.seed,
            ),
            {measure: float(values[places].mean()) for measure, values in chance.items()},
        )
        for label, sort, places in parts
    ]


def _notes(
    queries: QuerySet,
    measured: Sequence[LabelledQuery],
    judgement: Judgement,
    answers: Run,
    pictures: QueryPictures,
    settings: Settings,
) -> dict[str, int]:
    repeating = sum(
        repeats_an_answer(
            query,
            [judgement.products[name] for name in judgement.qrels[query.id]],
            pictures.hashes.get(query.picture, ""),
            settings.manner,
        )
        for query in measured
    )
    notes = {
        "queries in the file": len(queries),
        "queries measured": len(measured),
        "queries excluded: no relevant product that could be found": len(judgement.excluded),
        "queries excluded: their picture cannot be had": len(answers.failed),
        "queries asked by their text alone: their picture cannot be had": len(answers.fell_back),
        "product ids of the qrels that are in no collection": len(judgement.unknown),
        "relevant products that cannot be found: without the searched vector, or of another "
        "category": len(judgement.hidden),
        "queries that repeat the title or the picture of a right answer they are searched by": (
            repeating
        ),
        **queries.notes,
    }
    always = ("queries in the file", "queries measured")
    return {note: count for note, count in notes.items() if count or note in always}


def rows_by_label(labels: Sequence[str]) -> dict[str, np.ndarray]:
    """The rows of each label, the most frequent label first; empty labels are left out."""
    rows: dict[str, list[int]] = {}
    for row, label in enumerate(labels):
        if label:
            rows.setdefault(label, []).append(row)
    ordered = sorted(rows.items(), key=lambda each: (-len(each[1]), each[0]))
    return {label: np.array(each) for label, each in ordered}
