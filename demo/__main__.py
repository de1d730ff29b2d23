"""`python -m demo`: make the demo shop, its queries and its model."""

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from demo import CHECKPOINT, renamed_shop, shop
from demo.queries import write_queries
from vitrine.command import CommandLine, print_json
from vitrine.progress import progress_bar

# Only `train` needs torch; the drawing processes import this module as well.

CACHE = Path(tempfile.gettempdir()) / "vitrine-demo-drawings"

app = CommandLine(
    no_args_is_help=True,
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
    count = shop.write_shop(folder)
    query_count = write_queries(folder, list(shop.make_products()))
    typer.echo(f"{count} products and {query_count} queries in {folder}")


@app.command()
def rename(folder: Shop) -> None:
    """Write renamed.jsonl: the shop's products under colour names unknown to the model."""
    count = renamed_shop.write_renamed_shop(folder)
    typer.echo(f"{count} products in {folder / renamed_shop.PRODUCTS}")


@app.command()
def train(checkpoint: Checkpoint = CHECKPOINT, cache: Cache = CACHE) -> None:
    """Train the demo's CLIP from random weights, on drawn products outside the shop."""
    from demo import evaluation, training
    from demo.model import SIDE

    plan = training.Plan()
    with progress_bar("Training", plan.steps) as advance:
        loss = training.train(checkpoint, cache, plan, report=lambda step, loss: advance(1))
    typer.echo(f"{checkpoint}: loss {loss:.3f} after {plan.steps} steps. Validation:", err=True)
    query_set = evaluation.validation_query_set(cache, SIDE)
    for score in evaluation.evaluate(evaluation.open_encoder(checkpoint), query_set):
        print_json(asdict(score))


if __name__ == "__main__":
    app()
