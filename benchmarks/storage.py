"""What each way to store dense vectors costs and finds: bytes, memory, build, latency, recall.

    python -m benchmarks storage --folder kept --n 100000
    python -m benchmarks storage --folder kept --n 0 --shop shops/fashion --shop shops/chorus

Generated products, and those of shops that `vitrine ingest` has filled, with the vectors of their
vector files. Each way is a collection of its own, searched by a process of its own; the processes
answer the same blocks of queries in turns. A query is a product's text vector, by which texts are
searched, and pictures where there are some; itself does not count. What was built stays in the
folder and is not built again.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.generated_shop import NUMBERS, WORD_SETTINGS, GeneratedShop
from benchmarks.rounds import Rounds
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.kept_vectors import open_vectors
from ingest.projection import Projection
from qdrant.disk import BLOCK as DISK_BLOCK
from qdrant.disk import files_of
from qdrant.model import PAYLOAD, VECTORS, Point, Spec
from qdrant.store import open_embedded
from vitrine.command import Json, messages, print_json

FINGERPRINT = "0" * 16
K = 10
QUERIES = 200
BLOCK = 20  # queries in a row: one by one, each finds the caches full of another's vectors
# The ways, by name of their collection: storage, and the dense vectors that are stored.
WAYS: dict[str, tuple[str, tuple[str, ...]]] = {
    "int8": ("int8", VECTORS),
    "turbo4": ("turbo4", VECTORS),
    "turbo16": ("turbo16", VECTORS),
    "turbo8": ("turbo8", VECTORS),
    "int8_without_fused": ("int8", ("image", "text")),
    "int8_image": ("int8", ("image",)),
    "turbo8_without_fused": ("turbo8", ("image", "text")),
}


@dataclass(frozen=True)
class Built:
    """What a collection cost.

    Attributes:
        seconds, processor: of the build; processor time of the builder alone.
        disk: bytes a product, without the log of the build.
        vectors: of these, bytes of the stored dense vectors.
        graphs: the same of their graphs.
    """

    seconds: float
    processor: float
    disk: float
    vectors: float
    graphs: float


@dataclass(frozen=True)
class Row:
    """One way with one source.

    Attributes:
        source, way: which.
        built: what it cost.
        own_mb, mapped_mb: memory of the process that searched, beyond that of one without any.
        p50_ms: of a search by one vector, milliseconds.
        ratio: how many times as long as with int8, in the median block.
        recall: by vector, share of the exact ten nearest by float32 that is found.
    """

    source: str
    way: str
    built: Built
    own_mb: float
    mapped_mb: float
    p50_ms: float
    ratio: float
    recall: dict[str, float]


class Source:
    """Products with their exact vectors, kept in a folder as matrices.

    Args:
        folder: of the matrices and the collections.
        points: the products; read again for each collection.
        numbers: names of attributes that are numbers.
    """

    def __init__(self, folder: Path, points: Any, numbers: tuple[str, ...]) -> None:  # noqa: ANN401
        self.folder = folder
        self._points = points
        self._numbers = numbers

    def read(self) -> None:
        """Write the matrices, once."""
        if (self.folder / "ids.json").exists():
            return
        ids: list[str] = []
        rows: dict[str, list[np.ndarray]] = {"text": [], "image": []}
        owners: dict[str, list[int]] = {"text": [], "image": []}
        for number, point in enumerate(self._points()):
            ids.append(point.id)
            for name in rows.keys() & point.vectors.keys():
                rows[name].append(point.vectors[name])
                owners[name].append(number)
        for name, vectors in rows.items():
            np.save(self.folder / f"{name}.npy", np.array(vectors, np.float32))
            np.save(self.folder / f"{name}.rows.npy", np.array(owners[name], np.int64))
        (self.folder / "ids.json").write_text(json.dumps(ids))

    def matrix(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The unit vectors (m, d) of a name, and the numbers of their products (m,)."""
        vectors = np.load(self.folder / f"{name}.npy", mmap_mode="r")
        return vectors, np.load(self.folder / f"{name}.rows.npy")

    def build(self, way: str) -> Built:
        """Build the collection of a way."""
        storage, dense = WAYS[way]
        pictured = len(self.matrix("image")[0]) > 0
        texts, _ = self.matrix("text")
        spec = Spec(
            variant=way,
            fingerprint=FINGERPRINT,
            dim=texts.shape[1],
            vectors=dense,
            words=WORD_SETTINGS,
            payload=PAYLOAD,
            numbers=self._numbers,
            storage=storage,
            unused=() if pictured else tuple(name for name in dense if name != "text"),
        )
        points = (_only(point, spec.stored) for point in self._points())
        before, started = _child_seconds(), time.perf_counter()
        with open_embedded(self.folder / "qdrant") as store:
            made = store.build(spec, points)
            seconds = time.perf_counter() - started
            folder = self.folder / "qdrant" / way / made.generation
            size = _bytes(folder) - _bytes(folder / "wal")
            parts = [
                sum(map(_bytes, folder.glob(f"segments/*/{part}-{name}")))
                for part in ("vector_storage", "vector_index")
                for name in spec.stored
            ]
        count = len(spec.stored)
        each = [
            round(part / made.points, 1) for part in (size, sum(parts[:count]), sum(parts[count:]))
        ]
        return Built(round(seconds, 1), round(_child_seconds() - before, 1), *each)


