"""The engines that are held side by side: Qdrant and FAISS, each with its ways to filter.

All graphs have the same number of links and were built with as many candidates. The store answers
whole payloads through the `Store` protocol; FAISS answers row numbers.
"""

from __future__ import annotations

import importlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import qdrant_edge as qe

from benchmarks.search_data import CATEGORIES, FILTERS, Generated, K
from qdrant import layout
from qdrant.embedded.generations import CONFIG
from qdrant.embedded.readers import PRIVATE
from qdrant.embedded.shard import INDEXING_THREADS, Shard
from qdrant.model import Spec
from qdrant.points import checked
from qdrant.store import Store, open_store

# Its type stubs know only part of what it wraps.
faiss: Any = importlib.import_module("faiss")

VECTOR = "fused"
# Product numbers of the nearest, for queries of shape (q, d).
Ask = Callable[[np.ndarray], list[list[int]]]


class Engine(Protocol):
    """One way to search, in a folder of its own. Built in one process, opened in others."""

    def build(self, shop: Generated) -> None:
        """Build it, down to the disk."""

    def open(self, allowed: Mapping[str, np.ndarray]) -> None:
        """Make it ready to answer; `allowed` has the products of each filter, bool (n,)."""

    def ask(self, name: str, ef: int) -> Ask | None:
        """How it answers under a filter of `FILTERS`; None where it cannot."""

    def size(self) -> int | None:
        """Bytes on disk, None where nobody tells."""

    def drop(self) -> None:
        """Remove what lies elsewhere than in its folder."""


class QdrantStore:
    """Qdrant as a shop has it: int8 to search by, rescored on the originals.

    Args:
        folder: where the embedded engine keeps it.
        server: use the server of `QDRANT_URL`, under a name that nobody else has.
    """

    def __init__(self, folder: Path, *, server: bool = False) -> None:
        self._folder = folder
        self._named = folder / "variant"
        self._server = server

    def build(self, shop: Generated) -> None:
        """Build through the `Store` protocol: checked, written, published."""
        self._named.write_text(f"benchmark_{secrets.token_hex(4)}")
        with self._store() as store:
            store.build(_spec(shop, self._named.read_text()), shop.points())

    def open(self, allowed: Mapping[str, np.ndarray]) -> None:
        """Open the collection."""
        self._opened = self._store()

    def ask(self, name: str, ef: int) -> Ask:
        """A search through the protocol, payloads and all."""
        search = partial(
            self._opened.search,
            self._named.read_text(),
            vector=VECTOR,
            k=K,
            filters=FILTERS[name],
            ef=ef,
        )
        return lambda queries: [[int(hit.id) for hit in hits] for hits in search(queries)]

    def size(self) -> int | None:
        """Of the generation, without the log that a build leaves."""
        if not self._server:
            return sum(map(_bytes, self._folder.glob("qdrant/*/*/segments")))
        with self._store() as store:
            return store.generations(self._named.read_text())[0].size

    def drop(self) -> None:
        """Remove the collection from the server."""
        if self._server:
            with self._store() as store:
                store.drop(self._named.read_text())

    def _store(self) -> Store:
        if not self._server:
            os.environ.pop("QDRANT_URL", None)
        return open_store(self._folder)


class QdrantFloat:
    """The embedded engine without int8: a graph over the float32 vectors alone."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def build(self, shop: Generated) -> None:
        """Build as `qdrant.embedded.shard` does, in this process."""
        spec = _spec(shop, "benchmark")
        made = qe.EdgeShard.create(str(self._folder), _float_config(spec.dim))
        for field in layout.KEYWORD_INDEXES:
            made.update(qe.UpdateOperation.create_field_index(field, qe.KeywordIndexParams()))
        for field in layout.FLOAT_INDEXES:
            bounds = qe.FloatIndexParams(enable_hnsw=False)
            made.update(qe.UpdateOperation.create_field_index(field, bounds))
        shard = Shard(made)
        rows = list(checked(spec, shop.points()))
        for start in range(0, len(rows), layout.BATCH):
            shard.write(rows[start : start + layout.BATCH])
        shard.finish()
        # As our readers do: one thread a search, and no log, which is what admits one owner only.
        path = self._folder / CONFIG
        path.write_text(json.dumps(json.loads(path.read_text()) | PRIVATE))

    def open(self, allowed: Mapping[str, np.ndarray]) -> None:
        """Open the folder; a second process opens it too, since neither writes."""
        self._shard = Shard(qe.EdgeShard.load(str(self._folder)))

    def ask(self, name: str, ef: int) -> Ask:
        """A search as the store's, which has no int8 to rescore."""
        search = partial(
            self._shard.search,
            vector=VECTOR,
            k=K,
            wanted=layout.conditions(FILTERS[name]),
            exact=False,
            ef=ef,
        )
        return lambda queries: [[int(hit.id) for hit in hits] for hits in search(queries)]

    def size(self) -> int:
        """Of the vectors, the graph and the payloads."""
        return _bytes(self._folder / "segments")

    def drop(self) -> None:
        """All of it lies in the folder."""


