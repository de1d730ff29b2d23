"""`python -m demo`: make the demo shop, its queries and its model."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from demo import CHECKPOINT, DemoError, demand, shop
from demo.house import PRODUCTS, write_house

if TYPE_CHECKING:
    from demo.measure import Mark

# Only `train` and `measure` need torch; the drawing processes import this module as well.

CACHE = Path(tempfile.gettempdir()) / "vitrine-demo-lessons"

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Make the demo shop, its queries and its model.",
)
Folder = Annotated[Path, typer.Argument(help="Where to write; made where absent.")]
Shop = Annotated[Path, typer.Argument(help="A folder that `make` wrote.")]
Checkpoint = Annotated[Path, typer.Option(help="Folder of the CLIP checkpoint.")]
Cache = Annotated[Path, typer.Option(help="Where drawn pictures are kept between runs.")]


@app.command()
def make(folder: Folder) -> None:
    """Draw the shop: products.jsonl and images/, with the queries beside them.

    Then: vitrine ingest products FOLDER/products.jsonl --category-field category
    """
    with _sentences():
        count = shop.write_shop(folder)
        asked = demand.write_queries(folder, list(shop.articles()))
    typer.echo(f"{count} products and {asked} queries in {folder}")


@app.command()
def queries(folder: Folder) -> None:
    """Write the queries only: queries.jsonl and query_images/."""
    with _sentences():
        count = demand.write_queries(folder, list(shop.articles()))
    typer.echo(f"{count} queries in {folder}")


@app.command()
def house(folder: Shop) -> None:
    """Write house.jsonl: the shop's products in words that the model has yet to learn."""
    with _sentences():
        count = write_house(folder)
    typer.echo(f"{count} products in {folder / PRODUCTS}")


@app.command()
def train(checkpoint: Checkpoint = CHECKPOINT, cache: Cache = CACHE) -> None:
    """Train the demo's CLIP from nothing, on drawn products outside the shop."""
    from demo import measure, training
    from demo.model import SIDE

    plan = training.Plan()
    with typer.progressbar(length=plan.steps, label="Training", file=sys.stderr) as bar:
        loss = training.train(checkpoint, cache, plan, progress=lambda step, loss: bar.update(1))
    typer.echo(f"{checkpoint}: loss {loss:.3f} after {plan.steps} steps. Validation:", err=True)
    exam = measure.validation_exam(cache, SIDE)
    _print_marks(measure.sit(measure.open_encoder(checkpoint), exam))


@app.command("measure")
def measure_shop(folder: Shop, checkpoint: Checkpoint = CHECKPOINT) -> None:
    """Print nDCG@10 over the demo's queries, exact search in memory."""
    from demo import measure

    with _sentences():
        exam = measure.shop_exam(folder)
    _print_marks(measure.sit(measure.open_encoder(checkpoint), exam))


def _print_marks(marks: "list[Mark]") -> None:
    for mark in marks:
        typer.echo(json.dumps(asdict(mark)))


@contextmanager
def _sentences() -> Iterator[None]:
    """A user's mistake is one sentence and exit code 1."""
    try:
        yield
    except DemoError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
