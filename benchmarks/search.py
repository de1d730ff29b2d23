"""Searching: Qdrant beside FAISS, on the same generated vectors and under the same filters.

    python -m benchmarks search --n 10000 --n 100000 --json > search.json
    python -m benchmarks search --from search.json --plot search.png

Every engine is built in a process of its own and searches in another. The searching processes take
turns, some queries each, so whatever else the machine does touches them alike: the ratios are what
to read. Where QDRANT_URL is set, the server joins; its collection is dropped afterwards.

A large size takes many minutes: with --folder and --build-only the building is one run, and the
searching another.
"""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks import search_report
from benchmarks.search_data import FILTERS, Generated
from benchmarks.search_engines import ENGINES, SERVER, has_graph
from benchmarks.search_process import CORES, Answer, Question, Searcher, build, place
from qdrant import layout

# Candidates that a graph is asked to keep, least to most.
EFFORTS = (16, 32, 64, 128, 256)
# Queries that an engine answers in a row. One by one, each would find the caches full of the last
# engine's vectors, of which FAISS flat reads all.
BLOCK = 50
# Under which filters queries per second are counted.
COUNTED = ("none", "category, 10 %")

messages = Console(stderr=True)


@dataclass(frozen=True)
class Built:
    """What an engine takes.

    Attributes:
        seconds: to build it, down to the disk.
        disk_mb: on disk; None where nobody tells.
        own_mb: memory of a searching process that is the engine's own.
        mapped_mb: pages of its files that the process sees, shared with others.
    """

    seconds: float
    disk_mb: float | None
    own_mb: float = 0.0
    mapped_mb: float = 0.0


@dataclass(frozen=True)
class Searched:
    """An engine's answers to all queries under one filter.

    Attributes:
        engine, filter: which.
        ef: candidates that its graph kept; 0 where it has none.
        usual: whether a collection of ours keeps as many.
        p50_ms: median time of a query, milliseconds.
        p95_ms: the time that 95 % of the queries stay within, milliseconds.
        recall: share of the true ten nearest that were found.
    """

    engine: str
    filter: str
    ef: int
    usual: bool
    p50_ms: float
    p95_ms: float
    recall: float


@dataclass(frozen=True)
class Rate:
    """Queries that an engine answers in a second under one filter.

    Attributes:
        engine, filter: which.
        in_turn: by one process, one after the other.
        by_all_cores: by as many processes as there are cores, each one after the other.
        at_once: by one process that is given all of them in one call.
    """

    engine: str
    filter: str
    in_turn: float
    by_all_cores: float
    at_once: float


@dataclass(frozen=True)
class Scale:
    """What was measured at one size: products, dimensions, queries, cores, and what came of it."""

    n: int
    dim: int
    queries: int
    cores: int
    built: dict[str, Built]
    searched: list[Searched]
    rates: list[Rate]


def build_all(folder: Path, n: int, dim: int, queries: int, seed: int) -> dict[str, Built]:
    """Draw a shop and build every engine that is not there yet.

    Args:
        folder: where all of it lies, and stays.
        n: products.
        dim: dimensions.
        queries: how many queries.
        seed: of the draw.
    """
    folder.mkdir(parents=True, exist_ok=True)
    Generated.draw(n, dim, queries, seed).save(folder)
    record = folder / "built.json"
    known = json.loads(record.read_text()) if record.exists() else {}
    for engine in ENGINES:
        if engine not in known and (engine != SERVER or os.environ.get("QDRANT_URL")):
            messages.print(f"[dim]{n:,}: building {engine}[/dim]", highlight=False)
            known[engine] = build(engine, folder)
            record.write_text(json.dumps(known))
    return {engine: Built(**told) for engine, told in known.items()}


def search_all(folder: Path, built: dict[str, Built]) -> Scale:
    """Ask every engine that was built the same queries, in turn.

    Args:
        folder: where `build_all` built them.
        built: what it returned.
    """
    shop = Generated.load(folder)
    searched = []
    with ExitStack() as stack:
        searchers = {name: stack.enter_context(Searcher(name, folder)) for name in built}
        for name, filters in FILTERS.items():
            messages.print(f"[dim]{len(shop.prices):,}: filter {name}[/dim]", highlight=False)
            searched += _contest(searchers, name, shop.truth(filters), len(shop.queries))
        for engine, searcher in searchers.items():
            answer = searcher.ask(Question("none", layout.EF, stop=1))
            answer = answer or searcher.ask(Question(COUNTED[1], layout.EF, stop=1))
            if answer:
                memory = (round(answer.own_mb, 1), round(answer.mapped_mb, 1))
                built[engine] = replace(built[engine], own_mb=memory[0], mapped_mb=memory[1])
    rates = [rate for engine in built for rate in _rates(engine, folder)]
    if SERVER in built:
        ENGINES[SERVER](place(SERVER, folder)).drop()
    n, dim = shop.vectors.shape
    return Scale(n, dim, len(shop.queries), CORES, built, searched, rates)


