"""`vitrine eval tune`."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.variant import Variant
from encoder.variants import Variants
from eval import EvalError, tables
from eval.clusters import cluster_queries
from eval.groups import group_of
from eval.intervals import RESAMPLES
from eval.judgement import judge, refuse_leaks
from eval.measures import DECIDING
from eval.part_rankings import search_parts
from eval.queries import QuerySet, join
from eval.query_files import read_queries
from eval.results import variants_object
from eval.settings import Settings
from eval.tuning import Comparison, Tuning, tune
from eval.tuning_report import (
    conclusion,
    describe_settings,
    describe_words,
    renewal,
    tuned_estimate,
    tuning_tables,
)
from eval.word_index import WordIndex
from eval.word_tuning import TriedWords
from qdrant.errors import StoreError
from qdrant.word_settings import read_choice, write_choice
from search.query import Query
from search.settings import settings_file, settings_object
from search.shop import Shop, open_shop
from vitrine import home
from vitrine.command import Json, messages, print_json
from vitrine.progress import progress_bar

MOST_QUERIES = 2_000  # measured; their candidates take some 100 MB

WRITE = ("proved", "always", "never")


def tune_command(
    variant: Annotated[
        str, typer.Option(help="The variant; the only one by default, else zeroshot.")
    ] = "",
    queries: Annotated[
        list[Path] | None,
        typer.Option(help="Labelled queries with texts, as `eval run` takes; repeatable."),
    ] = None,
    qrels: Annotated[Path | None, typer.Option(help="TREC qrels for the queries.")] = None,
    write: Annotated[
        str,
        typer.Option(
            help="Keep the settings: proved, where they are proved better; always; or never."
        ),
    ] = "proved",
    words: Annotated[
        bool,
        typer.Option(
            help="Choose how the words of each field count, too. It takes effect when the "
            "collection is built again."
        ),
    ] = True,
    show: Annotated[
        bool, typer.Option("--show", help="Show the present settings and change nothing.")
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=100, max=100_000, help="Of the bootstrap and of the test.")
    ] = RESAMPLES,
    seed: Annotated[int, typer.Option(min=0, help="Of every random draw.")] = 0,
    as_json: Json = False,
) -> None:
    """Choose how a hybrid search weighs words and vectors, and prove it.

    How often the words of each field count, the method of fusion and the weights are chosen on one
    half of the queries and proved on the other. They are written to the variant's folder where they
    are significantly better than the present ones and words alone are not better. The next search
    uses the method and the weights, and the next `ingest vectors` counts words so.

    Examples:
      vitrine eval tune --variant zeroshot --queries queries.jsonl

      vitrine eval tune --variant zeroshot --show
    """
    if write not in WRITE:
        raise typer.BadParameter(f"Take {', '.join(WRITE)}.", param_hint="--write")
    if not (queries or show):
        raise typer.BadParameter("Give --queries FILE with labelled queries, or --show.")
    with open_shop() as shop:
        chosen = Variants(home()).get(variant or shop.default_variant())
        if show:
            _show(shop, chosen, as_json)
            return
        with Catalogue(home(), create=False) as catalogue:
            query_set = join([read_queries(path, catalogue, qrels=qrels) for path in queries or ()])
            tuning = _tune(
                shop, chosen, query_set, catalogue, resamples=resamples, seed=seed, words=words
            )
    written = write == "always" or (write == "proved" and tuning.proved)
    if written:
        _write(chosen, tuning, query_set)
    if as_json:
        print_json(as_object(tuning) | {"variant": chosen.name, "written": written})
    else:
        tables.show(tuning_tables(tuning))
        tables.show([conclusion(chosen, tuning, written)])


def _tune(
    shop: Shop,
    variant: Variant,
    queries: QuerySet,
    catalogue: Catalogue,
    *,
    resamples: int,
    seed: int,
    words: bool,
) -> Tuning:
    """Tune a variant on the queries that have a text alone."""
    settings = Settings((variant.name,), matches=("hybrid",))
    refuse_leaks(queries, settings)
    engine = shop.engine(variant.name)
    collection = engine.collection()
    if collection.words is None:
        raise EvalError(
            f"The collection of {variant.name} has no words, so that there is nothing to weigh: "
            f"run `vitrine ingest vectors --variant {variant.name}`."
        )
    texts = tuple(query for query in queries if query.text and not query.picture)
    if not texts:
        raise EvalError(f"No query of {queries.name} has a text without a picture.")
    judgement = judge(QuerySet(queries.name, texts), shop.store, [variant.name], settings)
    judged = [query for query in texts if query.id in judgement.qrels][:MOST_QUERIES]
    clusters = cluster_queries(judged, group_of(catalogue.entries()))
    _notify(
        f"{variant.name}: searching {len(judged):,} of {len(queries):,} queries by each part "
        f"({len(collection.vectors) + 1} searches each)"
    )
    grades = {query.id: judgement.qrels[query.id] for query in judged}
    found = search_parts(engine, [Query(query.text) for query in judged])
    index = None
    if words:
        if len(catalogue) != collection.points:
            _notify(
                f"The catalogue has {len(catalogue):,} products and the collection "
                f"{collection.points:,}: `vitrine ingest vectors --variant {variant.name}` first "
                "makes what is chosen hold better."
            )
        with progress_bar("words", len(catalogue)) as advance:
            products = _counted(catalogue.products(), advance)
            searched = [each.text for each in found]
            index = WordIndex(products, searched, collection.words.language)
    return tune(
        TriedWords(found, list(grades.values()), collection.words, index),
        grades,
        clusters,
        engine.settings,
        resamples=resamples,
        seed=seed,
        notify=_notify,
    )


def _counted(products: Iterator[Product], advance: Callable[[int], None]) -> Iterator[Product]:
    for product in products:
        yield product
        advance(1)


def _write(variant: Variant, tuning: Tuning, queries: QuerySet) -> None:
    """Keep what was chosen in the variant's folder."""
    notes = _notes(tuning, queries)
    if tuning.renews:
        write_choice(variant.folder, tuning.chosen.words.chosen, notes)
    chosen = tuning.chosen.settings
    settings_file(variant).update(
        lambda kept: settings_object(replace(chosen, formula=kept.formula), notes)
    )