def generated(folder: Path, n: int, dim: int) -> Source:
    """Generated products."""
    return Source(folder, lambda: GeneratedShop(n, dim).points(), NUMBERS)


def of_shop(folder: Path, home: Path) -> Source:
    """The products of a shop with one variant."""

    def points() -> Iterator[Point]:
        [name] = Variants(home).names()
        variant = Variants(home).get(name)
        with Catalogue(home, create=False) as catalogue, open_vectors(home, variant) as kept:
            yield from Projection(catalogue, variant, kept, WORD_SETTINGS)

    with Catalogue(home, create=False) as catalogue:
        numbers = sorted(each.name for each in catalogue.filters() if each.kind == "number")
    return Source(folder, points, tuple(numbers))


def measure(name: str, source: Source) -> list[Row]:
    """Build what is not built yet, and search it in turns."""
    source.folder.mkdir(parents=True, exist_ok=True)
    source.read()
    record = source.folder / "built.json"
    built = json.loads(record.read_text()) if record.exists() else {}
    pictured = len(source.matrix("image")[0]) > 0
    ways = [way for way in WAYS if pictured or ("without" not in way and way != "int8_image")]
    for way in ways:
        if way not in built:
            messages.print(f"{name}: building {way}")
            built[way] = asdict(source.build(way))
            record.write_text(json.dumps(built))
    names = ["text", *(["image"] if pictured else [])]
    texts, owners = source.matrix("text")
    asked = np.random.default_rng(0).permutation(len(owners))[:QUERIES]
    queries = np.array(texts[np.sort(asked)])
    products = owners[np.sort(asked)]
    nearest = {each: _nearest(source, each, queries, products) for each in names}
    times: dict[str, list[list[float]]] = {way: [] for way in ways}
    found: dict[str, dict[str, int]] = {way: dict.fromkeys(names, 0) for way in ways}
    memory: dict[str, tuple[float, float]] = {}
    ids = json.loads((source.folder / "ids.json").read_text())
    with ExitStack() as stack:
        processes = {way: stack.enter_context(_process()) for way in ways}
        for way, process in processes.items():
            process.submit(_open, source.folder / "qdrant", way).result()
        rounds = Rounds()
        for warm_up in (True, False):
            for each in names:
                able = [way for way in ways if each in WAYS[way][1]]
                for start in range(0, len(queries), BLOCK):
                    block = slice(start, start + BLOCK)
                    answers = rounds.run(
                        {way: partial(_ask, processes[way], each, queries[block]) for way in able}
                    )
                    if warm_up:
                        continue
                    for way, (seconds, hits) in answers.items():
                        times[way].append(seconds)
                        for row, listed in enumerate(hits, start):
                            best = [hit for hit in listed if hit != ids[products[row]]][:K]
                            found[way][each] += len(nearest[each][row].intersection(best))
        memory = {way: process.submit(_memory).result() for way, process in processes.items()}
    per_block = {way: [float(np.median(block)) for block in times[way]] for way in ways}
    rows = []
    for way in ways:
        able = [each for each in names if each in WAYS[way][1]]
        # Of the blocks that this way answered, those of int8 beside them.
        blocks = len(queries[::BLOCK])
        beside = [
            seconds
            for number, each in enumerate(names)
            if each in able
            for seconds in per_block["int8"][number * blocks : (number + 1) * blocks]
        ]
        rows.append(
            Row(
                name,
                way,
                Built(**built[way]),
                *memory[way],
                p50_ms=round(1000 * float(np.median(np.concatenate(times[way]))), 3),
                ratio=round(float(np.median(np.divide(per_block[way], beside))), 2),
                recall={
                    each: round(found[way][each] / sum(map(len, nearest[each])), 4) for each in able
                },
            )
        )
    return rows


