"""A process of its own that searches one collection: what it grows by is that collection's."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil

from benchmarks.process_cost import MEGABYTE
from benchmarks.storage_sources import K
from qdrant.store import Store, open_embedded
from vitrine import Closing

Answer = tuple[list[float], list[list[str]]]


class CollectionProcess(Closing):
    """Searches one collection.

    Args:
        folder: of the collections.
        collection: its name.
    """

    def __init__(self, folder: Path, collection: str) -> None:
        self._pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        self._pool.submit(_open, folder, collection).result()

    def search(self, vector: str, queries: np.ndarray) -> Answer:
        """Search by one vector.

        Returns:
            Of each query its seconds, and the ids of the K + 1 products found, the best first.
        """
        return self._pool.submit(_search, vector, queries).result()

    def memory(self) -> tuple[int, int]:
        """Anonymous memory and mapped files, MB, beyond those before the collection was opened."""
        return self._pool.submit(_memory).result()

    def close(self) -> None:
        """End the process."""
        self._pool.shutdown()


# What follows runs in the process.
_store: Store
_collection: str
_before: tuple[float, float]


def _open(folder: Path, collection: str) -> None:
    global _store, _collection, _before
    _before = _resident()
    _store, _collection = open_embedded(folder), collection
    _store.count(collection)


def _search(vector: str, queries: np.ndarray) -> Answer:
    seconds, found = [], []
    for query in queries:
        started = time.perf_counter()
        [hits] = _store.search(_collection, query, vector=vector, k=K + 1)
        seconds.append(time.perf_counter() - started)
        found.append([hit.id for hit in hits])
    return seconds, found


def _memory() -> tuple[int, int]:
    own, mapped = (now - then for now, then in zip(_resident(), _before, strict=True))
    return round(own), round(mapped)


def _resident() -> tuple[float, float]:
    memory = psutil.Process().memory_info()
    return (memory.rss - memory.shared) / MEGABYTE, memory.shared / MEGABYTE