def as_object(tuning: Tuning) -> dict[str, Any]:
    """The object that `eval tune --json` prints."""
    return {
        "settings": asdict(tuning.chosen.settings),
        "words": tuning.chosen.words.chosen,
        "present": asdict(tuning.present.settings),
        "present_words": tuning.present.words.chosen,
        "proved": tuning.proved,
        "queries": {"chosen_on": tuning.chosen_on, "proved_on": tuned_estimate(tuning.proof).n},
        "proof": _comparison(tuning.proof),
        "cross_validation": _comparison(tuning.cross_validation),
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return variants_object(comparison.estimates, comparison.differences)


def _notes(tuning: Tuning, queries: QuerySet) -> dict[str, Any]:
    """How settings were found, for readers of their file."""
    return {
        "queries": queries.name,
        "chosen_on": tuning.chosen_on,
        "proved": tuning.proved,
        DECIDING: {name: asdict(each[DECIDING]) for name, each in tuning.proof.estimates.items()},
    }


def _show(shop: Shop, variant: Variant, as_json: bool) -> None:
    file = settings_file(variant)
    problem = file.problem
    collection = shop.status(variant.name).collection
    words = collection.words if collection else None
    chosen = words
    try:
        chosen = words and replace(words, **read_choice(variant.folder))
    except StoreError as error:
        problem = f"{problem} {error}".strip()
    if as_json:
        print_json(
            {
                "variant": variant.name,
                "settings": asdict(file.value),
                "file": str(file.path) if file.path.exists() else None,
                "words": words and words.chosen,
                "chosen_words": chosen and chosen.chosen,
                "problem": problem or None,
            }
        )
        return
    source = file.path if file.path.exists() and not file.problem else "default settings"
    tables.show([escape(f"{variant.name}: {describe_settings(file.value)} ({source})")])
    if words:
        tables.show([escape(f"{variant.name}: {describe_words(words)}")])
    if words and chosen and words.chosen != chosen.chosen:
        tables.show([escape(f"chosen: {describe_words(chosen)}. {renewal(variant)}")])
    if problem:
        messages.print(problem, markup=False, soft_wrap=True)


def _notify(sentence: str) -> None:
    messages.print(f"[dim]{escape(sentence)}[/dim]")
