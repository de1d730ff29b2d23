"""`vitrine eval from-events`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from eval import tables
from eval.event_queries import Graded, Limits, grade_queries
from eval.query_files import as_row, write_json_lines
from events.observations import read_observations
from vitrine import home
from vitrine.command import Json, messages, print_json

DIGITS = 4  # of rates in files
# Counts by name, with the words that people read.
COUNTS = {
    "searches": "searches by words alone",
    "other_searches": "searches left out: with a picture, filters or another order",
    "repeated_searches": "searches left out: one client's, of the same words again and again",
    "elsewhere": "events left out: on products that the answer did not have",
    "deeper": "impressions left out: at positions whose examination is not known",
    "queries": "queries graded",
    "queries_too_few": "queries left out: too few searches or clicks",
    "queries_one_product": "queries left out: one product that was looked at often enough",
    "queries_unsearchable": "queries left out: nothing but operators",
    "judged": "products graded",
    "pairs": "pairs of query and product to train on",
}


def from_events_command(
    out: Annotated[Path, typer.Option(help="The file of queries to write, JSON Lines.")],
    pairs: Annotated[
        Path | None,
        typer.Option(help="Also write pairs of query and product, for `finetune --pairs`."),
    ] = None,
    days: Annotated[
        float | None, typer.Option(min=0, help="Only searches of the last days. [default: all]")
    ] = None,
    min_searches: Annotated[
        int, typer.Option(min=1, help="Searches that a query needs.")
    ] = Limits().searches,
    min_clicks: Annotated[
        int, typer.Option(min=1, help="Searches with a click that a query needs.")
    ] = Limits().clicks,
    decay: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=10,
            help="Take (1 / position)^decay for how often a position is looked at. [default: "
            "estimated from products that were seen at several positions]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the intervals.")] = 0,
    as_json: Json = False,
) -> None:
    """Make graded queries from the log of events, corrected for position bias.

    What stands first is clicked more because it is looked at more. How often each position is
    looked at is estimated from the log itself (position-based click model), and grades from 0 to 3
    follow from corrected clicks, carts and purchases. `eval run` and `eval tune` read them.

    Examples:
      vitrine eval from-events --out clicked.jsonl --pairs pairs.jsonl

      vitrine eval tune --queries clicked.jsonl
    """
    graded = grade_queries(
        read_observations(home(), days=days),
        Limits(min_searches, min_clicks),
        decay=decay,
        seed=seed,
    )
    write_json_lines(
        out,
        (as_row(query) | {"evidence": _evidence(graded, query.id)} for query in graded.queries),
    )
    counts = {name: graded.counts.get(name, 0) for name in COUNTS if name != "pairs"}
    if pairs:
        found = graded.pairs()
        write_json_lines(
            pairs, ({"text": query.text, "product": product} for query, product in found)
        )
        counts["pairs"] = len(found)
    if as_json:
        print_json(
            {
                "counts": counts,
                "positions": list(_positions(graded)),
                "out": str(out),
                "pairs": str(pairs) if pairs else None,
            }
        )
        return
    tables.show([_table(graded)])
    tables.show(f"{count:,} {COUNTS[name]}" for name, count in counts.items() if count)
    messages.print(f"Written: {out}", markup=False, soft_wrap=True)


def _evidence(graded: Graded, query: str) -> Mapping[str, Any]:
    return {
        product: {
            name: round(value, DIGITS) if isinstance(value, float) else value
            for name, value in asdict(each).items()
        }
        for product, each in graded.evidence[query].items()
    }


def _positions(graded: Graded) -> Iterator[dict[str, float]]:
    examination = graded.examination
    for number, value in enumerate(examination.value):
        yield {
            "position": number + 1,
            "shown": int(graded.shown[number]),
            "clicks": float(graded.clicks[number]),
            "examination": float(value),
            "low": float(examination.low[number]),
            "high": float(examination.high[number]),
            "moved": int(examination.moved[number]),
        }


def _table(graded: Graded) -> Table:
    table = Table(
        "position", "shown", "clicked", "examination", "95 % interval", "rests on", box=None
    )
    for row in _positions(graded):
        table.add_row(
            f"{row['position']:.0f}",
            f"{row['shown']:,}",
            f"{row['clicks']:.3f}",
            f"{row['examination']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['moved']:,}",
        )
    return table
