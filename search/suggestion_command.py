"""`vitrine suggest`: what a person may be about to type."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from search.shop import open_shop
from vitrine.command import CommandLine, Json, messages, print_json
from vitrine.text import printable

app = CommandLine()
MOST = 100


@app.command()
def suggestions(
    typed: Annotated[str, typer.Argument(help="What was typed so far.")],
    k: Annotated[int, typer.Option(min=1, max=MOST, help="Number of suggestions.")] = 8,
    variant: Annotated[str, typer.Option(help="Variant whose collection is searched.")] = "",
    as_json: Json = False,
) -> None:
    """Suggest words, brands, categories and titles for the beginning of a query.

    For example:

      vitrine suggest "red lips"
    """
    with open_shop() as shop:
        engine = shop.engine(variant)
        found = engine.suggest(typed, k)
        if not engine.vocabulary.source():
            messages.print(
                f"Nothing can be suggested: {engine.vocabulary.path} is missing or damaged. "
                f"`vitrine ingest vectors --variant {engine.variant.name}` makes it again.",
                markup=False,
                soft_wrap=True,
            )
    if as_json:
        print_json({"typed": typed, "suggestions": [asdict(each) for each in found]})
        return
    table = Table(box=None, header_style="bold")
    table.add_column("suggestion", overflow="fold")
    table.add_column("kind")
    table.add_column("products", justify="right")
    for each in found:
        table.add_row(escape(printable(each.text)), each.kind, f"{each.count:,}")
    if found:
        Console().print(table)


if __name__ == "__main__":
    app(prog_name="python -m search.suggestion_command")