def _contest(
    searchers: dict[str, Searcher], name: str, truth: list[set[int]], queries: int
) -> list[Searched]:
    """All engines and all efforts under one filter, each a block of queries in turn.

    In every turn each has another block: an effort would find what the one before it has just
    brought into the caches for the same queries.
    """
    entered = [
        (engine, ef)
        for engine, searcher in searchers.items()
        if searcher.ask(Question(name, layout.EF, warm_up=True))
        for ef in (EFFORTS if has_graph(engine) else (0,))
    ]
    seconds: dict[tuple[str, int], list[float]] = {each: [] for each in entered}
    right = dict.fromkeys(entered, 0)
    blocks = range(0, queries, BLOCK)
    for turn in range(len(blocks)):
        for number, (engine, ef) in enumerate(entered):
            start = blocks[(turn + number) % len(blocks)]
            answer = searchers[engine].ask(Question(name, ef, start, start + BLOCK))
            if answer:
                seconds[engine, ef] += answer.seconds
                right[engine, ef] += sum(
                    len(true.intersection(found))
                    for true, found in zip(truth[start : start + BLOCK], answer.found, strict=True)
                )
    wanted = sum(map(len, truth))
    return [
        Searched(
            engine=engine,
            filter=name,
            ef=ef,
            usual=ef in (0, layout.EF),
            p50_ms=round(float(np.median(spent)) * 1e3, 4),
            p95_ms=round(float(np.percentile(spent, 95)) * 1e3, 4),
            recall=round(right[engine, ef] / wanted, 4),
        )
        for (engine, ef), spent in seconds.items()
    ]


def _rates(engine: str, folder: Path) -> list[Rate]:
    """Queries per second, of one process and of as many as there are cores.

    The queries were all asked before, untimed, so that each way finds as much in the caches.
    """
    rates = []
    with ExitStack() as stack:
        searchers = [stack.enter_context(Searcher(engine, folder)) for _ in range(CORES)]
        for name in COUNTED:
            for searcher in searchers:
                searcher.ask(Question(name, layout.EF))
            alone = searchers[0].ask(Question(name, layout.EF))
            if alone is None:
                continue
            for searcher in searchers:
                searcher.begin(Question(name, layout.EF))
            together = [answer for searcher in searchers if (answer := searcher.end())]
            once = searchers[0].ask(Question(name, layout.EF, at_once=True))
            rates.append(
                Rate(
                    engine,
                    name,
                    in_turn=_per_second(alone),
                    by_all_cores=sum(map(_per_second, together)),
                    at_once=_per_second(once) if once else 0.0,
                )
            )
    return rates


def _per_second(answer: Answer) -> float:
    return round(len(answer.found) / sum(answer.seconds), 1)


def command(
    n: Annotated[
        list[int] | None, typer.Option(min=10_000, help="Products; give it again for more sizes.")
    ] = None,
    dim: Annotated[int, typer.Option(min=2, help="Dimensions of the vectors.")] = 512,
    queries: Annotated[int, typer.Option(min=1, help="Queries for each engine.")] = 400,
    seed: Annotated[int, typer.Option(help="Of the generated shop.")] = 0,
    folder: Annotated[
        Path | None, typer.Option(help="Keep what is built here, and take what is there.")
    ] = None,
    build_only: Annotated[bool, typer.Option("--build-only", help="Build into --folder.")] = False,
    read: Annotated[
        list[Path] | None, typer.Option("--from", help="Measure nothing: tell these JSON files.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw recall against latency here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Qdrant beside FAISS: building, memory, disk, latency, rates and recall, with filters."""
    if build_only and not folder:
        raise typer.BadParameter("--build-only needs --folder, where it is kept.")
    scales: list[dict[str, Any]] = []
    for path in read or ():
        scales += json.loads(path.read_text())["scales"]
    for size in () if read else n or [10_000, 100_000]:
        with tempfile.TemporaryDirectory() as passing:
            home = (folder or Path(passing)) / f"{size}-{dim}-{queries}-{seed}"
            built = build_all(home, size, dim, queries, seed)
            if not build_only:
                scales.append(asdict(search_all(home, built)))
    if plot and scales:
        search_report.draw(scales[-1], plot)
    if as_json:
        typer.echo(json.dumps({"scales": scales}))
    else:
        typer.echo("\n\n".join(search_report.tables(scale) for scale in scales))
