"""The jobs' figures, the verification and the status as tables for a terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ingest.feed_tables import show_report
from ingest.job import Figures
from ingest.verification import FAULTS
from vitrine.text import printable

CATEGORIES = 20  # lines: the largest categories; --json has all
COLOURS = {"done": "green", "running": "cyan", "stopped": "yellow", "failed": "red"}
REASONS = ("dropped", "not_for_sale", "failed")  # figures that count by reason
NOTHING = Text("–", "dim")


def show_figures(jobs: Mapping[str, Figures]) -> None:
    """Each job's figures, and its failures by reason."""
    console = Console()
    for job, figures in jobs.items():
        console.print(f"[bold]{job}[/bold]  {_listed(figures)}", highlight=False)
        for name in REASONS:
            if reasons := figures.get(name):
                console.print(f"{name.replace('_', ' ')}, by reason:")
                console.print(_counts(reasons))
        if columns := figures.get("columns"):
            show_report(columns)
        if filters := figures.get("filters"):
            console.print(Text(f"  filters: {', '.join(map(printable, filters))}"), soft_wrap=True)


def show_verified(found: Mapping[str, Figures]) -> None:
    """Each variant's collection: its faults, and the commands that repair it."""
    console = Console()
    for name, figures in found.items():
        verdict = "[red]differs[/red]" if figures["faults"] else "[green]clean[/green]"
        console.print(
            f"{name}: {verdict}, {figures['products']:,} products, {figures['points']:,} points"
            + (f", {figures['compared']:,} compared" if "compared" in figures else ""),
            highlight=False,
        )
        for fault, count in figures["faults"].items():
            console.print(f"  {count:,}  {FAULTS[fault]}", highlight=False)
        for file, count in figures.get("vector_files", {}).items():
            console.print(Text(f"  {count:,}  damaged vectors in {file}"), soft_wrap=True)
        if figures["faults"]:
            console.print(
                f"Run `vitrine ingest images`, then `vitrine ingest vectors --variant {name}`.",
                highlight=False,
            )


def show_status(page: Mapping[str, Any]) -> None:
    """Jobs, categories, failures and the last runs."""
    console = Console()
    console.print(
        f"[bold]{escape(page['home'])}[/bold]  {page['products']:,} products", highlight=False
    )
    tables = [_jobs(page["jobs"]), _categories(page["jobs"])]
    if page["failures"]:
        tables.append(_failures(page["failures"]))
    for table in (*tables, _runs(page["runs"])):
        console.print()
        console.print(table)
    for each in page["errors"]:
        name = f"{each['variant']}: " if each["variant"] else ""
        console.print(Text.assemble((f"{name}{each['error']}", "red")), soft_wrap=True)
    unread = {each["variant"] for each in page["errors"]}
    for each in page["collections"]:
        if not each["matches"] and each["variant"] not in unread:
            console.print(
                f"[red]The collection {escape(each['variant'])} was built by another state of the "
                f"variant:[/red] run `vitrine ingest vectors --variant {each['variant']}`.",
                highlight=False,
            )
        elif not each["words_as_chosen"]:
            console.print(
                f"Words do not count yet in the collection {escape(each['variant'])} as was "
                f"chosen: run `vitrine ingest vectors --variant {each['variant']}`.",
                highlight=False,
                soft_wrap=True,
            )
        elif not each["stored_as_chosen"]:
            console.print(
                f"The collection {escape(each['variant'])} is not stored yet as was chosen: run "
                f"`vitrine ingest vectors --variant {each['variant']}`.",
                highlight=False,
                soft_wrap=True,
            )


def _jobs(jobs: list[dict[str, Any]]) -> Table:
    table = _table("job", right=("done", "pending", "failed", "bytes", "per second"))
    table.add_column("last run, UTC", no_wrap=True)
    for each in jobs:
        total, last = each["total"], each["last_run"]
        table.add_row(
            _name(each),
            _count(total["done"]),
            Text("") if total["pending"] is None else _count(total["pending"], "yellow"),
            _count(sum(total["failed"].values()), "red"),
            _bytes(total["bytes"]),
            NOTHING if each["rate"] is None else Text(f"{each['rate']:,.0f}"),
            _outcome(last["outcome"]).append(f"  {_time(last['started'])}", "default")
            if last
            else Text("never", "dim"),
        )
    return table


