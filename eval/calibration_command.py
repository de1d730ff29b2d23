"""`vitrine eval calibrate`."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from eval import EvalError, tables
from eval.calibration import Rate, Tested, calibrate, check_numbers
from eval.calibration_queries import Probe, foreign_texts, labelled_texts, own_titles
from eval.queries import join
from eval.query_files import read_queries
from qdrant.model import Filters
from search.confidence import calibration_file, calibrations_object
from search.engine import Engine
from search.evidence import Evidence
from search.query import MATCHES, Query
from search.shop import open_shop
from vitrine import home
from vitrine.command import Json, messages, print_json

BATCH = 64  # queries searched together; each is some ten searches of the store


def calibrate_command(
    variant: Annotated[
        str, typer.Option(help="The variant; the only one by default, else zeroshot.")
    ] = "",
    queries: Annotated[
        list[Path] | None,
        typer.Option(
            help="Labelled queries: those with a relevant product fit, the others are foreign; "
            "repeatable. Without them the shop's own titles fit."
        ),
    ] = None,
    qrels: Annotated[Path | None, typer.Option(help="TREC qrels for the queries.")] = None,
    foreign: Annotated[
        Path | None,
        typer.Option(
            help="Another shop's product file, or a .txt file with one query a line: what the shop "
            "has not. By default a list of general words."
        ),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(help="Of hybrid, words, vectors; repeatable; by default all."),
    ] = None,
    rate: Annotated[
        float, typer.Option(help="False alarms: the share of queries that fit, at most.")
    ] = 0.05,
    name: Annotated[str, typer.Option(help="The report's name.")] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of every random draw.")] = 0,
    as_json: Json = False,
) -> None:
    """Calibrate how sure a search is, and when it says that nothing fits.

    Afterwards each search by a text has a confidence, and says where probably nothing fits. A third
    of the queries is kept aside to measure how often that is wrong; the report shows it.

    Examples:
      vitrine eval calibrate --variant zeroshot --foreign other_shop.csv

      vitrine eval calibrate --queries queries.jsonl --foreign foreign.txt --rate 0.1
    """
    if not 0.001 <= rate <= 0.5:
        raise typer.BadParameter("It lies between 0.001 and 0.5.", param_hint="--rate")
    for each in match or ():
        if each not in MATCHES:
            raise typer.BadParameter(f"Take {', '.join(MATCHES)}.", param_hint="--match")
    from eval.calibration_report import as_object, write_calibration_report  # matplotlib
    from eval.report import check_reports, default_name, fit_name

    with open_shop() as shop:
        chosen = Variants(home()).get(variant or shop.default_variant())
        engine = shop.engine(chosen.name)
        collection = engine.collection()
        with Catalogue(home(), create=False) as catalogue:
            if queries:
                sets = [read_queries(path, catalogue, qrels=qrels) for path in queries]
                fitting, others = labelled_texts(join(sets), seed)
            else:
                fitting, others = own_titles(catalogue, seed), []
            others += foreign_texts(foreign, catalogue.products(), seed)
        check_numbers(len(fitting), len(others), rate)
        check_reports(home())
        tested: dict[str, Tested] = {}
        for each in dict.fromkeys(match or MATCHES):
            if each != "vectors" and collection.words is None:
                raise EvalError(
                    f"The collection of {chosen.name} has no words: run `vitrine ingest vectors "
                    f"--variant {chosen.name}`, or take --match vectors."
                )
            _notify(f"{each}: searching {len(fitting) + len(others):,} queries")
            tested[each] = calibrate_match(engine, each, fitting, others, rate=rate, seed=seed)
    found = {match: result.calibration for match, result in tested.items()}
    file = calibration_file(chosen)
    file.update(lambda kept: calibrations_object({**kept, **found}))
    report_name = (
        fit_name(name) if name else default_name(f"confidence-{chosen.name}", datetime.now())
    )
    report = write_calibration_report(home(), report_name, chosen.name, tested)
    sources = {"fitting": len(fitting), "foreign": len(others)}
    if as_json:
        print_json(
            {"variant": chosen.name, "queries": sources, "rate": rate, "report": str(report)}
            | {"matches": {each: as_object(result) for each, result in tested.items()}}
        )
    else:
        tables.show(calibration_table(tested))
        messages.print(f"Written to {file.path}.", soft_wrap=True, markup=False)
        messages.print(f"Report: {report / 'report.html'}", soft_wrap=True, markup=False)


def calibrate_match(
    engine: Engine,
    match: str,
    fitting: Sequence[Probe],
    foreign: Sequence[Probe],
    *,
    rate: float,
    seed: int,
) -> Tested:
    """Search some texts, fit a calibration of a match to them, and test it.

    Args:
        engine: of the variant.
        match: how the texts are matched.
        fitting: texts that fit the shop.
        foreign: texts that do not.
        rate: of false alarms.
        seed: of the parts that fit and test.

    Raises:
        EvalError: there are too few of them.
    """
    collection = engine.collection()
    return calibrate(
        _evidence(engine, fitting, match),
        _evidence(engine, foreign, match),
        rate=rate,
        products=collection.points,
        generation=collection.generation,
        seed=seed,
    )


def _evidence(engine: Engine, probes: Sequence[Probe], match: str) -> list[Evidence]:
    """What is found for each text."""
    found = []
    for start in range(0, len(probes), BATCH):
        queries = [
            Query(each.text, filters=Filters(exclude=each.exclude), match=match)
            for each in probes[start : start + BATCH]
        ]
        found += engine.evidence(queries)
    return found


def calibration_table(tested: Mapping[str, Tested]) -> Iterator[RenderableType]:
    """What each calibration does with queries that did not make it."""
    table = Table("match", box=None, header_style="bold")
    for column in ("false alarms", "stated", "foreign caught", "tested queries"):
        table.add_column(column, justify="right")
    for match, each in tested.items():
        table.add_row(
            match,
            format_rate(each.false_alarms),
            f"at most {each.calibration.rate:.0%}",
            format_rate(each.caught),
            f"{each.false_alarms.n:,} + {each.caught.n:,}",
        )
    yield table
    yield escape(
        "False alarms: queries that fit, of which it is said that nothing fits. In brackets the "
        "95 % interval."
    )


def format_rate(rate: Rate) -> str:
    """A share with its interval."""
    return f"{rate.value:.1%} ({rate.low:.1%}–{rate.high:.1%})"


def _notify(sentence: str) -> None:
    messages.print(f"[dim]{escape(sentence)}[/dim]")
