"""`vitrine facets`: what the products that pass some filters are, as tables or one JSON object."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from search.__main__ import InStock, Where, resolve_filters
from search.buckets import Bucket
from search.facets import CategoryCount, Facets
from search.query import Query
from search.request import read_filters
from search.shop import open_shop
from vitrine.command import CommandLine, Json, print_json
from vitrine.text import printable

app = CommandLine()

Count = tuple[str, int]


@app.command()
def facets(
    text: Annotated[
        str, typer.Argument(help="Count only the products that fit these words best.")
    ] = "",
    category: Annotated[
        list[str] | None,
        typer.Option(help='Only this category, as Kettles or "Kitchen > Kettles"; repeatable.'),
    ] = None,
    brand: Annotated[list[str] | None, typer.Option(help="Only this brand; repeatable.")] = None,
    where: Where = None,
    in_stock: InStock = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="Values of each facet.")] = 10,
    variant: Annotated[str, typer.Option(help="Variant whose collection is counted.")] = "",
    as_json: Json = False,
) -> None:
    """Count the products by category, brand, stock, price and attribute.

    Each facet leaves its own filter out. For example:

      vitrine facets --category Kettles --where colour=red
    """
    filters = read_filters(
        {
            "categories": category or (),
            "brands": brand or (),
            "in_stock": in_stock or None,
            "where": where or (),
        }
    )
    query = Query(text) if text.strip() else None
    with open_shop() as shop:
        engine = shop.engine(variant)
        filters = resolve_filters(engine, filters)
        found = engine.facets(filters, query, limit=limit)
    if as_json:
        asked = {"text": text, **asdict(filters), "variant": engine.variant.name}
        print_json({"query": asked, **asdict(found)})
        return
    show(found)


def show(found: Facets) -> None:
    """Print a table for each facet."""
    console = Console()
    plural = "" if found.products == 1 else "s"
    console.print(f"{found.products:,} product{plural}", highlight=False)
    _print(console, "category", _indented(found.categories))
    _print(console, "brand", found.brands.items())
    _print(console, "in stock", found.stock.items())
    _print(console, f"price {found.currency}".strip(), map(_bucket, found.prices))
    for each in found.attributes:
        values = [*each.values.items(), *map(_bucket, each.buckets)]
        _print(console, each.label, values, each.different)


def _print(console: Console, title: str, counts: Iterable[Count], different: int = 0) -> None:
    """Print the counts of one facet; nothing where there are none."""
    rows = list(counts)
    if not rows:
        return
    table = Table(box=None, header_style="bold", min_width=40)
    table.add_column(escape(printable(title)), ratio=1)
    table.add_column("products", justify="right")
    for label, count in rows:
        table.add_row(escape(printable(label)), f"{count:,}")
    console.print()
    console.print(table)
    if different > len(rows) and rows[-1][1]:
        console.print(f"  {different:,} different values", highlight=False)


def _indented(categories: Iterable[CategoryCount], depth: int = 0) -> Iterator[Count]:
    for each in categories:
        yield "  " * depth + each.name, each.count
        yield from _indented(each.children, depth + 1)


def _bucket(bucket: Bucket) -> Count:
    return str(bucket), bucket.count


if __name__ == "__main__":
    app(prog_name="python -m search.facets_command")
