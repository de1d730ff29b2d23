"""The summarizer of the summaries job beside the reference system's loop.

    python -m benchmarks ingest summaries --products FILE                     # a tiny random BART
    python -m benchmarks ingest summaries --products FILE --random large      # as large as its own
    python -m benchmarks ingest summaries --products FILE --checkpoint FOLDER

Both write the same summaries: the same checkpoint, inputs, beams and lengths. The reference takes
sixteen inputs as they come, in float32; the job takes inputs of like length together and, on a
GPU, bfloat16. They run in turns within each round; the ratio is what to read.
"""

import json
import tempfile
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from benchmarks.rounds import Measured, Rounds, plain, table
from catalog.product import Product
from catalog.readers import read_products
from ingest.summaries import prompt
from ingest.summarizer import Recipe, Summarizer

OURS, REFERENCE = "summaries job", "the reference's loop"
REFERENCE_BATCH = 16


class Random(StrEnum):
    """Size of a BART with random weights."""

    TINY = "tiny"
    LARGE = "large"


class Reference:
    """The reference system's loop: fixed batches, in the order in which products arrive."""

    def __init__(self, recipe: Recipe) -> None:
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self._recipe = recipe
        self._tokenizer = AutoTokenizer.from_pretrained(recipe.checkpoint)
        model = AutoModelForSeq2SeqLM.from_pretrained(recipe.checkpoint, dtype=torch.float32)
        self._model = model.to(device).eval()

    def run(self, texts: list[str]) -> int:
        """Summarise texts; gives how many summaries there are."""
        import torch

        made: list[str] = []
        for start in range(0, len(texts), REFERENCE_BATCH):
            tokens = self._tokenizer(
                texts[start : start + REFERENCE_BATCH],
                max_length=self._recipe.read,
                truncation=True,
                padding=True,
                return_tensors="pt",
            ).to(self._model.device)
            with torch.no_grad():
                written = self._model.generate(
                    input_ids=tokens["input_ids"],
                    attention_mask=tokens["attention_mask"],
                    num_beams=self._recipe.beams,
                    max_length=self._recipe.longest,
                )
            made += self._tokenizer.batch_decode(written, skip_special_tokens=True)
        return len(made)


def compare(texts: list[str], checkpoint: Path | str, rounds: int) -> dict[str, Measured]:
    """Summarise the same texts both ways, in turns.

    Args:
        texts: inputs, in the order in which they arrive.
        checkpoint: hub id or folder.
        rounds: in each, both run once.

    Returns:
        How fast each was.
    """
    recipe = Recipe(checkpoint=str(checkpoint))
    summarizer, reference = Summarizer.load(recipe), Reference(recipe)
    ways: dict[str, Callable[[list[str]], int]] = {
        REFERENCE: reference.run,
        OURS: lambda texts: sum(len(batch) for batch in summarizer.stream(enumerate(texts))),
    }
    timed = Rounds()
    for way in ways.values():
        way(texts[:REFERENCE_BATCH])  # warms up, untimed
    for _ in range(rounds):
        made = timed.run({name: partial(way, texts) for name, way in ways.items()})
        for name, count in made.items():
            if count != len(texts):
                raise RuntimeError(f"{name} left out some texts")
    return timed.measured(len(texts))


def command(
    products: Annotated[Path, typer.Option(help="A file of products; or amazon:All_Beauty.")],
    checkpoint: Annotated[
        str | None, typer.Option(help="Hub id or folder of a seq2seq checkpoint.")
    ] = None,
    random: Annotated[Random, typer.Option(help="Without one: a BART of this size.")] = Random.TINY,
    n: Annotated[int, typer.Option(min=1, help="How many products.")] = 96,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds, both ways in each.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Summaries a second against the reference system's loop."""
    rows = (row for row in read_products(products) if isinstance(row, Product))
    texts = [prompt(product) for product in islice(rows, n)]
    with tempfile.TemporaryDirectory() as folder:
        if checkpoint is None:
            from benchmarks.checkpoints import bart

            checkpoint = str(bart(Path(folder), large=random is Random.LARGE))
        measured = compare(texts, checkpoint, rounds)
    characters = float(np.median([len(text) for text in texts]))
    if as_json:
        counts = {"texts": len(texts), "characters": characters}
        typer.echo(json.dumps(counts | plain(measured, OURS)))
        return
    drawn = table(measured, OURS, "summaries")
    drawn.caption = f"{len(texts)} inputs, {characters:.0f} characters at the median"
    Console().print(drawn)
