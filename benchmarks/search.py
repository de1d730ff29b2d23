"""Searching: the embedded store beside FAISS, on the same generated vectors, in one run.

    python -m benchmarks search --n 10000 --n 100000 --dim 512

The vectors lie in clusters, as products lie around their kinds; they are easier than real ones.
The engines take turns, some queries each, so whatever else the machine does touches them alike: the
ratios are what to read. The store answers whole payloads through the `Store` protocol; FAISS
answers row numbers.
"""

from __future__ import annotations

import importlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeVar

import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from qdrant.embedded import EmbeddedStore
from qdrant.store import Filters, Point, Spec

# Its type stubs know only part of what it wraps.
faiss: Any = importlib.import_module("faiss")

K = 10
STORE, FLAT, HNSW = "store", "FAISS flat", "FAISS HNSW"
# Spread within a cluster over the spread between their centres: neighbours have cosine 0.7.
SPREAD = 0.7
POINTS_PER_CLUSTER = 500
# Shares of the products in each category: one common, one rare, and the rest.
CATEGORIES = {"common": 0.10, "rare": 0.01, "rest": 0.89}
# FAISS's graph with twice the links of ours, as its users set it, and as many candidates.
HNSW_M, HNSW_EF = 32, 128
WARM_UP = 100
# Queries that an engine answers in a row. One by one, each would find the caches full of the last
# engine's vectors, of which FAISS flat reads all.
BLOCK = 20


@dataclass(frozen=True)
class Searched:
    """One engine's answers to all queries under one filter.

    Attributes:
        p50_ms: median time of a query, milliseconds.
        p95_ms: the time that 95 % of the queries stay within, milliseconds.
        recall: share of the true ten nearest that were found.
        over_flat: median time over that of FAISS flat; below 1 is faster.
    """

    p50_ms: float
    p95_ms: float
    recall: float
    over_flat: float


@dataclass(frozen=True)
class Scale:
    """What was measured at one size.

    Attributes:
        n: products.
        dim: dimensions.
        queries: how many queries each engine answered.
        build_seconds: by engine; the store's includes checking, writing and publishing.
        bytes_per_point: of the store's published generation on disk, without its log.
        filters: by category, "all" for none: by engine.
    """

    n: int
    dim: int
    queries: int
    build_seconds: dict[str, float]
    bytes_per_point: float
    filters: dict[str, dict[str, Searched]]