def command(
    folder: Annotated[Path, typer.Option(help="Keeps the vectors and what is built of them.")],
    n: Annotated[int, typer.Option(min=0, help="Generated products; 0 for none.")] = 100_000,
    dim: Annotated[int, typer.Option(min=16, help="Of the generated vectors.")] = 256,
    shop: Annotated[
        list[Path] | None, typer.Option(help="Folder of a filled shop; repeatable.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ways to store dense vectors: bytes, memory, build, latency, recall."""
    sources = {f"{n:,} generated": generated(folder / f"generated-{n}-{dim}", n, dim)} if n else {}
    sources |= {home.name: of_shop(folder / f"shop-{home.name}", home) for home in shop or ()}
    rows: list[Row] = []
    for name, source in sources.items():
        rows += measure(name, source)
        Console(stderr=as_json).print(_table(rows[-len(WAYS) :], name))
    if as_json:
        print_json({"rows": [asdict(row) for row in rows]})


def _table(rows: list[Row], name: str) -> Table:
    columns = ("disk B", "vectors B", "graphs B", "build CPU s", "own MB", "mapped MB", "÷ int8")
    table = Table("stored as", *columns, "recall@10", title=f"{name}, a product")
    for row in (row for row in rows if row.source == name):
        built = row.built
        cells = [built.disk, built.vectors, built.graphs, built.processor]
        table.add_row(
            row.way,
            *(f"{cell:,.0f}" for cell in (*cells, row.own_mb, row.mapped_mb)),
            f"{row.ratio:.2f}",
            ", ".join(f"{each} {share:.3f}" for each, share in row.recall.items()),
        )
    return table


def _only(point: Point, names: tuple[str, ...]) -> Point:
    """A point with those of its dense vectors that are stored."""
    vectors = {name: vector for name, vector in point.vectors.items() if name in names}
    return Point(point.id, point.payload, vectors, point.sparse)


def _nearest(
    source: Source, name: str, queries: np.ndarray, products: np.ndarray
) -> list[set[str]]:
    """Ids of the exact K nearest of each query, without its own product."""
    vectors, owners = source.matrix(name)
    ids = json.loads((source.folder / "ids.json").read_text())
    found = []
    for query, product in zip(queries, products, strict=True):
        scores = np.where(owners == product, -np.inf, vectors @ query)
        best = np.argpartition(-scores, K)[:K]
        found.append({ids[row] for row in owners[best]})
    return found


def _bytes(folder: Path) -> int:
    return sum(file.st_blocks * DISK_BLOCK for file in files_of(folder))


def _child_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


def _ask(process: ProcessPoolExecutor, name: str, queries: np.ndarray) -> Any:  # noqa: ANN401
    return process.submit(_search, name, queries).result()


# What follows runs in the process of one way.
_store: Any
_way: str
_before: tuple[float, float]


def _open(folder: Path, way: str) -> None:
    global _store, _way, _before
    _before = _resident()
    _store, _way = open_embedded(folder), way
    _store.count(way)


def _search(name: str, queries: np.ndarray) -> tuple[list[float], list[list[str]]]:
    seconds, found = [], []
    for query in queries:
        started = time.perf_counter()
        [hits] = _store.search(_way, query, vector=name, k=K + 1)
        seconds.append(time.perf_counter() - started)
        found.append([hit.id for hit in hits])
    return seconds, found


def _memory() -> tuple[float, float]:
    own, mapped = (now - then for now, then in zip(_resident(), _before, strict=True))
    return round(own, 1), round(mapped, 1)


def _resident() -> tuple[float, float]:
    """Anonymous memory of this process and pages of mapped files, MB."""
    memory = psutil.Process().memory_info()
    return (memory.rss - memory.shared) / 1e6, memory.shared / 1e6
