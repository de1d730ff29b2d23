"""The whole vectors job beside the bare forward passes that it cannot do without.

    python -m benchmarks ingest vectors --products FILE --checkpoint FOLDER --n 5000

The job loads the model, reads the catalogue, decodes pictures, encodes texts and pictures, keeps
the vectors on the disk and builds the collection. The bare pass has the same batches lying ready
in memory. Both run in turns within each round; the ratio is what to read.
"""

import json
import shutil
import tempfile
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.checkpoints import vit_b_32
from benchmarks.encode import Bare
from benchmarks.rounds import Measured, Rounds, Way, plain, table
from catalog.catalogue import Catalogue
from catalog.product import Product
from catalog.readers import read_products
from encoder.encoder import Encoder
from encoder.variants import Variants
from ingest.embedding import wanted
from ingest.images import images
from ingest.vectors import vectors

NAME = "benchmark"
OURS = "vectors job"


def job(
    products: Path, checkpoint: Path, n: int, rounds: int
) -> tuple[dict[str, int], dict[str, Measured]]:
    """Measure the vectors job against the bare forward passes.

    Args:
        products: a file of products with pictures.
        checkpoint: folder of a CLIP checkpoint.
        n: how many products of the file.
        rounds: in each, both run once.

    Returns:
        Counts, and how fast each was, in products.
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
        ways: dict[str, Way] = {
            "bare forward": lambda: [bare.run(batch) for batch in batches],
            "bare forward, a batch per core": lambda: bare.per_core(batches),
            OURS: lambda: vectors(home, NAME),
        }
        timed = Rounds()
        for _ in range(rounds):
            timed.run(ways)
            for made in ("vectors", "qdrant"):
                shutil.rmtree(home / made)
        counts = {"products": len(wants), "texts": len(texts), "pictures": len(files)}
        return counts, timed.measured(len(wants))


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
        counts, measured = job(products, checkpoint or vit_b_32(Path(folder)), n, rounds)
    if as_json:
        typer.echo(json.dumps(counts | plain(measured, OURS)))
        return
    drawn = table(measured, OURS, "products")
    drawn.caption = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    Console().print(drawn)
