"""`vitrine eval changes`."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import zip_longest
from pathlib import Path
from typing import Annotated

import typer
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from catalog.catalogue import Catalogue, Entry
from eval import tables
from eval.changes import Change, Changes, as_object, compare_runs, texts_beside
from eval.intervals import RESAMPLES
from eval.measures import DECIDING
from eval.query_files import read_queries
from eval.trec import read_qrels
from vitrine import home
from vitrine.command import Json, messages, print_json
from vitrine.text import printable

DEFAULT_EXAMPLES = 5


def changes_command(
    before: Annotated[Path, typer.Argument(help="The run file of a report, before the change.")],
    after: Annotated[Path, typer.Argument(help="The run file of a report, after it.")],
    qrels: Annotated[
        Path | None, typer.Option(help="TREC qrels; by default `qrels.txt` beside the second run.")
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(help="The queries' texts; by default those of the reports of the runs."),
    ] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="Queries shown that gained most, and that lost most.")
    ] = DEFAULT_EXAMPLES,
    resamples: Annotated[
        int, typer.Option(min=100, max=100_000, help="Of the bootstrap and of the test.")
    ] = RESAMPLES,
    seed: Annotated[int, typer.Option(min=0, help="Of every random draw.")] = 0,
    name: Annotated[str, typer.Option(help="The report's name.")] = "",
    as_json: Json = False,
) -> None:
    """Show what a change of settings, or another variant, did to which queries.

    Evaluate before and after the change, then compare the two run files. The queries that lost and
    gained most are shown with their first results side by side.

    Example: vitrine eval changes reports/march/zeroshot.run reports/june/zeroshot.run
    """
    from eval.changes_report import write_changes_report
    from eval.report import check_reports, default_name, fit_name

    judged = read_qrels(qrels or after.parent / "qrels.txt")
    with Catalogue(home(), create=False) as catalogue:
        texts = texts_beside(before) | texts_beside(after)
        if queries:
            texts |= {query.id: query.text for query in read_queries(queries, catalogue)}
        changes = compare_runs(before, after, judged, texts, resamples=resamples, seed=seed)
        shown = _products(catalogue, changes)
    check_reports(home())
    report_name = fit_name(name) if name else default_name("changes", datetime.now())
    report = write_changes_report(home(), report_name, changes, shown, examples)
    titles = {product: entry.product.title for product, entry in shown.items()}
    if as_json:
        print_json(as_object(changes) | {"titles": titles, "report": str(report)})
    else:
        tables.show(changes_tables(changes, titles, examples))
        messages.print(f"Report: {report / 'report.html'}", soft_wrap=True, markup=False)


def changes_tables(
    changes: Changes, titles: Mapping[str, str], examples: int
) -> Iterator[RenderableType]:
    """How many queries changed, and those that changed most with their first results."""
    yield escape(changes.difference.verdict)
    yield (
        f"Of {len(changes.each):,} queries {len(changes.better):,} gained, "
        f"{len(changes.worse):,} lost, and {changes.reordered:,} have the same {DECIDING} with "
        "other first results."
    )
    for heading, each in (("Lost most", changes.worse), ("Gained most", changes.better)):
        for change in each[:examples]:
            yield ""
            yield _line(heading, change)
            yield _side_by_side(changes.names, change, titles)


def _line(heading: str, change: Change) -> str:
    text = escape(printable(change.text or change.query))
    return f"[bold]{heading}: {text}[/bold]  {DECIDING} {change.before:.2f} → {change.after:.2f}"


def _side_by_side(names: tuple[str, str], change: Change, titles: Mapping[str, str]) -> Table:
    """The first results of both runs; a relevant one is marked with its grade."""

    def cell(product: str | None) -> str:
        if product is None:
            return ""
        grade = change.relevant.get(product, 0)
        mark = f"[green]{grade}[/green] " if grade else "  "
        return mark + escape(printable(titles.get(product, product)))

    table = Table("#", box=None, header_style="bold")
    for name in names:
        table.add_column(escape(name), ratio=1)
    rows = zip_longest(change.first, change.second)
    for rank, (first, second) in enumerate(rows, start=1):
        table.add_row(str(rank), cell(first), cell(second))
    return table


def _products(catalogue: Catalogue, changes: Changes) -> dict[str, Entry]:
    """The products that are shown, with their pictures, as far as the catalogue has them."""
    wanted = changes.products
    return {entry.product.id: entry for entry in catalogue.entries() if entry.product.id in wanted}