def _categories(jobs: list[dict[str, Any]]) -> Table:
    """One line for each category, the largest first: done, pending and failed."""
    products = {name: share["done"] for name, share in jobs[0]["categories"].items()}
    largest = sorted(products, key=lambda name: -products[name])
    table = _table("category", right=("products", "pictures"))
    sized = jobs[2:] if jobs[2]["total"]["done"] else jobs[3:]
    for each in sized:
        table.add_column(_name(each, short=True), justify="right")
    for name in largest[:CATEGORIES]:
        table.add_row(
            _plain(name) if name else Text("(none)", "dim"),
            _count(products[name]),
            *(_share(each["categories"].get(name)) for each in (jobs[1], *sized)),
        )
    if len(largest) > CATEGORIES:
        rest = sum(products[name] for name in largest[CATEGORIES:])
        more = f"{len(largest) - CATEGORIES:,} more: --json has them"
        table.add_row(Text(more, "dim"), _count(rest))
    table.caption = Text.assemble(("+ pending", "yellow"), "  ", ("− failed", "red"))
    table.caption_justify = "left"
    return table


def _share(share: Mapping[str, Any] | None) -> Text:
    """Done, pending and failed, as `2,130 +9 −3`."""
    if share is None:
        return NOTHING
    parts = [Text(f"{share['done']:,}")] if share["done"] else []
    if share["pending"]:
        parts.append(Text(f"+{share['pending']:,}", "yellow"))
    if failed := sum(share["failed"].values()):
        parts.append(Text(f"−{failed:,}", "red"))
    return Text(" ").join(parts) if parts else NOTHING


def _failures(failures: list[dict[str, Any]]) -> Table:
    table = _table(right=("pictures",))
    table.add_column("failed for", no_wrap=True)
    table.add_column("for example", style="dim")
    for each in failures:
        table.add_row(_count(each["count"], "red"), _plain(each["reason"]), _plain(each["example"]))
    return table


def _runs(runs: list[dict[str, Any]]) -> Table:
    table = _table("last runs")
    table.add_column("UTC", no_wrap=True)
    table.add_column("outcome")
    table.add_column("took", justify="right")
    table.add_column("came to")
    for run in runs:
        figures = run["figures"]
        result = _plain(figures.get("error") or _listed(_counted(figures)) or "nothing to do")
        variant = run["settings"].get("variant", "")
        table.add_row(
            Text(" ".join(filter(None, (run["job"], variant)))),
            _time(run["started"]),
            _outcome(run["outcome"]),
            _seconds(figures.get("seconds")),
            result,
        )
    return table


def _table(*left: str, right: tuple[str, ...] = ()) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _name(job: Mapping[str, Any], *, short: bool = False) -> Text:
    if not job["variant"]:
        return Text(job["job"])
    return Text(job["variant"] if short else f"{job['job']} {job['variant']}")


def _plain(text: str) -> Text:
    """Text of a feed or a server, without control characters."""
    return Text(printable(text))


def _outcome(outcome: str) -> Text:
    return Text(outcome, COLOURS.get(outcome, ""))


def _count(count: int, colour: str = "") -> Text:
    return Text(f"{count:,}", colour) if count else NOTHING


def _bytes(size: int | None) -> Text:
    return Text(decimal(size)) if size else NOTHING


def _time(text: str) -> str:
    """The hour of today, or date and hour."""
    try:
        then = datetime.fromisoformat(text)
    except ValueError:  # of a damaged record
        return "?"
    return f"{then:%H:%M}" if then.date() == datetime.now(UTC).date() else f"{then:%Y-%m-%d %H:%M}"


def _seconds(seconds: float | None) -> Text:
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return Text(f"{hours} h {minutes:02} min")
    return Text(f"{minutes} min {rest:02} s" if minutes else f"{seconds:.1f} s")


def _listed(figures: Mapping[str, Any]) -> str:
    counts = dict(figures)
    if damage := counts.get("damaged"):
        counts["damaged"] = damage["count"]
    return ", ".join(
        f"{value:,} {name.replace('_', ' ')}"
        for name, value in counts.items()
        if isinstance(value, int) and (value or name != "merged")
    )


def _counted(figures: Mapping[str, Any]) -> dict[str, int]:
    """The figures that are not zero; reasons summed up."""
    sums = {name: sum(figures[name].values()) for name in REASONS if name in figures}
    counts = {name: value for name, value in figures.items() if isinstance(value, int)} | sums
    return {name: value for name, value in counts.items() if value}


def _counts(counts: Mapping[str, int]) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    for name, count in counts.items():
        table.add_row(f"{count:,}", escape(name))
    return table
