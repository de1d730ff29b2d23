"""The server store against a stand-in on loopback: what the client's side costs, and holds out.

    python -m benchmarks server                          # all three, some minutes
    python -m benchmarks server --part copy --points 100000

upsert   points stored through the wire beside the same points given to local mode directly, and
         the processor time of the client's side alone
copy     `vitrine qdrant copy` of an embedded generation: points a second, memory on the way
load     50 people searching at once through the app's engine, beside one: embedded, and through
         the wire

The stand-in is the client's local mode in Python: its own speed is nothing to go by. A real server
is some ten times faster, so what is read here is what the client's side costs, that its memory does
not grow, and that nothing fails under load.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from qdrant_client import QdrantClient
from rich.console import Console

from benchmarks.memory import own_mb
from encoder.encoder import Encoder
from encoder.variants import Variants
from qdrant import layout, wire
from qdrant.connection import connect
from qdrant.embedded import EmbeddedStore
from qdrant.points import checked
from qdrant.remote import RemoteGenerations
from qdrant.remote_build import RemoteBuild
from qdrant.server import ServerStore
from qdrant.store import VECTORS, Point, Spec, Store
from search.engine import Engine
from search.query import Query

ROOT = Path(__file__).parent.parent
# A small model, so that the store is what is loaded.
CHECKPOINT = ROOT / "demo" / "checkpoint"
NAME = "benchmark"
PEOPLE = 50
IDLE_SEARCHES = 200
WORDS = ("red shoes", "a blue mug", "green lamp with a shade", "wooden chair", "striped bag")
# Products of the shop that people search in: few, since local mode compares with all of them.
SHELF = 1000
# Seconds between two looks at the memory of a copy.
LOOK = 0.2


class Part(StrEnum):
    """What can be measured."""

    UPSERT = "upsert"
    COPY = "copy"
    LOAD = "load"


@dataclass(frozen=True)
class Upsert:
    """Points stored.

    Attributes:
        points: how many, of three vectors each.
        dim: numbers of a vector.
        direct_per_second: given to local mode in this process.
        wire_per_second: through the wire, in parallel streams.
        client_ms: processor time of the client's side for 1,000 points, milliseconds.
        client_per_second: points a second that one core of the client's side sends.
    """

    points: int
    dim: int
    direct_per_second: float
    wire_per_second: float
    client_ms: float
    client_per_second: float


@dataclass(frozen=True)
class Copy:
    """A copy of an embedded generation.

    Attributes:
        points: how many, of three vectors each.
        dim: numbers of a vector.
        seconds: from start to end of the command, verification included.
        per_second: points a second.
        memory_mb: memory of the command's own at 10, 50 and 90 % of its time; pages of the
            generation's files, which the system lends it and takes back, are not counted.
        growth: memory at 90 % over that at 10 % of its time.
    """

    points: int
    dim: int
    seconds: float
    per_second: float
    memory_mb: list[float]
    growth: float


@dataclass(frozen=True)
class Load:
    """Searches of many people at once.

    Attributes:
        engine: `embedded` or `wire`.
        people: how many search at once.
        seconds: for how long.
        searches: how many were answered.
        errors: how many were not.
        idle_p50_ms: median of one person's search with nobody else there.
        idle_p99_ms: the time that 99 % of these stay within.
        p50_ms: median of a search among all.
        p99_ms: the time that 99 % of these stay within.
    """

    engine: str
    people: int
    seconds: float
    searches: int
    errors: int
    idle_p50_ms: float
    idle_p99_ms: float
    p50_ms: float
    p99_ms: float


def upsert(points: int, dim: int) -> Upsert:
    """Store the same points directly and through the wire."""
    spec = Spec(NAME, "0" * 16, dim)
    rows = list(checked(spec, products(points, dim)))
    local = QdrantClient(":memory:")
    local.create_collection(NAME, wire.parameters(spec, wire.Placement())["vectors_config"])
    started = time.perf_counter()
    for start in range(0, points, wire.BATCH):
        local.upsert(NAME, wire.points(rows[start : start + wire.BATCH]))
    direct = time.perf_counter() - started
    local.close()
    with stand_in() as url:
        connection = connect(url)
        generations = RemoteGenerations(connection, NAME)
        build = RemoteBuild(generations, connection, spec, layout.generation_name())
        with build.claimed(wire.Placement()):
            started, worked = time.perf_counter(), time.process_time()
            build.fill(rows)
            through, busy = time.perf_counter() - started, time.process_time() - worked
        connection.close()
    return Upsert(
        points=points,
        dim=dim,
        direct_per_second=round(points / direct),
        wire_per_second=round(points / through),
        client_ms=round(busy / points * 1e6),
        client_per_second=round(points / busy),
    )


def copy(points: int, dim: int) -> Copy:
    """Run `vitrine qdrant copy` and watch its memory."""
    with tempfile.TemporaryDirectory() as folder, stand_in() as url:
        with EmbeddedStore(Path(folder) / "qdrant") as store:
            store.build(Spec(NAME, "0" * 16, dim), products(points, dim))
        started = time.perf_counter()
        copying = subprocess.Popen(
            [sys.executable, "-m", "qdrant", "copy", "--to", url],
            cwd=ROOT,
            env={**os.environ, "VITRINE_HOME": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched: list[float] = []
        while copying.poll() is None:
            watched.append(own_mb(copying.pid))
            time.sleep(LOOK)
        seconds = time.perf_counter() - started
        if copying.returncode:
            raise RuntimeError("the copy failed")
        with ServerStore(connect(url)) as target:
            if target.count(NAME) != points:
                raise RuntimeError("the copy lacks points")
    early, middle, late = (watched[round(len(watched) * part)] for part in (0.1, 0.5, 0.9))
    return Copy(
        points=points,
        dim=dim,
        seconds=round(seconds, 1),
        per_second=round(points / seconds),
        memory_mb=[early, middle, late],
        growth=round(late / early, 3),
    )


def load(seconds: float) -> list[Load]:
    """Let people search through the app's engine, embedded and through the wire."""
    with tempfile.TemporaryDirectory() as folder:
        variant = Variants(Path(folder)).add(NAME, CHECKPOINT)
        encoder = Encoder.load(variant)
        spec = Spec(NAME, variant.fingerprint, variant.dim)
        found = []
        with (
            stand_in() as url,
            EmbeddedStore(Path(folder) / "qdrant") as embedded,
            ServerStore(connect(url)) as server,
        ):
            stores: dict[str, Store] = {"embedded": embedded, "wire": server}
            for name, store in stores.items():
                store.build(spec, products(SHELF, variant.dim))
                engine = Engine(variant, store, lambda: encoder)
                found.append(_loaded(name, engine, seconds))
        return found


