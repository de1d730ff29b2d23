"""Qdrant beside FAISS on the same generated vectors and under the same filters, and whole searches.

    python -m benchmarks search --n 10000 --n 100000
    python -m benchmarks search --n 100000 --no-faiss --folder kept

Whole searches are of `benchmarks.shop_search`.

The engines answer blocks of queries in turns, all of which they have answered once before. Where
QDRANT_URL is set, the server takes part; its collection is dropped afterwards. With --folder, what
is built stays and is not built again.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks import shop_search
from benchmarks.generated import FILTERS, NO_FILTER, Generated
from benchmarks.rounds import Rounds
from benchmarks.search_engines import ENGINES, FLAT, SERVER, folder_of
from benchmarks.search_process import Answer, Built, EngineProcess
from qdrant import layout
from vitrine.command import Json, messages

# Candidates of a graph search, for the curve of recall over time without a filter.
EF_VALUES = (16, 32, 64, 256)
# Queries in a row: one by one, each would find the caches full of another engine's vectors.
BLOCK = 50


@dataclass(frozen=True)
class Searched:
    """An engine under one filter.

    Attributes:
        engine, filter: which.
        ef: candidates of the graph search.
        p50_ms, p95_ms: percentiles of a query's time, milliseconds.
        recall: share of the exact ten nearest products that were found.
        per_second: queries a second when all are given in one call, on all cores.
    """

    engine: str
    filter: str
    ef: int
    p50_ms: float
    p95_ms: float
    recall: float
    per_second: float


@dataclass(frozen=True)
class Engines:
    """The engines at one size: how they were built, their memory, and how they searched.

    Attributes:
        n, dim, queries: products, dimension, queries.
        built: by engine.
        memory_mb: by engine: own memory, and pages of mapped files, after all searches.
        first_s: by engine: seconds of opening and of the first search.
        searched: by engine, filter and ef.
    """

    n: int
    dim: int
    queries: int
    built: dict[str, Built]
    memory_mb: dict[str, tuple[float, float]]
    first_s: dict[str, float]
    searched: list[Searched]


def build(folder: Path, n: int, dim: int, queries: int, seed: int) -> dict[str, Built]:
    """Draw products and build every engine that is not built yet.

    Args:
        folder: keeps all of it.
        n: products.
        dim: dimension of the vectors.
        queries: how many queries.
        seed: of the draw.
    """
    folder.mkdir(parents=True, exist_ok=True)
    Generated.draw(n, dim, queries, seed).save(folder)
    record = folder / "built.json"
    built = json.loads(record.read_text()) if record.exists() else {}
    for engine in ENGINES:
        if engine not in built and (engine != SERVER or os.environ.get("QDRANT_URL")):
            messages.print(f"{n:,} products: building {engine}")
            with EngineProcess(engine, folder) as process:
                built[engine] = asdict(process.build())
            record.write_text(json.dumps(built))
    return {engine: Built(**each) for engine, each in built.items()}


def search(folder: Path, built: dict[str, Built]) -> Engines:
    """Search with every engine that `build` built in a folder."""
    products = Generated.load(folder)
    n, dim = products.vectors.shape
    searched: list[Searched] = []
    memory: dict[str, tuple[float, float]] = {}
    with ExitStack() as stack:
        processes = {name: stack.enter_context(EngineProcess(name, folder)) for name in built}
        first = {name: round(process.open(), 3) for name, process in processes.items()}
        contests = [(name, layout.EF) for name in FILTERS] + [(NO_FILTER, ef) for ef in EF_VALUES]
        for name, ef in contests:
            messages.print(f"{n:,} products: filter {name}, ef {ef}")
            nearest = products.nearest(FILTERS[name])
            for engine, answers in _in_turns(processes, name, ef, len(nearest)).items():
                if ef == layout.EF or not engine.startswith(FLAT):
                    searched.append(_summary(engine, name, ef, answers, nearest))
                memory[engine] = answers[-1].own_mb, answers[-1].mapped_mb
    if SERVER in built:
        ENGINES[SERVER](folder_of(SERVER, folder)).drop()
    return Engines(n, dim, len(products.queries), built, memory, first, searched)


def _in_turns(
    processes: Mapping[str, EngineProcess], name: str, ef: int, count: int
) -> dict[str, list[Answer]]:
    """Every engine's answers: all in one call first, then block by block in turns."""
    whole = {
        engine: process.search(name, ef, slice(None), one_call=True)
        for engine, process in processes.items()
    }
    answers = {engine: [answer] for engine, answer in whole.items() if answer}
    rounds = Rounds()
    for start in range(0, count, BLOCK):
        block = slice(start, start + BLOCK)
        ways = {engine: partial(processes[engine].search, name, ef, block) for engine in answers}
        for engine, answer in rounds.run(ways).items():
            answers[engine].append(answer)
    return answers