@dataclass(frozen=True)
class Generated:
    """Vectors of shape (n, d), queries of the same kind (q, d), and each vector's category.

    The first pass over a graph meets pages that nobody has touched yet, so untimed queries of
    their own go before.
    """

    vectors: np.ndarray
    warm_up: np.ndarray
    queries: np.ndarray
    categories: np.ndarray

    @classmethod
    def draw(cls, n: int, dim: int, queries: int, seed: int) -> Generated:
        """Draw unit vectors, the same for the same seed."""
        random = np.random.default_rng(seed)
        centres = random.standard_normal((max(n // POINTS_PER_CLUSTER, 1), dim), dtype=np.float32)

        def clustered(count: int) -> np.ndarray:
            drawn = random.standard_normal((count, dim), dtype=np.float32)
            drawn *= SPREAD
            drawn += centres[random.integers(0, len(centres), count)]
            drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
            return drawn

        vectors, warm_up, asked = clustered(n), clustered(WARM_UP), clustered(queries)
        names, shares = list(CATEGORIES), list(CATEGORIES.values())
        return cls(vectors, warm_up, asked, random.choice(names, n, p=shares))

    def points(self) -> Iterator[Point]:
        """Products as a shop has them."""
        for i, vector in enumerate(self.vectors):
            payload = {"title": f"product {i}", "category": str(self.categories[i])}
            yield Point(str(i), payload, {"fused": vector})

    def truth(self, kept: np.ndarray) -> list[set[int]]:
        """The true nearest of each query among the rows kept."""
        scores = self.queries @ self.vectors[kept].T
        nearest = np.argpartition(-scores, K - 1, axis=1)[:, :K]
        return [set(kept[row].tolist()) for row in nearest]


def measure(n: int, dim: int, queries: int, seed: int, folder: Path) -> Scale:
    """Build the engines over the same vectors and ask each the same queries, in turn.

    Args:
        n: products.
        dim: dimensions.
        queries: how many queries.
        seed: of the vectors.
        folder: an empty folder for the store.
    """
    generated = Generated.draw(n, dim, queries, seed)
    seconds: dict[str, float] = {}
    with EmbeddedStore(folder) as store:
        spec = Spec("benchmark", "0" * 16, dim, vectors=("fused",))
        made = _timed(seconds, STORE, lambda: store.build(spec, generated.points()))
        flat = faiss.IndexFlatIP(dim)
        _timed(seconds, FLAT, lambda: flat.add(generated.vectors))
        graph = faiss.IndexHNSWFlat(dim, HNSW_M, faiss.METRIC_INNER_PRODUCT)
        _timed(seconds, HNSW, lambda: graph.add(generated.vectors))
        filters = {}
        for category in ("all", "common", "rare"):
            kept = np.flatnonzero((generated.categories == category) | (category == "all"))
            engines = {
                STORE: _ask_store(store, category),
                FLAT: _ask_flat(flat, kept, n),
                HNSW: _ask_graph(graph, kept, n),
            }
            asked, truth = generated.queries, generated.truth(kept)
            filters[category] = _contest(engines, generated.warm_up, asked, truth)
        segments = folder / spec.variant / made.generation / "segments"
        size = sum(p.stat().st_blocks * 512 for p in segments.rglob("*") if p.is_file())
    return Scale(n, dim, queries, seconds, round(size / n, 1), filters)


Ask = Callable[[np.ndarray], list[int]]
T = TypeVar("T")


def _ask_store(store: EmbeddedStore, category: str) -> Ask:
    filters = Filters() if category == "all" else Filters(categories=(category,))
    search = partial(store.search, "benchmark", k=K, filters=filters)
    return lambda query: [int(hit.id) for hit in search(query)[0]]


def _ask_flat(
    index: Any,  # noqa: ANN401 (an index of FAISS)
    kept: np.ndarray,
    n: int,
) -> Ask:
    params = None if len(kept) == n else faiss.SearchParameters(sel=_selector(kept, n))
    return lambda query: index.search(query[None], K, params=params)[1][0].tolist()


def _ask_graph(
    index: Any,  # noqa: ANN401 (an index of FAISS)
    kept: np.ndarray,
    n: int,
) -> Ask:
    selector = {} if len(kept) == n else {"sel": _selector(kept, n)}
    params = faiss.SearchParametersHNSW(efSearch=HNSW_EF, **selector)
    return lambda query: index.search(query[None], K, params=params)[1][0].tolist()


def _selector(kept: np.ndarray, n: int) -> Any:  # noqa: ANN401 (a selector of FAISS)
    chosen = np.zeros(n, dtype=bool)
    chosen[kept] = True
    return faiss.IDSelectorBitmap(np.packbits(chosen, bitorder="little"))


def _contest(
    engines: dict[str, Ask], warm_up: np.ndarray, queries: np.ndarray, truth: list[set[int]]
) -> dict[str, Searched]:
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    found = dict.fromkeys(engines, 0)
    for query in warm_up:
        for ask in engines.values():
            ask(query)
    for block in np.array_split(np.arange(len(queries)), -(-len(queries) // BLOCK)):
        for name, ask in engines.items():
            for number in block:
                start = time.perf_counter()
                answer = ask(queries[number])
                seconds[name].append(time.perf_counter() - start)
                found[name] += len(truth[number] & set(answer))
    wanted = sum(map(len, truth))
    flat = float(np.median(seconds[FLAT]))
    return {
        name: Searched(
            p50_ms=round(float(np.median(spent)) * 1e3, 4),
            p95_ms=round(float(np.percentile(spent, 95)) * 1e3, 4),
            recall=round(found[name] / wanted, 4),
            over_flat=round(float(np.median(spent)) / flat, 4),
        )
        for name, spent in seconds.items()
    }


def _timed(seconds: dict[str, float], name: str, work: Callable[[], T]) -> T:
    start = time.perf_counter()
    result = work()
    seconds[name] = round(time.perf_counter() - start, 2)
    return result


def command(
    n: Annotated[
        list[int] | None, typer.Option(min=100, help="Products; give it again for more sizes.")
    ] = None,
    dim: Annotated[int, typer.Option(min=2, help="Dimensions of the vectors.")] = 512,
    queries: Annotated[int, typer.Option(min=1, help="Queries for each engine.")] = 200,
    seed: Annotated[int, typer.Option(help="Of the generated vectors.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Time and recall of the store beside FAISS flat and HNSW, with and without a category."""
    sizes = n or [10_000, 100_000]
    scales = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for size in progress.track(sizes, description="searching"):
            with tempfile.TemporaryDirectory() as folder:
                scales.append(measure(size, dim, queries, seed, Path(folder)))
    if as_json:
        typer.echo(json.dumps({"scales": [asdict(scale) for scale in scales]}))
        return
    for scale in scales:
        Console().print(_table(scale))


def _table(scale: Scale) -> Table:
    table = Table(
        *("filter", "engine", "p50 ms", "p95 ms", "recall@10", "time over FAISS flat"),
        title=f"{scale.n:,} products of {scale.dim} dimensions, {scale.queries} queries",
    )
    for category, engines in scale.filters.items():
        label = category if category == "all" else f"{category} ({CATEGORIES[category]:.0%})"
        for name, it in engines.items():
            times = (f"{it.p50_ms:.3f}", f"{it.p95_ms:.3f}")
            table.add_row(label, name, *times, f"{it.recall:.4f}", f"{it.over_flat:.4f}")
        table.add_section()
    built = ", ".join(f"{name} {seconds} s" for name, seconds in scale.build_seconds.items())
    table.caption = f"built: {built}; store on disk: {scale.bytes_per_point:,.0f} bytes a product"
    return table