def products(points: int, dim: int) -> Iterator[Point]:
    """Generated products, as ingest makes them of a shop's."""
    draw = np.random.default_rng(0)
    for number in range(points):
        vectors = draw.standard_normal((len(VECTORS), dim), dtype=np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        payload = {
            "title": f"Product {number} with a title of the length that titles have in shops",
            "brand": f"brand {number % 500}",
            "category": f"category {number % 20}",
            "price": number % 1000 + 0.99,
            "rating": 1 + number % 9 / 2,
            "link": f"https://shop.example/products/{number:09d}",
            "image": f"https://shop.example/pictures/{number:09d}.jpg",
        }
        yield Point(f"B{number:09d}", payload, dict(zip(VECTORS, vectors, strict=True)))


@contextmanager
def stand_in() -> Iterator[str]:
    """A stand-in in a process of its own, in memory; its address."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.qdrant.stand_in", "0"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _loaded(name: str, engine: Engine, seconds: float) -> Load:
    idle: list[float] = []
    for number in range(IDLE_SEARCHES):
        _search(engine, number, idle)
    end = time.perf_counter() + seconds
    spent: list[list[float]] = [[] for _ in range(PEOPLE)]
    errors: list[Exception] = []

    def person(own: list[float]) -> None:
        for number in count():
            if time.perf_counter() > end:
                return
            try:
                _search(engine, number, own)
            except Exception as error:  # noqa: BLE001 (whatever it is, it is counted)
                errors.append(error)

    threads = [threading.Thread(target=person, args=(own,)) for own in spent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [one for own in spent for one in own]
    return Load(
        engine=name,
        people=PEOPLE,
        seconds=seconds,
        searches=len(every),
        errors=len(errors),
        idle_p50_ms=_ms(idle, 50),
        idle_p99_ms=_ms(idle, 99),
        p50_ms=_ms(every, 50),
        p99_ms=_ms(every, 99),
    )


def _search(engine: Engine, number: int, spent: list[float]) -> None:
    started = time.perf_counter()
    results = engine.search(Query(f"{WORDS[number % len(WORDS)]} {number}", k=10))
    spent.append(time.perf_counter() - started)
    if len(results.results) != 10:
        raise RuntimeError(f"{len(results.results)} results instead of 10")


def _ms(seconds: list[float], percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1e3, 2)


def command(
    part: Annotated[
        list[Part] | None, typer.Option(help="What to measure; repeatable; all by default.")
    ] = None,
    points: Annotated[int, typer.Option(min=1000, help="Points stored and copied.")] = 10_000,
    dim: Annotated[int, typer.Option(min=2, help="Numbers of a vector.")] = 512,
    seconds: Annotated[float, typer.Option(min=1, help="How long people search.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """The server store against a stand-in on loopback."""
    measure: dict[Part, Callable[[], list[Upsert] | list[Copy] | list[Load]]] = {
        Part.UPSERT: lambda: [upsert(points, dim)],
        Part.COPY: lambda: [copy(points, dim)],
        Part.LOAD: lambda: load(seconds),
    }
    found = {name.value: [asdict(one) for one in measure[name]()] for name in part or Part}
    if as_json:
        typer.echo(json.dumps(found))
        return
    for name, measured in found.items():
        for one in measured:
            Console().print(f"[bold]{name}[/bold]", one)
