"""The HTTP API under many connections: speed, errors, memory, beside the engine's bare search.

    python -m benchmarks api
    python -m benchmarks api --shop kept/shop-100000-512-0 --folder kept/api --json

A generated shop as `python -m benchmarks search` builds it, under a random CLIP of the size of
ViT-B/32, converted as an ingest does. Texts are drawn by Zipf's law, since some are typed far more
often than others. The server is `vitrine serve` in a process of its own, the client another one.
Each connection sends its next request when the last one is answered, so that the times are those of
a server at its limit.

Memory is that of the default server while most searches are by words alone: many are answered in a
second.
"""

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.api_load import Server, serve
from benchmarks.api_shop import make_bodies, make_home
from benchmarks.shop_build import NAME
from search.query import Query
from search.shop import open_shop
from vitrine.command import Json, messages

WORDS_SHARE = 0.95  # of the searches while memory is measured: by words alone
WARM_UP = 3  # seconds
BATCH = 32  # of the bare engine, as the API's
# What is left out of the server, by way.
WAYS = {
    "batches, cached vectors": (),
    "batches": ("cache",),
    "cached vectors": ("batches",),
    "neither": ("batches", "cache"),
}


@dataclass(frozen=True)
class Speed:
    """One way to answer.

    Attributes:
        per_second: answers a second.
        p50_ms, p99_ms: percentiles of the time of an answer.
        cpu_ms: processor time of the server for an answer.
        errors: answers of another status than 200, and broken connections.
        batch: mean number of searches answered together.
        cached: share of the texts whose vectors were cached.
    """

    per_second: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    errors: int = 0
    batch: float = 1.0
    cached: float = 0.0


@dataclass(frozen=True)
class Memory:
    """Own memory of the server, without mapped files.

    Attributes:
        requests: that were answered meanwhile.
        errors: as `Speed` has them.
        first_mb, last_mb: at the beginning and at the end.
        slope: MB for 10,000 requests, by least squares over the second half.
    """

    requests: int
    errors: int
    first_mb: float
    last_mb: float
    slope: float


