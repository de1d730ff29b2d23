"""A process of its own for each engine: what it grows by is that engine's memory alone."""

from __future__ import annotations

import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil

from benchmarks.generated import NO_FILTER, Generated
from benchmarks.process_cost import MEGABYTE, ChildrenPeak
from benchmarks.search_engines import ENGINES, Engine, faiss, folder_of
from qdrant import layout
from vitrine import Closing


@dataclass(frozen=True)
class Built:
    """The index of an engine.

    Attributes:
        seconds: to build it.
        disk_mb: megabytes on disk; None where not known.
        builder_mb: highest anonymous memory of the process that built it, started for that by the
            engine; None where it starts none.
    """

    seconds: float
    disk_mb: float | None
    builder_mb: float | None = None


@dataclass(frozen=True)
class Answer:
    """Answers to some queries.

    Attributes:
        seconds: of each query, or of the one call.
        found: product numbers of each query.
        own_mb: anonymous memory by which the process grew since before it opened the index.
        mapped_mb: the same of mapped files, which processes share and the system takes back.
    """

    seconds: list[float]
    found: list[list[int]]
    own_mb: float
    mapped_mb: float


class EngineProcess(Closing):
    """A process for one engine.

    Args:
        engine: of `ENGINES`.
        folder: of the generated products; the engine's folder is in it.
    """

    def __init__(self, engine: str, folder: Path) -> None:
        self._named = engine, folder
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def build(self) -> Built:
        """Build the index."""
        return self._pool.submit(_build, *self._named).result()

    def open(self) -> float:
        """Open the index, built by another process; seconds of that and of the first search."""
        return self._pool.submit(_open, *self._named).result()

    def search(
        self, filter_name: str, ef: int, queries: slice, *, one_call: bool = False
    ) -> Answer | None:
        """Answer queries one by one, or in one call on all cores; None without that filter."""
        return self._pool.submit(_search, filter_name, ef, queries, one_call).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


# What follows runs in an engine's process, where these are of the one engine that it opened.
_opened: Engine
_products: Generated
_before: tuple[float, float]


def _build(engine: str, folder: Path) -> Built:
    products = Generated.load(folder)
    np.asarray(products.vectors).sum()  # reads them from the disk before the time is taken
    place = folder_of(engine, folder)
    place.mkdir()
    built = ENGINES[engine](place)
    with ChildrenPeak() as peak:
        started = time.perf_counter()
        built.build(products)
        seconds = time.perf_counter() - started
    size = built.bytes_on_disk()
    return Built(
        round(seconds, 2),
        None if size is None else round(size / MEGABYTE, 1),
        round(peak.megabytes) or None,
    )


def _open(engine: str, folder: Path) -> float:
    global _opened, _products, _before
    _products = Generated.load(folder)
    _opened = ENGINES[engine](folder_of(engine, folder))
    faiss.omp_set_num_threads(1)
    _before = _memory()
    started = time.perf_counter()
    _opened.open(_products)
    first = _opened.search(NO_FILTER, layout.EF)
    if first is not None:
        first(np.array(_products.queries[:1]))
    return time.perf_counter() - started


def _search(filter_name: str, ef: int, chosen: slice, one_call: bool) -> Answer | None:
    search = _opened.search(filter_name, ef)
    if search is None:
        return None
    queries = np.array(_products.queries[chosen])
    calls = [queries] if one_call else np.split(queries, len(queries))
    seconds: list[float] = []
    found: list[list[int]] = []
    faiss.omp_set_num_threads(os.cpu_count() if one_call else 1)
    for call in calls:
        started = time.perf_counter()
        found += search(call)
        seconds.append(time.perf_counter() - started)
    own, mapped = (now - then for now, then in zip(_memory(), _before, strict=True))
    return Answer(seconds, found, own, mapped)


def _memory() -> tuple[float, float]:
    """Anonymous memory of this process and pages of mapped files, MB."""
    memory = psutil.Process().memory_info()
    return (memory.rss - memory.shared) / MEGABYTE, memory.shared / MEGABYTE