class FaissWhole:
    """One FAISS index of all products; a filter is a selector of rows, made beforehand.

    Args:
        folder: where it is written.
        kind: `flat` or `hnsw`.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._path = folder / "index"
        self._kind = kind

    def build(self, shop: Generated) -> None:
        """Build and write it."""
        faiss.write_index(_index(shop.vectors, self._kind), str(self._path))

    def open(self, allowed: Mapping[str, np.ndarray]) -> None:
        """Read it into memory."""
        self._index = faiss.read_index(str(self._path))
        self._selectors = {
            name: faiss.IDSelectorBitmap(np.packbits(rows, bitorder="little"))
            for name, rows in allowed.items()
            if not rows.all()
        }

    def ask(self, name: str, ef: int) -> Ask:
        """A search of the rows that the filter lets through."""
        settings = _settings(self._kind, ef, self._selectors.get(name))
        return lambda queries: self._index.search(queries, K, params=settings)[1].tolist()

    def size(self) -> int:
        """Of the index; of payloads it has none."""
        return _bytes(self._path.parent)

    def drop(self) -> None:
        """All of it lies in the folder."""


class FaissByCategory:
    """A FAISS index for each category, as the reference system has.

    It answers within one category and knows nothing of brands or prices.

    Args:
        folder: where they are written.
        kind: `flat` or `hnsw`.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._kind = kind

    def build(self, shop: Generated) -> None:
        """Build and write an index and its product numbers for each category."""
        for category in CATEGORIES:
            rows = np.flatnonzero(shop.categories == category)
            np.save(self._folder / f"{category}.npy", rows)
            faiss.write_index(_index(shop.vectors[rows], self._kind), str(self._folder / category))

    def open(self, allowed: Mapping[str, np.ndarray]) -> None:
        """Read them into memory."""
        self._indexes = {
            category: (
                faiss.read_index(str(self._folder / category)),
                np.load(self._folder / f"{category}.npy"),
            )
            for category in CATEGORIES
        }

    def ask(self, name: str, ef: int) -> Ask | None:
        """A search of the category's own index."""
        if not FILTERS[name].categories:
            return None
        index, numbers = self._indexes[FILTERS[name].categories[0]]
        settings = _settings(self._kind, ef)
        return lambda queries: numbers[index.search(queries, K, params=settings)[1]].tolist()

    def size(self) -> int:
        """Of all indexes."""
        return _bytes(self._folder)

    def drop(self) -> None:
        """All of it lies in the folder."""


INT8, FLOAT, SERVER = "Qdrant int8", "Qdrant float", "Qdrant server"
FLAT, HNSW = "FAISS flat", "FAISS HNSW"
ENGINES: dict[str, Callable[[Path], Engine]] = {
    INT8: QdrantStore,
    FLOAT: QdrantFloat,
    SERVER: partial(QdrantStore, server=True),
    FLAT: partial(FaissWhole, kind="flat"),
    f"{FLAT}, by category": partial(FaissByCategory, kind="flat"),
    HNSW: partial(FaissWhole, kind="hnsw"),
    f"{HNSW}, by category": partial(FaissByCategory, kind="hnsw"),
}


def has_graph(engine: str) -> bool:
    """Whether a search keeps a number of candidates."""
    return not engine.startswith(FLAT)


def _spec(shop: Generated, variant: str) -> Spec:
    return Spec(variant, "0" * 16, shop.vectors.shape[1], vectors=(VECTOR,))


def _float_config(dim: int) -> qe.EdgeConfig:
    return qe.EdgeConfig(
        vectors={VECTOR: qe.EdgeVectorParams(size=dim, distance=qe.Distance.Cosine)},
        hnsw_config=qe.HnswIndexConfig(
            m=layout.HNSW_M,
            ef_construct=layout.HNSW_EF_CONSTRUCT,
            full_scan_threshold=layout.FULL_SCAN_KIB,
            max_indexing_threads=INDEXING_THREADS,
        ),
    )


def _index(vectors: np.ndarray, kind: str) -> Any:  # noqa: ANN401 (FAISS's)
    dim = vectors.shape[1]
    if kind == "hnsw":
        index = faiss.IndexHNSWFlat(dim, layout.HNSW_M, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = layout.HNSW_EF_CONSTRUCT
    else:
        index = faiss.IndexFlatIP(dim)
    index.add(np.asarray(vectors))
    return index


def _settings(kind: str, ef: int, selector: Any = None) -> Any:  # noqa: ANN401 (FAISS's)
    if kind == "hnsw":
        return faiss.SearchParametersHNSW(sel=selector, efSearch=ef)
    return faiss.SearchParameters(sel=selector)


def _bytes(folder: Path) -> int:
    """What the files take of the disk: the engine's are long and mostly holes."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())
