"""The whole vectors job beside the bare forward passes that it cannot do without.

    python -m benchmarks ingest vectors --products FILE --checkpoint FOLDER --n 5000

The job loads the model, reads the catalogue, decodes pictures, encodes texts and pictures, keeps
the vectors on the disk and builds the collection. The bare pass has the same batches lying ready
in memory. Both run in turns within each round; the ratio is what to read.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.encode import Bare, random_vit_b_32
from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.readers import read_products
from encoder.encoder import Encoder
from encoder.variants import Variants
from ingest.embedding import wanted
from ingest.images import images
from ingest.vectors import vectors

NAME = "benchmark"


def job(products: Path, checkpoint: Path, n: int, rounds: int) -> dict[str, Any]:
    """Measure the vectors job against the bare forward passes.

    Args:
        products: a file of products with pictures.
        checkpoint: folder of a CLIP checkpoint.
        n: how many products of the file.
        rounds: in each, both run once.

    Returns:
        Counts, the median seconds of each, and the ratio of speeds round by round.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        variant = Variants(home).add(NAME, checkpoint)
        with Catalogue(home) as catalogue:
            rows = (row for row in read_products(products) if isinstance(row, Product))
            catalogue.upsert(islice(rows, n))
        images(home)
        with Catalogue(home) as catalogue:
            wants = [want for window in wanted(catalogue, variant) for want in window]
            texts = list({want.text_key: want.text for want in wants}.values())
            hashes = {want.entry.picture for want in wants if want.entry.picture}
            files = [catalogue.pictures.path(name) for name in sorted(hashes)]
        bare = Bare(checkpoint, Encoder.load(variant))
        batches = [*bare.texts(texts), *bare.pictures(files)]
        ways: dict[str, Callable[[], Any]] = {
            "bare forward": lambda: [bare.run(batch) for batch in batches],
            "bare forward, a batch per core": lambda: bare.per_core(batches),
            "vectors job": lambda: vectors(home, NAME),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds):
            names = list(ways)
            for name in names[number % 3 :] + names[: number % 3]:
                shutil.rmtree(home / "vectors", ignore_errors=True)
                shutil.rmtree(home / "qdrant", ignore_errors=True)
                started = time.perf_counter()
                ways[name]()
                seconds[name].append(time.perf_counter() - started)
        return {
            "products": len(wants),
            "texts": len(texts),
            "pictures": len(files),
            "seconds": {name: float(np.median(each)) for name, each in seconds.items()},
            "job over bare": {
                name: [
                    theirs / ours
                    for theirs, ours in zip(seconds[name], seconds["vectors job"], strict=True)
                ]
                for name in list(ways)[:2]
            },
        }


def command(
    products: Annotated[Path, typer.Option(help="A file of products with pictures.")],
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a CLIP checkpoint; a random ViT-B/32 if none.")
    ] = None,
    n: Annotated[int, typer.Option(min=1, help="How many products.")] = 1000,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, both ways in each.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure the whole vectors job against the bare forward passes."""
    with tempfile.TemporaryDirectory() as folder:
        measured = job(products, checkpoint or random_vit_b_32(Path(folder)), n, rounds)
    if as_json:
        typer.echo(json.dumps(measured))
        return
    table = Table("way", "seconds, median", "job's speed over it: median, least, greatest")
    for name, seconds in measured["seconds"].items():
        ratios = measured["job over bare"].get(name)
        told = f"{np.median(ratios):.2f}, {min(ratios):.2f}, {max(ratios):.2f}" if ratios else ""
        table.add_row(name, f"{seconds:.1f}", told)
    console = Console()
    console.print(
        f"{measured['products']:,} products: {measured['texts']:,} texts, "
        f"{measured['pictures']:,} pictures"
    )
    console.print(table)
