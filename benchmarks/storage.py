"""What each way to store dense vectors costs and finds: bytes, memory, build, latency, recall.

    python -m benchmarks storage --folder kept --n 100000
    python -m benchmarks storage --folder kept --n 0 --shop shops/fashion --shop shops/chorus
    python -m benchmarks storage --folder kept --n 1000000 --no-facts --vector text --way turbo16

Generated products, and those of shops that `vitrine ingest` has filled, with the vectors of their
vector files. Each way is a collection of its own, searched by a process of its own; the processes
answer the same blocks of queries in turns. A query is a product's text vector, by which texts are
searched, and pictures where there are some; itself does not count. What was built stays in the
folder and is not built again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.rounds import Rounds
from benchmarks.storage_collections import WAYS, Built, Way, build, ways_of
from benchmarks.storage_process import CollectionProcess
from benchmarks.storage_sources import (
    NAMES,
    K,
    Queries,
    Source,
    filled_shop,
    generated_shop,
    generated_vectors,
)
from vitrine.command import Json, print_json

BLOCK = 20  # queries in a row: one by one, each finds the caches full of another's vectors


@dataclass(frozen=True)
class Row:
    """One way with one source.

    Attributes:
        source, way: which.
        built: what it cost.
        own_mb, mapped_mb: memory of the process that searched, beyond that of one without any.
        p50_ms: of a search by one vector, milliseconds.
        ratio: how many times as long as in the first way, in the median block of those that both
            answered.
        recall: by vector, share of the exact ten nearest by float32 that is found.
    """

    source: str
    way: str
    built: Built
    own_mb: int
    mapped_mb: int
    p50_ms: float
    ratio: float
    recall: dict[str, float]


@dataclass
class Answers:
    """What one way answered.

    Attributes:
        seconds: of each query, by vector and number of the block.
        found: by vector, how many of the exact nearest were found.
        memory: own and mapped, MB, after the last answer.
    """

    seconds: dict[tuple[str, int], list[float]]
    found: dict[str, int]
    memory: tuple[int, int] = (0, 0)


def measure(name: str, source: Source, chosen: Sequence[str], vectors: Sequence[str]) -> list[Row]:
    """Build what is not built yet, and search it in turns.

    Args:
        name: of the source, in the rows.
        source: the products.
        chosen: names of `WAYS`.
        vectors: that are stored; all where none is named.
    """
    source.read()
    ways = ways_of(source, chosen, vectors)
    if not ways:
        raise typer.BadParameter(f"no such way stores a vector of {name}", param_hint="--way")
    built = build(source, ways)
    queries = source.queries(sorted({each for way in ways.values() for each in way.searched}))
    answers = search(source.folder / "qdrant", ways, queries)
    first = answers[next(iter(ways))]
    return [
        Row(
            name,
            way,
            built[way],
            *each.memory,
            p50_ms=round(1000 * float(np.median(np.concatenate(list(each.seconds.values())))), 3),
            ratio=_ratio(each, first),
            recall={
                vector: round(count / sum(min(len(near), K) for near in queries.nearest[vector]), 4)
                for vector, count in each.found.items()
            },
        )
        for way, each in answers.items()
    ]


def search(folder: Path, ways: Mapping[str, Way], queries: Queries) -> dict[str, Answers]:
    """Search the collections in turns, after each has answered all queries once."""
    rounds = Rounds()
    answers = {name: Answers({}, dict.fromkeys(way.searched, 0)) for name, way in ways.items()}
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(CollectionProcess(folder, way.collection))
            for name, way in ways.items()
        }
        for warm_up in (True, False):
            for vector in queries.nearest:
                able = [name for name, way in ways.items() if vector in way.searched]
                for start in range(0, len(queries.ids), BLOCK):
                    block = queries.vectors[start : start + BLOCK]
                    found = rounds.run(
                        {name: partial(processes[name].search, vector, block) for name in able}
                    )
                    if warm_up:
                        continue
                    for name, (seconds, hits) in found.items():
                        answers[name].seconds[vector, start] = seconds
                        answers[name].found[vector] += _hits(queries, vector, start, hits)
        for name, process in processes.items():
            answers[name].memory = process.memory()
    return answers


def command(
    folder: Annotated[Path, typer.Option(help="Keeps the vectors and what is built of them.")],
    n: Annotated[int, typer.Option(min=0, help="Generated products; 0 for none.")] = 100_000,
    dim: Annotated[int, typer.Option(min=16, help="Of the generated vectors.")] = 256,
    facts: Annotated[
        bool, typer.Option(help="Generate facts and words too, not vectors alone.")
    ] = True,
    shop: Annotated[
        list[Path] | None, typer.Option(help="Folder of a filled shop; repeatable.")
    ] = None,
    way: Annotated[
        list[str] | None, typer.Option(help=f"Of {', '.join(WAYS)}; repeatable. All by default.")
    ] = None,
    vector: Annotated[
        list[str] | None,
        typer.Option(help=f"Store this alone, of {', '.join(NAMES)}; repeatable."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Ways to store dense vectors: bytes, memory, build, latency, recall."""
    _check("way", way or (), tuple(WAYS))
    _check("vector", vector or (), NAMES)
    sources: dict[str, Source] = {}
    if n:
        make = generated_shop if facts else generated_vectors
        place = folder / f"{make.__name__}-{n}-{dim}"
        sources[f"{n:,} generated"] = make(place, n, dim)
    sources |= {home.name: filled_shop(folder / f"shop-{home.name}", home) for home in shop or ()}
    rows: list[Row] = []
    for name, source in sources.items():
        measured = measure(name, source, way or list(WAYS), vector or ())
        Console(stderr=as_json).print(table(measured, name))
        rows += measured
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})


def table(rows: Sequence[Row], name: str) -> Table:
    """The rows of one source."""
    columns = (
        *("disk", "vectors", "graphs", "build, CPU s", "builder, MB", "reader: own, MB"),
        *("mapped, MB", f"÷ {rows[0].way}", "recall@10"),
    )
    drawn = Table("stored as", title=f"{name}; bytes a product")
    for column in columns:
        drawn.add_column(column, justify="right")
    for row in rows:
        built = row.built
        cells = [built.disk, built.vectors, built.graphs, built.processor, built.builder_mb]
        drawn.add_row(
            row.way,
            *(f"{cell:,.0f}" for cell in (*cells, row.own_mb, row.mapped_mb)),
            f"{row.ratio:.2f}",
            "\n".join(f"{vector} {share:.4f}" for vector, share in row.recall.items()),
        )
    return drawn


def _hits(queries: Queries, vector: str, start: int, found: Sequence[Sequence[str]]) -> int:
    """Count the exact nearest that were found for a block's queries."""
    hits = 0
    for row, ids in enumerate(found, start):
        best = [each for each in ids if each != queries.ids[row]][:K]
        hits += len(queries.nearest[vector][row].intersection(best))
    return hits


def _ratio(ours: Answers, first: Answers) -> float:
    """How many times as long as the first way, in the median block that both answered."""
    both = ours.seconds.keys() & first.seconds.keys()
    ratios = [np.median(ours.seconds[key]) / np.median(first.seconds[key]) for key in both]
    return round(float(np.median(ratios)), 2)


def _check(option: str, given: Sequence[str], known: Sequence[str]) -> None:
    if unknown := [each for each in given if each not in known]:
        raise typer.BadParameter(
            f"there is no {unknown[0]}; take {', '.join(known)}", param_hint=f"--{option}"
        )
