"""Searching while the next generation is built: one process searches, the job builds in others.

    python -m benchmarks ingest rebuild --n 100000 --plot FILE.png

A shop of drawn vectors answers searches at a steady rate: first with nothing else going on, then
while `vitrine ingest vectors --recreate` builds its collection anew, then when searches have
moved to the new generation. Each search goes through the store, filters left out.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.checkpoints import tiny_clip
from benchmarks.search_data import Generated
from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.variants import Variants
from ingest.embedding import wanted
from qdrant.embedded import EmbeddedStore
from qdrant.parts import Parts

ROOT = Path(__file__).parent.parent
NAME = "benchmark"
QUERIES = 1000
# Searches begin this far apart, seconds: fifty people's, and a small part of a core.
APART = 0.02
AFTER = 10.0  # seconds of searching in the new generation


@dataclass(frozen=True)
class Searches:
    """Searches of one stretch of time.

    Attributes:
        seconds: how long it took.
        searches: how many there were.
        p50_ms: median of a search.
        p99_ms: the time that 99 % stay within.
        longest_ms: of all; while building, of the first search in the new generation, which opens
            it. Whoever searches in this process meanwhile waits with it.
    """

    seconds: float
    searches: int
    p50_ms: float
    p99_ms: float
    longest_ms: float

    @classmethod
    def of(cls, stretch: np.ndarray) -> "Searches":
        """From rows of (when it began, how long it took), seconds."""
        spent = stretch[:, 1] * 1e3
        p50, p99, longest = (round(float(np.percentile(spent, at)), 2) for at in (50, 99, 100))
        return cls(round(float(np.ptp(stretch[:, 0])), 1), len(stretch), p50, p99, longest)


Stretches = dict[str, np.ndarray]


def rebuild(n: int, dim: int, idle: float) -> Stretches:
    """Search a shop that lies still, that is being built anew, and that has been.

    Args:
        n: products.
        dim: numbers of a vector.
        idle: seconds of searching with nothing else going on.

    Returns:
        For `idle`, `building` and `after`: when each search began and how long it took, seconds,
        float (searches, 2).
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        generated = Generated.draw(n, dim, QUERIES, seed=0)
        _fill(home, generated.vectors)
        _job(home).wait()
        with EmbeddedStore(home / "qdrant") as store:
            first = store.collection(NAME).generation

            def search(number: int) -> None:
                query = generated.queries[number % QUERIES][None]
                if len(store.search(NAME, query, vector="text")[0]) != 10:
                    raise RuntimeError("a search found too little")

            started = time.perf_counter()
            _searched(search, started, _for(1.0))  # the first touch of each page is not timed
            stretches = {"idle": _searched(search, started, _for(idle))}
            job = _job(home, "--recreate")
            stretches["building"] = _searched(search, started, lambda: job.poll() is not None)
            stretches["after"] = _searched(search, started, _for(AFTER))
            if job.returncode or store.collection(NAME).generation == first:
                raise RuntimeError("the job did not build a new generation")
    return stretches


def _fill(home: Path, vectors: np.ndarray) -> None:
    """A shop whose texts have been encoded: its vectors are these."""
    variant = Variants(home).add(NAME, tiny_clip(home / "clip", dim=vectors.shape[1], side=32))
    with (
        Catalogue(home) as catalogue,
        Parts(home / "vectors" / variant.fingerprint, variant.dim) as parts,
    ):
        catalogue.upsert(
            Product(f"B{number:09d}", f"Product {number}", category=f"category {number % 20}")
            for number in range(len(vectors))
        )
        rest = iter(vectors)
        for window in wanted(catalogue, variant):
            keys = [want.text_key for want in window]
            parts.append(keys, np.stack(list(islice(rest, len(keys)))))


def _job(home: Path, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "ingest", "vectors", "--variant", NAME, *options],
        cwd=ROOT,
        env={**os.environ, "VITRINE_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _for(seconds: float) -> Callable[[], bool]:
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() > end


def _searched(
    search: Callable[[int], None], started: float, over: Callable[[], bool]
) -> np.ndarray:
    spent: list[tuple[float, float]] = []
    while not over():
        begun = time.perf_counter()
        search(len(spent))
        done = time.perf_counter()
        spent.append((begun - started, done - begun))
        time.sleep(max(0.0, begun + APART - done))
    return np.array(spent)


def plot(stretches: Stretches, path: Path) -> None:
    """Draw how long each search took, over time."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    colours = {"idle": "#888888", "building": "#d1495b", "after": "#00798c"}
    for name, stretch in stretches.items():
        seconds = stretch[:, 0] - stretches["idle"][0, 0]
        axes.plot(seconds, stretch[:, 1] * 1e3, ".", ms=2, color=colours[name], label=name)
        p99 = Searches.of(stretch).p99_ms
        axes.hlines(p99, seconds[0], seconds[-1], colours[name], "dashed", lw=1)
        axes.annotate(
            f"p99 {p99:.1f}", (seconds[0], p99), xytext=(1, 16), textcoords="offset points"
        )
    axes.set(yscale="log", xlabel="seconds", ylabel="a search, milliseconds", ylim=(0.1, None))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(loc="upper left", markerscale=4, frameon=False, ncols=3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def command(
    n: Annotated[int, typer.Option(min=1000, help="Products.")] = 100_000,
    dim: Annotated[int, typer.Option(min=2, help="Numbers of a vector.")] = 512,
    idle: Annotated[float, typer.Option(min=1, help="Seconds of searching undisturbed.")] = 30,
    draw: Annotated[Path | None, typer.Option("--plot", help="Draw each search here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Search latency in another process while a generation is built, against idle."""
    stretches = rebuild(n, dim, idle)
    if draw:
        plot(stretches, draw)
    measured = {name: Searches.of(stretch) for name, stretch in stretches.items()}
    if as_json:
        typer.echo(json.dumps({name: asdict(each) for name, each in measured.items()}))
        return
    table = Table("", "seconds", "searches", "p50 ms", "p99 ms", "longest ms")
    for name, each in measured.items():
        table.add_row(name, *(f"{figure:,}" for figure in asdict(each).values()))
    ratio = measured["building"].p99_ms / measured["idle"].p99_ms
    table.caption = f"p99 while building over idle: {ratio:.1f}"
    Console().print(table)
