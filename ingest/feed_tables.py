"""What was understood of a feed, as lines and tables for a terminal."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from catalog import values
from catalog.report import WANTED
from ingest.job import Figures
from vitrine.text import printable

MAX_LISTED = 20  # attributes and columns in a line; --json has all
LONGEST_SHOWN = 500  # characters of a picture's address; data: addresses are longer
NAMES = {"images": "pictures"}  # field → what people call it
SINGULAR = {"images": "picture"}
BY_ID = "where their names follow from another column: --field 'image=images/{id}.jpg'"


def show_report(columns: Mapping[str, Any], console: Console | None = None) -> None:
    """How a file was read: a line for each field, and what is missing.

    Args:
        columns: `catalog.report.Report.as_json`.
        console: where to print; stdout by default.
    """
    console = console or Console()
    facts = ", ".join(
        str(value) if name == "format" else f"{name} {value}"
        for name, value in columns["file"].items()
    )
    language = f"; language {columns['language']}" if columns["language"] else ""
    read = f"read as {columns['convention']}" if columns["convention"] else "read by column names"
    _line(console, f"{read}: {facts}{language}", "bold")
    for name, field in columns["fields"].items():
        _field(console, name, field, columns)
    attributes = columns["attributes"]
    if attributes:
        count = columns["attribute_names"]
        kinds = columns["attribute_types"]
        listed = (
            name if kinds[name] == "text" else f"{name} ({kinds[name]})"
            for name in islice(attributes, MAX_LISTED)
        )
        _line(console, f"  {count:,} attributes ← {', '.join(listed)}{_more(count)}")
    if unused := columns["unused"]:
        _line(
            console, f"  not used: {', '.join(unused[:MAX_LISTED])}{_more(len(unused))}", "yellow"
        )
    missing = [
        f"{count:,} without {SINGULAR.get(name, name)}"
        for name, count in columns["without"].items()
        if count
    ]
    if missing:
        _line(console, f"  of {columns['products']:,} products {', '.join(missing)}", "yellow")


def show_preview(figures: Figures) -> None:
    """Some products as they are read, with their pictures' addresses, and how the file was read."""
    console = Console()
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for name in ("id", "title", "brand", "price", "category", "attributes"):
        table.add_column(name, overflow="fold")
    for product in figures["products"]:
        table.add_row(*map(Text, map(printable, _cells(product))))
    console.print(table)
    _line(console, "pictures", "bold")
    for product in figures["products"]:
        for address in product.get("images", ("none",)):
            shown = address if len(address) < LONGEST_SHOWN else f"{address[:40]}…"
            _line(console, f"{product['id']}  {shown}")
    for name in ("dropped", "not_for_sale"):
        for reason, count in figures[name].items():
            _line(console, f"{name.replace('_', ' ')}: {count:,} × {reason}", "yellow")
    show_report(figures["columns"], console)


def _cells(product: Mapping[str, Any]) -> tuple[str, ...]:
    paths = (" > ".join(path) for path in product.get("categories", ()))
    facts = (f"{name}: {values.text(fact)}" for name, fact in product.get("attributes", {}).items())
    return (
        product["id"],
        product["title"],
        product.get("brand", ""),
        _price(product),
        "\n".join(paths),
        "\n".join(facts),
    )


def _price(product: Mapping[str, Any]) -> str:
    if "price" not in product:
        return ""
    price = f"{product['price']:,.2f} {product.get('currency', '')}".rstrip()
    return f"{price}\n(was {product['list_price']:,.2f})" if "list_price" in product else price


def _field(
    console: Console, name: str, field: Mapping[str, Any], columns: Mapping[str, Any]
) -> None:
    shown = NAMES.get(name, name.replace("_", " "))
    read = [column for column, rows in field["columns"].items() if rows]
    blank = [column for column, rows in field["columns"].items() if not rows]
    if not read and not field["products"]:
        if name in WANTED:
            hint = f"; {BY_ID}" if name == "images" and not blank else ""
            reason = f"{', '.join(blank)} has no value" if blank else "no column"
            _line(console, f"  {shown}: {reason}{hint}", "yellow")
        return
    source = ", ".join(column.replace("+", " > ") for column in read) or "given"
    if name == "category" and columns["deep_categories"] and read:
        source = f"first step of {source}"
    share = field["products"] / max(1, columns["products"])
    most = f" ({field['products']:,} of {columns['products']:,} products)" if share < 1 else ""
    _line(console, f"  {shown} ← {source}{most}", "yellow" if share < 1 / 2 else "")


def _more(count: int) -> str:
    return f" and {count - MAX_LISTED:,} more" if count > MAX_LISTED else ""


def _line(console: Console, line: str, style: str = "") -> None:
    console.print(Text(printable(line), style), soft_wrap=True)
