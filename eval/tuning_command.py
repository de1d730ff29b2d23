"""`vitrine eval tune`."""

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import RenderableType
from rich.markup import escape

from catalog.catalogue import Catalogue
from encoder.variant import Variant
from encoder.variants import Variants
from eval import EvalError, tables
from eval.clusters import cluster_queries
from eval.comparison import Estimate
from eval.groups import group_of
from eval.intervals import RESAMPLES
from eval.judgement import judge, refuse_leaks
from eval.measures import DECIDING, MEASURES
from eval.part_rankings import PartRankings, search_parts
from eval.queries import QuerySet, join
from eval.query_files import read_queries
from eval.results import variants_object
from eval.settings import Settings
from eval.tuning import TUNED, Comparison, Tuning, tune
from search.service import SearchService
from search.settings import SearchSettings, settings_file, settings_object
from vitrine import home
from vitrine.command import Json, messages, print_json

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

    The method of fusion and the weights are chosen on one half of the queries and proved on the
    other. They are written to the variant's search settings where they are significantly better
    than the present ones and words alone are not better. The next search uses them.

    Examples:
      vitrine eval tune --variant zeroshot --queries queries.jsonl

      vitrine eval tune --variant zeroshot --show
    """
    if write not in WRITE:
        raise typer.BadParameter(f"Take {', '.join(WRITE)}.", param_hint="--write")
    if not (queries or show):
        raise typer.BadParameter("Give --queries FILE with labelled queries, or --show.")
    with SearchService(home()) as service:
        chosen = Variants(home()).get(variant or service.default_variant())
        if show:
            _show(chosen, as_json)
            return
        with Catalogue(home(), create=False) as catalogue:
            query_set = join([read_queries(path, catalogue, qrels=qrels) for path in queries or ()])
            groups = group_of(catalogue.entries())
        tuning = _tune(service, chosen, query_set, groups, resamples, seed)
    written = write == "always" or (write == "proved" and tuning.proved)
    if written:
        file = settings_file(chosen)
        kept = replace(tuning.settings, formula=file.value.formula)
        file.write(settings_object(kept, _notes(tuning, query_set)))
    if as_json:
        print_json(as_object(tuning) | {"variant": chosen.name, "written": written})
    else:
        tables.show(tuning_tables(tuning))
        tables.show([_conclusion(chosen, tuning, written)])


def _tune(
    service: SearchService,
    variant: Variant,
    queries: QuerySet,
    groups: dict[str, str],
    resamples: int,
    seed: int,
) -> Tuning:
    """Tune a variant on the queries that have a text alone."""
    settings = Settings((variant.name,), matches=("hybrid",))
    refuse_leaks(queries, settings)
    engine = service.engine(variant.name)
    if engine.collection().words is None:
        raise EvalError(
            f"The collection of {variant.name} has no words, so that there is nothing to weigh: "
            f"run `vitrine ingest vectors --variant {variant.name}`."
        )
    texts = tuple(query for query in queries if query.text and not query.picture)
    if not texts:
        raise EvalError(f"No query of {queries.name} has a text without a picture.")
    judgement = judge(QuerySet(queries.name, texts), service.store, [variant.name], settings)
    judged = [query for query in texts if query.id in judgement.qrels][:MOST_QUERIES]
    clusters = cluster_queries(judged, groups)
    _notify(
        f"{variant.name}: searching {len(judged):,} of {len(queries):,} queries by each part "
        f"({len(engine.collection().vectors) + 1} searches each)"
    )
    grades = {query.id: judgement.qrels[query.id] for query in judged}
    found = search_parts(engine, [query.text for query in judged])
    rankings = PartRankings(found, list(grades.values()))
    return tune(
        rankings,
        grades,
        clusters,
        engine.settings,
        resamples=resamples,
        seed=seed,
        notify=_notify,
    )


def as_object(tuning: Tuning) -> dict[str, Any]:
    """The object that `eval tune --json` prints."""
    return {
        "settings": asdict(tuning.settings),
        "present": asdict(tuning.present),
        "proved": tuning.proved,
        "queries": {"chosen_on": tuning.chosen_on, "proved_on": _measured(tuning.proof).n},
        "proof": _comparison(tuning.proof),
        "cross_validation": _comparison(tuning.cross_validation),
    }


def tuning_tables(tuning: Tuning) -> Iterator[RenderableType]:
    """Both comparisons as tables with their verdicts."""
    for heading, each in (
        ("Proof: the half of the queries that did not choose", tuning.proof),
        ("Two-fold cross-validation: all queries", tuning.cross_validation),
    ):
        yield f"[bold]{heading}[/bold]"
        yield from tables.variants_table(MEASURES, each.estimates, {}, each.differences)
        yield ""


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return variants_object(comparison.estimates, comparison.differences)


def _measured(comparison: Comparison) -> Estimate:
    return comparison.estimates[TUNED][DECIDING]


def _notes(tuning: Tuning, queries: QuerySet) -> dict[str, Any]:
    """How settings were found, for readers of their file."""
    return {
        "queries": queries.name,
        "chosen_on": tuning.chosen_on,
        "proved": tuning.proved,
        DECIDING: {name: asdict(each[DECIDING]) for name, each in tuning.proof.estimates.items()},
    }


def _conclusion(variant: Variant, tuning: Tuning, written: bool) -> str:
    """What was done with the settings, in a sentence."""
    settings = describe_settings(tuning.settings)
    file = settings_file(variant).path
    if written:
        proved = "" if tuning.proved else " They are not proved better than the present ones."
        return escape(f"Written to {file}: {settings}.{proved}")
    if tuning.proved:
        return escape(f"Not written, as --write never has it: {settings}.")
    return escape(
        f"Nothing was written: on {_measured(tuning.proof).n:,} other queries {settings} is not "
        f"proved better than the present settings, {describe_settings(tuning.present)}. More "
        "labelled queries can prove smaller differences; --write always keeps the settings anyway."
    )


def describe_settings(settings: SearchSettings) -> str:
    """Settings in a line, each weight as its share."""
    total = sum(settings.weights.values())
    weights = (f"{part} {weight / total:.3g}" for part, weight in settings.weights.items())
    return f"{settings.method}, {', '.join(weights)}"


def _show(variant: Variant, as_json: bool) -> None:
    file = settings_file(variant)
    if as_json:
        print_json(
            {
                "variant": variant.name,
                "settings": asdict(file.value),
                "file": str(file.path) if file.path.exists() else None,
                "problem": file.problem or None,
            }
        )
        return
    source = file.path if file.path.exists() and not file.problem else "default settings"
    tables.show([escape(f"{variant.name}: {describe_settings(file.value)} ({source})")])
    if file.problem:
        messages.print(file.problem, markup=False, soft_wrap=True)


def _notify(sentence: str) -> None:
    messages.print(f"[dim]{escape(sentence)}[/dim]")
