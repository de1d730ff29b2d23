"""`vitrine events`: what is in the log of searches and events; its deletion and its export."""

import json
import re
import sys
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from events import deletion
from events.database import Database
from events.export import export_records
from events.log import DAY
from events.recent import recent_queries
from events.records import check_client
from events.settings import DAYS, Settings
from events.status import Status, read_status
from vitrine import home
from vitrine.command import CommandLine, Json, messages, print_json
from vitrine.text import printable

AGE = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([dhw])")
UNITS = {"h": DAY // 24, "d": DAY, "w": 7 * DAY}
SHOWN = 20  # queries of `vitrine events queries`

app = CommandLine(
    no_args_is_help=True,
    help="The log of searches and events, which `vitrine serve --events` and `vitrine app "
    "--events` keep. VITRINE_HOME names the shop's folder.",
)


@app.command()
def status(as_json: Json = False) -> None:
    """Show how many searches and events there are, how old, and how large.

    vitrine events status
    """
    settings, found = Settings.read(), read_status(home())
    if as_json:
        print_json(
            {
                **asdict(found),
                "first": _time(found.first),
                "last": _time(found.last),
                "days": settings.days or None,
            }
        )
        return
    for line in _lines(found, settings.days):
        print(line)


@app.command()
def queries(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many.")] = SHOWN,
    days: Annotated[float, typer.Option(min=0, max=100_000, help="Of the last days.")] = 30,
    by_count: Annotated[
        bool, typer.Option("--by-count", help="The most frequent ones first.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the latest queries by words alone, how often they were searched and led to a click.

    vitrine events queries --by-count
    """
    found = recent_queries(home(), limit, days=days, by_count=by_count)
    if as_json:
        print_json({"queries": [{**asdict(each), "last": _time(each.last)} for each in found]})
        return
    console = Console(highlight=False)
    for each in found:
        nothing = f", {each.without_results:,} without results" if each.without_results else ""
        line = f"{each.searches:7,} searches, {each.clicked:,} with a click{nothing}  {each.text}"
        console.print(Text(printable(line)), soft_wrap=True)


@app.command()
def forget(
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="What is older, as 90d, 12h or 8w.")
    ] = "",
    client: Annotated[
        str, typer.Option(metavar="ID", help="All searches and events of this client_id.")
    ] = "",
    everything: Annotated[bool, typer.Option("--everything", help="The whole log.")] = False,
    as_json: Json = False,
) -> None:
    """Delete searches with their events. It is safe while a server writes.

    What is deleted is overwritten in the file. VITRINE_EVENTS_DAYS deletes by itself what is older.

    vitrine events forget --older-than 90d

    vitrine events forget --client 5f0c1f9e
    """
    if sum((bool(older_than), bool(client), everything)) != 1:
        raise typer.BadParameter("Give one of --older-than AGE, --client ID and --everything.")
    before = _before(older_than) if older_than else 0
    if client:
        check_client(client)
    events = 0
    with Database(home(), create=False) as database:
        if client:
            searches, events = deletion.forget_client(database, client)
        elif everything:
            searches = deletion.forget_all(database)
        else:
            searches = deletion.forget_older(database, before)
    if as_json:
        print_json({"searches": searches, "other_events": events})
    else:
        others = f", and {events:,} events on other searches" if client else ""
        messages.print(f"Deleted: {searches:,} searches with their events{others}.")


@app.command()
def export() -> None:
    """Write the log on stdout as JSON Lines of User Behavior Insights, each search with its events.

    vitrine events export > events.jsonl
    """
    for record in export_records(home()):
        sys.stdout.write(json.dumps(record) + "\n")


def _before(age: str) -> int:
    """The time so long ago, in milliseconds since 1970."""
    match = AGE.fullmatch(age.strip().lower())
    if not match:
        raise typer.BadParameter(
            "Give a number of days, hours or weeks: 90d, 12h or 8w.", param_hint="--older-than"
        )
    return time.time_ns() // 1_000_000 - round(float(match[1]) * UNITS[match[2]])


def _lines(found: Status, days: float) -> list[str]:
    counts = ", ".join(f"{count:,} {action}" for action, count in found.events.items())
    kept = f"deleted when older than {days:g} days" if days else f"kept ({DAYS} limits that)"
    lines = [
        f"searches  {found.searches:,} of {found.clients:,} clients",
        f"events    {counts}",
        f"size      {found.size / 2**20:,.1f} MiB, {kept}",
    ]
    if found.first is not None:
        lines.insert(1, f"from      {_time(found.first)} to {_time(found.last)}")
    return lines


def _time(milliseconds: int | None) -> Any:  # noqa: ANN401 - as JSON has it
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")


if __name__ == "__main__":
    app(prog_name="python -m events")
