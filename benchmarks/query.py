"""A text query from words to ranked products: the model's share of the time and the engine's.

    python -m benchmarks query --n 100000

A ViT-B/32 with random weights embeds the words (512 dimensions); the collection holds generated
vectors, all three of each product, and a tenth of the products have no picture.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoints import vit_b_32
from benchmarks.encode import random_texts
from benchmarks.search_data import Generated
from encoder.encoder import Encoder
from encoder.variants import Variants
from qdrant.embedded import EmbeddedStore
from qdrant.store import Filters, Point, Spec
from search.engine import Engine
from search.query import Query

WARM_UP = 20
WITHOUT_PICTURE = 10  # every tenth product

Milliseconds = dict[str, dict[str, float]]


def measure(n: int, queries: int) -> Milliseconds:
    """Ask text queries with and without a category filter.

    Args:
        n: products.
        queries: how many of each kind.

    Returns:
        By kind of query, the milliseconds at the median and at the 95th percentile in the model
        and in the engine, and the engine's median over the model's.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        variant = Variants(home).add("benchmark", vit_b_32(home / "checkpoint"))
        generated = Generated.draw(n, variant.dim, 0, seed=0)
        spec = Spec(variant.name, variant.fingerprint, variant.dim)
        with EmbeddedStore(home / "qdrant") as store:
            store.build(spec, _points(generated))
            engine = Engine(variant, store, lambda: Encoder.load(variant))
            return {
                kind: _ask(engine, queries, filters)
                for kind, filters in (
                    ("no filter", Filters()),
                    ("category 10 %", Filters(categories=("common",))),
                    ("category 1 %", Filters(categories=("rare",))),
                )
            }


def _points(generated: Generated) -> Iterator[Point]:
    for number, point in enumerate(generated.points()):
        vector = point.vectors["fused"]
        vectors = {"text": vector}
        if number % WITHOUT_PICTURE:
            vectors |= {"image": vector, "fused": vector}
        yield Point(point.id, point.payload, vectors)


def _ask(engine: Engine, queries: int, filters: Filters) -> dict[str, float]:
    texts = random_texts(WARM_UP + queries)
    found = [engine.search(Query(text, filters=filters)) for text in texts][WARM_UP:]
    model = np.array([results.encode_seconds for results in found]) * 1e3
    ranked = np.array([results.search_seconds for results in found]) * 1e3
    return {
        "model p50": float(np.median(model)),
        "model p95": float(np.percentile(model, 95)),
        "engine p50": float(np.median(ranked)),
        "engine p95": float(np.percentile(ranked, 95)),
        "engine over model": float(np.median(ranked / model)),
    }


def command(
    n: Annotated[int, typer.Option(min=100, help="Products.")] = 100_000,
    queries: Annotated[int, typer.Option(min=1, help="Queries of each kind.")] = 200,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time a text query: the model's share and the engine's."""
    measured = measure(n, queries)
    if as_json:
        typer.echo(json.dumps(measured))
        return
    columns = next(iter(measured.values()))
    table = Table("query", *columns, title=f"{n:,} products, milliseconds")
    for kind, figures in measured.items():
        table.add_row(kind, *(f"{figure:.3f}" for figure in figures.values()))
    Console().print(table)