def command(
    n: Annotated[int, typer.Option(min=1000, help="Products of the generated shop.")] = 100_000,
    shop: Annotated[
        Path | None, typer.Option(help="A shop that `benchmarks search --folder` built, of n.")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="Keep what is made here.")] = None,
    connections: Annotated[int, typer.Option(min=1, help="At once.")] = 100,
    seconds: Annotated[int, typer.Option(min=1, help="Of load, for each way.")] = 60,
    requests: Annotated[int, typer.Option(help="Over which memory is measured.")] = 100_000,
    most_seconds: Annotated[int, typer.Option(help="At most, of these requests.")] = 150,
    as_json: Json = False,
) -> None:
    """The HTTP API at its limit: speed with and without batches and cached vectors, and memory."""
    with tempfile.TemporaryDirectory() as scratch:
        home = make_home(folder or Path(scratch), shop, n)
        bodies = make_bodies(n)
        found = {"engine, one by one": _bare(home, bodies, 1, seconds // 4)}
        found["engine, batches"] = _bare(home, bodies, BATCH, seconds // 4)
        for way, left_out in reversed(WAYS.items()):
            messages.print(f"API: {way}")
            with serve(home, left_out) as server:
                found[f"API: {way}"] = _speed(server, bodies, connections, seconds)
                if not left_out:
                    messages.print(f"memory over {requests:,} requests")
                    memory = _memory(server, bodies, connections, requests, most_seconds)
    if as_json:
        ways = {name: asdict(each) for name, each in found.items()}
        typer.echo(json.dumps({"n": n, "ways": ways, "memory": asdict(memory)}))
        return
    Console().print(_table(found, memory, n, connections))


def _bare(home: Path, bodies: Sequence[bytes], batch: int, seconds: int) -> Speed:
    """The engine's own searches of the same texts, of one more result as the API's are."""
    messages.print(f"engine, {batch} at once")
    spent: list[float] = []
    texts = [json.loads(body)["text"] for body in bodies]
    with open_shop(home) as opened:
        engine = opened.engine(NAME)
        engine.search(Query(texts[0]))
        started, cpu_started = time.perf_counter(), time.process_time()
        for row in range(0, len(texts), batch):
            before = time.perf_counter()
            engine.search_batch([Query(text, k=11) for text in texts[row : row + batch]])
            spent.append(time.perf_counter() - before)
            if time.perf_counter() - started > seconds:
                break
        cpu = time.process_time() - cpu_started
    return replace(_times(spent, sum(spent), cpu, len(spent) * batch), batch=batch)


def _times(spent: Sequence[float], elapsed: float, cpu: float, count: int) -> Speed:
    return Speed(
        round(count / elapsed, 1),
        round(float(np.median(spent)) * 1e3, 1),
        round(float(np.percentile(spent, 99)) * 1e3, 1),
        round(cpu / count * 1e3, 2),
    )


def _speed(server: Server, bodies: Sequence[bytes], connections: int, seconds: int) -> Speed:
    server.load(bodies[::-1], connections, WARM_UP)
    before = server.metrics()
    counted, cpu = server.load(bodies, connections, seconds)
    gained = {name: value - before.get(name, 0) for name, value in server.metrics().items()}
    spent, elapsed = counted["seconds"], counted["elapsed"]
    hits, misses = (gained.get(f"vitrine_text_vectors_total {each}", 0) for each in ("hit", "miss"))
    batches = gained["vitrine_batch_size_count"]
    return replace(
        _times(spent, elapsed, cpu, len(spent)),
        errors=_errors(counted),
        batch=round(gained["vitrine_batch_size_sum"] / batches, 1),
        cached=round(hits / (hits + misses), 3),
    )


def _memory(
    server: Server, bodies: Sequence[bytes], connections: int, requests: int, most_seconds: int
) -> Memory:
    rng = np.random.default_rng(1)
    by_words = [
        json.dumps(json.loads(body) | {"match": "words", "k": 3}).encode() for body in bodies
    ]
    rows = zip(bodies, by_words, rng.random(len(bodies)) < WORDS_SHARE, strict=True)
    mixed = [words if only else body for body, words, only in rows]
    megabytes: list[float] = []

    counted, _ = server.load(
        mixed, connections, most_seconds, requests, lambda: megabytes.append(server.own_mb())
    )
    answered = len(counted["seconds"])
    half = megabytes[len(megabytes) // 2 :]
    thousands = np.linspace(0, answered / 2 / 10_000, len(half))
    return Memory(
        answered,
        _errors(counted),
        round(megabytes[0], 1),
        round(megabytes[-1], 1),
        round(float(np.polyfit(thousands, half, 1)[0]), 2),
    )


def _errors(counted: dict[str, Any]) -> int:
    return sum(count for outcome, count in counted["outcomes"].items() if outcome != "200")


def _table(found: dict[str, Speed], memory: Memory, n: int, connections: int) -> Table:
    columns = ("a second", "p50 ms", "p99 ms", "CPU ms", "errors", "batch", "cached")
    drawn = Table("", *columns, title=f"{n:,} products, {connections} connections")
    for name, each in found.items():
        drawn.add_row(
            name,
            *(f"{value:,.1f}" for value in (each.per_second, each.p50_ms, each.p99_ms)),
            f"{each.cpu_ms:.2f}",
            f"{each.errors:,}",
            f"{each.batch:.1f}",
            f"{each.cached:.0%}",
        )
    drawn.caption = (
        f"memory over {memory.requests:,} requests: {memory.first_mb:,.0f} MB at first, "
        f"{memory.last_mb:,.0f} MB at last, {memory.slope:+.2f} MB for 10,000 in the second half; "
        f"errors {memory.errors}"
    )
    return drawn
