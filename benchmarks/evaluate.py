"""Evaluation: a whole run beside the encoding of its queries, which it cannot do without.

    python -m benchmarks evaluate --n 100000 --queries 1000

The collection holds drawn vectors, since searching takes as long for these as for a model's; the
queries go through a ViT-B/32 with random weights, which takes as long as a trained one.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoints import vit_b_32
from encoder.encoder import Encoder
from encoder.variants import Variants
from encoder.vectors import fuse, unit
from eval.evaluation import evaluate
from eval.outcome import Settings
from eval.queries import LabelledQuery, QuerySet
from eval.report import write_report
from eval.significance import RESAMPLES, bootstrap, randomisation
from qdrant.store import Point, Spec, open_store

NAME = "benchmark"
# Words of a shop's queries; which they are does not matter, only how many tokens they make.
COLOURS = ("red", "navy blue", "olive green", "matte black", "silver", "off white")
THINGS = ("running shoes", "lipstick", "kettle", "cotton shirt", "leather wallet", "face cream")
FOR = ("for women", "for men", "for kids", "with free shipping", "for travel", "as a gift")


def measure(n: int, queries: int) -> dict[str, Any]:
    """Measure a whole evaluation of one variant.

    Args:
        n: products of the collection.
        queries: how many are asked.

    Returns:
        Seconds by part; and how many times as long the whole takes as encoding the queries alone,
        by the clock and in processor time, which a busy machine disturbs less.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        variant = Variants(home).add(NAME, vit_b_32(home / "checkpoint"))
        with closing(open_store(home)) as store:
            store.build(Spec(NAME, variant.fingerprint, variant.dim), drawn(n, variant.dim))
        asked = QuerySet("drawn", tuple(labelled(queries, n)))
        encoder = Encoder.load(variant)
        encoder.encode_texts([query.text for query in asked.queries[:64]])
        seconds: dict[str, float] = {}

        started, worked = time.perf_counter(), time.process_time()
        encoder.encode_texts([query.text for query in asked])
        seconds["encoding alone"] = time.perf_counter() - started
        processor = {"encoding": time.process_time() - worked}

        started, worked = time.perf_counter(), time.process_time()
        evaluation = evaluate(home, asked, Settings((NAME,)))
        seconds["evaluation"] = time.perf_counter() - started
        processor["evaluation"] = time.process_time() - worked
        parts = evaluation.outcomes[NAME].seconds
        seconds |= {f"evaluation: {part}": value for part, value in parts.items()}

        started = time.perf_counter()
        write_report(home, "benchmark", evaluation)
        seconds["report"] = time.perf_counter() - started

        scores = np.random.default_rng(0).random((queries, 1))
        started = time.perf_counter()
        bootstrap(scores)
        seconds[f"bootstrap of {RESAMPLES:,} resamples"] = time.perf_counter() - started
        started = time.perf_counter()
        randomisation(scores - 0.5)
        seconds[f"randomisation test of {RESAMPLES:,} rounds"] = time.perf_counter() - started
    return {
        "products": n,
        "queries": queries,
        "seconds": seconds,
        "evaluation over encoding, by the clock": seconds["evaluation"] / seconds["encoding alone"],
        "evaluation over encoding, processor time": processor["evaluation"] / processor["encoding"],
    }


def drawn(n: int, dim: int) -> Iterator[Point]:
    """Products with random vectors."""
    random = np.random.default_rng(0)
    for number in range(n):
        text, image = unit(random.standard_normal((2, dim), dtype=np.float32))
        payload = {"title": f"product {number}", "category": "Drawn", "picture": f"{number:064x}"}
        vectors = {"text": text, "image": image, "fused": fuse(text, image)}
        yield Point(f"p{number}", payload, vectors)


def labelled(count: int, n: int) -> Iterator[LabelledQuery]:
    """Queries of a few words, each with five products for right answers."""
    random = np.random.default_rng(1)
    for number in range(count):
        words = " ".join(str(random.choice(each)) for each in (COLOURS, THINGS, FOR))
        right = {f"p{place}": 1 for place in random.choice(n, 5, replace=False)}
        yield LabelledQuery(f"q{number}", f"{words} {number}", relevant=right)


def command(
    n: Annotated[int, typer.Option(min=100, help="Products of the collection.")] = 100_000,
    queries: Annotated[int, typer.Option(min=2, help="How many are asked.")] = 1_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Measure a whole evaluation against the encoding of its queries."""
    measured = measure(n, queries)
    if as_json:
        typer.echo(json.dumps(measured))
        return
    table = Table("part", "seconds", box=None)
    for name, seconds in measured["seconds"].items():
        table.add_row(name, f"{seconds:.2f}")
    console = Console()
    console.print(f"{queries:,} queries against {n:,} products")
    console.print(table)
    for name in list(measured)[-2:]:
        console.print(f"{name}: {measured[name]:.2f}")