def _summary(
    engine: str, name: str, ef: int, answers: list[Answer], nearest: list[set[int]]
) -> Searched:
    whole, *blocks = answers
    seconds = [each for block in blocks for each in block.seconds]
    found = [each for block in blocks for each in block.found]
    hits = sum(len(near.intersection(each)) for near, each in zip(nearest, found, strict=True))
    return Searched(
        engine,
        name,
        ef,
        p50_ms=round(float(np.median(seconds)) * 1e3, 4),
        p95_ms=round(float(np.percentile(seconds, 95)) * 1e3, 4),
        recall=round(hits / sum(map(len, nearest)), 4),
        per_second=round(len(found) / sum(whole.seconds), 1),
    )


def command(
    n: Annotated[
        list[int] | None, typer.Option(min=1000, help="Products; repeatable for more sizes.")
    ] = None,
    dim: Annotated[int, typer.Option(min=2, help="Dimension of the vectors.")] = 512,
    queries: Annotated[int, typer.Option(min=1, help="Queries under each filter.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the generated products.")] = 0,
    folder: Annotated[Path | None, typer.Option(help="Keep what is built here.")] = None,
    faiss: Annotated[bool, typer.Option(help="Compare Qdrant with FAISS.")] = True,
    shop: Annotated[bool, typer.Option(help="Measure whole searches of a shop.")] = True,
    as_json: Json = False,
) -> None:
    """Qdrant beside FAISS, and whole searches of a shop: build, latency, recall, with filters."""
    sizes, shops = [], []
    for size in n or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as scratch:
            place = (folder or Path(scratch)) / f"{size}-{dim}-{queries}-{seed}"
            if faiss:
                sizes.append(search(place, build(place, size, dim, queries, seed)))
                Console(stderr=as_json).print(*_tables(sizes[-1]), sep="\n")
            if shop:
                home = place.with_name(f"shop-{size}-{dim}-{seed}")
                shops.append(shop_search.measure(home, size, dim, queries, seed))
                Console(stderr=as_json).print(*shop_search.tables(shops[-1]), sep="\n")
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "sizes": [asdict(each) for each in sizes],
                    "shops": [asdict(each) for each in shops],
                }
            )
        )


def _tables(measured: Engines) -> list[Any]:
    title = f"{measured.n:,} products, {measured.dim} dimensions, {measured.queries:,} queries"
    columns = "build s", "builder MB", "disk MB", "first search s", "own MB", "mapped MB"
    built = Table("engine", *columns, title=title)
    for engine, each in measured.built.items():
        sizes = ("" if size is None else f"{size:,.0f}" for size in (each.builder_mb, each.disk_mb))
        memory = (f"{megabytes:,.0f}" for megabytes in measured.memory_mb[engine])
        first = f"{measured.first_s[engine]:.2f}"
        built.add_row(engine, f"{each.seconds:.1f}", *sizes, first, *memory)
    searched = Table("filter", "engine", "ef", "p50 ms", "p95 ms", "recall@10", "in one call /s")
    for found in measured.searched:
        searched.add_row(
            found.filter,
            found.engine,
            "" if found.engine.startswith(FLAT) else f"{found.ef}",
            f"{found.p50_ms:.2f}",
            f"{found.p95_ms:.2f}",
            f"{found.recall:.3f}",
            f"{found.per_second:,.0f}",
        )
    return [built, searched]
