"""The search engine's share of a query on a generated shop, and what it misses.

Queries come with their vectors, so all is timed but the model: reading, plan, request, fusion,
ranking, payloads. The share of the store is timed within: the vector engine with the checks of its
queries, ties, facts and payloads. Recall is against the same search with every product compared;
that of words is against BM25 computed here over all products.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
from rich.table import Table

from benchmarks.generated_shop import FILTERS, GeneratedShop
from benchmarks.shop_build import BM25, NAME, K, ShopBuilt, build_shop
from encoder.variant import Variant
from encoder.variants import Variants
from qdrant import layout
from qdrant.engine import Engine as StoreEngine
from qdrant.engine import Reader
from qdrant.model import NO_FILTERS, WORDS, Filters, Ranking, VectorQuery
from qdrant.store import Store, open_embedded
from search.embedding import QueryVectors
from search.engine import Engine
from search.query import Query
from search.results import Result
from vitrine.command import messages

# Scores of two searches that differ by no more are equal.
TOLERANCE = 1e-5
# What is searched for, by row.
ROWS: dict[str, dict[str, Any]] = {
    "words": {"match": "words"},
    "text": {"vector": "text"},
    "image": {"vector": "image"},
    "vectors": {"match": "vectors"},
    "hybrid": {},
}
FILTERED_ROWS = ("words", "text", "image", "hybrid")
DENSE_ROWS = ("text", "image", "vectors")
T = TypeVar("T")
Texts = Sequence[tuple[str, QueryVectors]]


@dataclass(frozen=True)
class Row:
    """One way to search under one filter.

    Attributes:
        row: a key of `ROWS`, or `facets`.
        filter: a key of `FILTERS`.
        products: that pass it.
        ef: `measured` with the collection, or a number.
        p50_ms, p99_ms: percentiles of a query's time.
        cpu_p50_ms: median of its processor time, which other programs disturb less.
        store_p50_ms, store_cpu_p50_ms: medians of what the store takes of both.
        recall: of the exact ten; None of facets, which are counted.
    """

    row: str
    filter: str
    products: int
    ef: str
    p50_ms: float
    p99_ms: float
    cpu_p50_ms: float
    store_p50_ms: float
    store_cpu_p50_ms: float
    recall: float | None


@dataclass(frozen=True)
class ShopSearch:
    """All rows at one size.

    Attributes:
        n, dim, queries: products, dimension, queries.
        load: mean number of running processes in the last minute, when it was measured.
        built: how the collection was built.
        graphs: by vector, `ef` and recall as measured when it was built.
        rows: all of them.
    """

    n: int
    dim: int
    queries: int
    load: float
    built: ShopBuilt
    graphs: dict[str, tuple[int | None, float]]
    rows: list[Row]


class _TimedStore(Store):
    """A store that adds up the time of what is read.

    Attributes:
        seconds, cpu_seconds: since it was made.
    """

    def __init__(self, engine: StoreEngine) -> None:
        super().__init__(engine)
        self.seconds = self.cpu_seconds = 0.0

    def _read(self, variant: str, read: Callable[[Reader], T]) -> T:
        started, cpu_started = time.perf_counter(), time.process_time()
        try:
            return super()._read(variant, read)
        finally:
            self.seconds += time.perf_counter() - started
            self.cpu_seconds += time.process_time() - cpu_started


class _ExactStore(_TimedStore):
    """A store whose searches compare with every product."""

    def rank_batch(self, variant: str, queries: Sequence[VectorQuery]) -> list[Ranking[int]]:
        return super().rank_batch(variant, [replace(query, exact=True) for query in queries])


class _FixedStore(_TimedStore):
    """A store whose graph searches keep as many candidates as collections of earlier versions."""

    def rank_batch(self, variant: str, queries: Sequence[VectorQuery]) -> list[Ranking[int]]:
        return super().rank_batch(variant, [replace(query, ef=layout.EF) for query in queries])


def measure(folder: Path, n: int, dim: int, queries: int, seed: int) -> ShopSearch:
    """Build the shop in a folder, unless it is there, and search it in every way."""
    shop = GeneratedShop(n, dim, seed)
    built = build_shop(folder, shop)
    texts = shop.queries(queries)
    variant = Variants(folder).get(NAME)
    with open_embedded(folder / "qdrant") as store:
        ours, exact, fixed = (
            _Searched(variant, each(store.engine))
            for each in (_TimedStore, _ExactStore, _FixedStore)
        )
        rows: list[Row] = []
        for name, filters in FILTERS.items():
            messages.print(f"{n:,} products: filter {name}")
            products = store.count(NAME, filters)
            for row in FILTERED_ROWS if filters != NO_FILTERS else ROWS:
                search = _Search(row, name, products, filters, texts)
                best, found = search.found(exact), search.found(ours)
                recall = _recall(found, best)
                if row == WORDS and filters == NO_FILTERS:
                    recall = _recall_of_scores(
                        found, BM25(folder, n).best([text for text, _ in texts])
                    )
                rows.append(search.row(ours, "measured", recall))
                if row in DENSE_ROWS:
                    recall = _recall(search.found(fixed), best)
                    rows.append(search.row(fixed, str(layout.EF), recall))
            rows.append(_facets(ours, name, products, filters, queries))
        graphs = store.collection(NAME).graphs.items()
        return ShopSearch(
            n,
            dim,
            queries,
            round(psutil.getloadavg()[0], 1),
            built,
            {name: (graph.ef, graph.recall) for name, graph in graphs},
            rows,
        )


def tables(measured: ShopSearch) -> list[Table]:
    """The rows as tables."""
    built, graphs = measured.built, measured.graphs.items()
    searched = Table(
        *("filter", "products", "search", "ef", "p50 ms", "p99 ms", "CPU p50 ms"),
        *("store p50 ms", "store CPU p50 ms", "recall@10"),
        title=f"{measured.n:,} products, {measured.dim} dimensions, {measured.queries:,} queries",
    )
    for each in measured.rows:
        times = each.p50_ms, each.p99_ms, each.cpu_p50_ms, each.store_p50_ms, each.store_cpu_p50_ms
        numbers = (f"{value:.2f}" for value in times)
        recall = "" if each.recall is None else f"{each.recall:.3f}"
        searched.add_row(each.filter, f"{each.products:,}", each.row, each.ef, *numbers, recall)
    searched.caption = (
        f"built in {built.seconds:.0f} s ({built.cpu_seconds:.0f} s of processor time), "
        f"{built.bytes_a_point:,.0f} bytes a point; load {measured.load}; "
        + ", ".join(f"ef of {name} {ef}" for name, (ef, _) in graphs)
    )
    return [searched]


class _Searched(Engine):
    """A search engine over a store that is timed."""

    def __init__(self, variant: Variant, store: _TimedStore) -> None:
        super().__init__(variant, store, _no_model)
        self.timed = store


class _Search:
    """One way to search under one filter."""

    def __init__(self, row: str, name: str, products: int, filters: Filters, texts: Texts) -> None:
        self._row = row
        self._name = name
        self._products = products
        self._filters = filters
        self._texts = texts

    def found(self, engine: Engine) -> list[dict[str, float]]:
        """The scores of the products that each query finds, by id; nothing is folded."""
        return [
            {each.id: each.score for each in self._search(engine, number, fold=False)}
            for number in range(len(self._texts))
        ]

    def row(self, engine: _Searched, ef: str, recall: float) -> Row:
        """Time an engine that has answered every query once before."""
        times = _times(
            engine.timed,
            lambda number: self._search(engine, number, fold=True),
            len(self._texts),
        )
        return Row(self._row, self._name, self._products, ef, recall=recall, **times)

    def _search(self, engine: Engine, number: int, *, fold: bool) -> tuple[Result, ...]:
        text, vectors = self._texts[number]
        query = Query(text, filters=self._filters, k=K, fold=fold, **ROWS[self._row])
        [found] = engine.search_batch([query], {0: vectors})
        return found.results


def _recall(found: Sequence[Mapping[str, float]], exact: Sequence[Mapping[str, float]]) -> float:
    """The share of the products of exact searches that was found."""
    kept = sum(len(one.keys() & other.keys()) for one, other in zip(found, exact, strict=True))
    return round(kept / max(sum(map(len, exact)), 1), 4)


def _recall_of_scores(
    found: Sequence[Mapping[str, float]], exact: Sequence[Sequence[float]]
) -> float:
    """The same where products have equal scores, of which one is as good as another."""
    kept = sum(
        sum(score >= best[-1] - TOLERANCE for score in scores.values())
        for scores, best in zip(found, exact, strict=True)
        if best
    )
    return round(kept / max(sum(map(len, exact)), 1), 4)


def _facets(engine: _Searched, name: str, products: int, filters: Filters, count: int) -> Row:
    """All facets of the products that pass; another limit each time, since they are kept."""
    times = _times(
        engine.timed, lambda number: engine.facets(filters, limit=30 + number), min(count, 20)
    )
    return Row("facets", name, products, "", recall=None, **times)


def _times(store: _TimedStore, run: Callable[[int], object], count: int) -> dict[str, float]:
    """The times of a `Row` by name."""
    taken = np.zeros((count, 4))
    for number in range(count):
        before = _clocks(store)
        run(number)
        taken[number] = _clocks(store) - before
    names = "p50_ms", "cpu_p50_ms", "store_p50_ms", "store_cpu_p50_ms"
    seconds = dict(zip(names, np.median(taken, axis=0), strict=True))
    seconds["p99_ms"] = np.percentile(taken[:, 0], 99)
    return {name: round(float(each) * 1e3, 3) for name, each in seconds.items()}


def _clocks(store: _TimedStore) -> np.ndarray:
    """Seconds so far, in all and in the store: of the clock, then of the processor."""
    return np.array([time.perf_counter(), time.process_time(), store.seconds, store.cpu_seconds])


def _no_model() -> Any:  # noqa: ANN401 (raises)
    raise AssertionError("queries come with their vectors")
