"""The pictures of `vitrine ingest vectors` against the bare pass of the same model.

    python -m benchmarks embedding --checkpoint FOLDER --n 400

The job reads the catalogue, decodes and resizes stored pictures, encodes them and writes vectors.
The bare pass has the same pixels in memory and does nothing but run the model, a batch per core.
Both take turns. What the job needs beyond the bare pass is shown in processor time, by step: where
all cores run the model, decoding is added to it and cannot be hidden.
"""

import json
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import thread_time
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from benchmarks.generated import random_texts, write_shop
from benchmarks.rounds import Rounds, as_object, table
from catalog.catalogue import Catalogue
from encoder.encoder import Encoder
from encoder.pipeline import prefetch
from encoder.processor import ImageProcessor
from encoder.runtimes.openvino_model import OpenVINOModel, find_converted
from encoder.runtimes.source import DualEncoderSource
from encoder.variants import Variants
from ingest.embedding import Embedding, keys
from ingest.images import fetch_images
from ingest.kept_vectors import open_vectors, vector_folders
from ingest.products import load_products
from ingest.vectors import embed_products
from vitrine.batches import batched
from vitrine.command import Json

JOB, BARE = "vectors job", "bare pass"
NAME = "benchmark"


def command(
    checkpoint: Annotated[
        Path | None, typer.Option(help="Folder of a checkpoint; a random one of --size if none.")
    ] = None,
    size: Annotated[
        str, typer.Option(help="Of a random one: vit-b-32 or siglip-b-16.")
    ] = "vit-b-32",
    n: Annotated[
        int, typer.Option(min=1, help="Pictures; generated, as the store has them.")
    ] = 400,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, each of all pictures.")] = 3,
    precision: Annotated[str, typer.Option(help="auto, float32, bfloat16 or int8.")] = "auto",
    as_json: Json = False,
) -> None:
    """The pictures of `vitrine ingest vectors` against the bare pass of the same model."""
    from benchmarks.checkpoints import random_checkpoint
    from benchmarks.encoders import machine

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        checkpoint = checkpoint or random_checkpoint(size, Path(folder) / "random")
        variant = Variants(home).add(NAME, checkpoint)
        load_products(home, write_shop(Path(folder) / "shop", random_texts(n)))
        fetch_images(home)
        embed_products(home, NAME, precision=precision)  # type: ignore[arg-type] # converts it
        encoder = Encoder.load(variant, precision=precision)  # type: ignore[arg-type]
        converted = find_converted(DualEncoderSource(variant), precision, "cpu")  # type: ignore[arg-type]
        if converted is None:
            raise typer.BadParameter("OpenVINO cannot run this model here.")
        bare = OpenVINOModel(converted, encoder.precision)
        with Catalogue(home) as catalogue:
            steps, batches = _prepared(catalogue, bare.processor, encoder.batch_size)
            timed = Rounds()
            for number in range(rounds + 1):
                for kept in vector_folders(home, variant):
                    shutil.rmtree(kept)
                with open_vectors(home, variant) as files:
                    windows = partial(keys, catalogue, variant)
                    job = Embedding(catalogue, variant, files, windows, lambda: encoder)
                    timed.run(
                        {JOB: job.pictures, BARE: partial(_run_bare, bare, batches)},
                        warm_up=not number,
                    )
    measured = timed.measured(n)
    facts = {"precision": encoder.precision, "steps_ms": steps, "machine": machine()}
    if as_json:
        typer.echo(json.dumps(as_object(measured, JOB) | facts))
        return
    console = Console()
    console.print(table(measured, JOB, "pictures"))
    console.print("; ".join(f"{name}: {value}" for name, value in facts.items()))


def _prepared(
    catalogue: Catalogue, processor: ImageProcessor, size: int
) -> tuple[dict[str, float], list[np.ndarray]]:
    """Milliseconds of decoding and of resizing one picture, and all pixels in batches."""
    hashes = [entry.picture for entry in catalogue.entries() if entry.picture]
    started = thread_time()
    opened = [catalogue.pictures.open(each) for each in hashes]
    decoded = thread_time()
    pixels = [processor.pixels(picture) for picture in opened]
    resized = thread_time()
    batches = [np.stack(rows) for rows in batched(pixels, size)]
    each = {"decode": decoded - started, "resize": resized - decoded}
    return {name: round(1000 * spent / len(hashes), 2) for name, spent in each.items()}, batches


def _run_bare(bare: OpenVINOModel, batches: Sequence[np.ndarray]) -> list[np.ndarray]:
    model = bare.for_batches()
    return list(prefetch(batches, lambda batch: batch, model.image_features, model.runners))
