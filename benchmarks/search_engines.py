"""The engines that the search benchmark compares.

Qdrant is used through the `Store` protocol, as a shop uses it, payloads included. FAISS returns
row numbers; it filters by a selector over one index, or has one index per category. Every graph
has the same number of links and of candidates at construction.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.generated import CATEGORIES, FILTERS, VECTOR, Generated, K
from qdrant import layout
from qdrant.model import NO_FILTERS, Spec
from qdrant.store import Store, open_store

# Its type stubs cover only part of it.
faiss: Any = import_module("faiss")

# Product numbers of the nearest for queries of shape (q, d).
Search = Callable[[np.ndarray], list[list[int]]]


class Engine(ABC):
    """One engine, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @abstractmethod
    def build(self, products: Generated) -> None:
        """Build the index on disk."""

    @abstractmethod
    def open(self, products: Generated) -> None:
        """Open what was built."""

    @abstractmethod
    def search(self, filter_name: str, ef: int) -> Search | None:
        """A search under one of `FILTERS`; None where the engine has no such filter."""

    def bytes_on_disk(self) -> int | None:
        """Size of what was built; None where it is not known."""
        files = (path for path in self.folder.rglob("*") if path.is_file())
        return sum(path.stat().st_blocks * 512 for path in files)

    def drop(self) -> None:  # noqa: B027 (most engines have nothing elsewhere)
        """Remove what is not in the folder."""


class Qdrant(Engine):
    """Vitrine's store: the embedded engine in the folder, or the server of QDRANT_URL."""

    def __init__(self, folder: Path, *, server: bool = False) -> None:
        super().__init__(folder)
        self._server = server

    def build(self, products: Generated) -> None:
        """Build and publish a collection, with a name that is nobody else's on the server."""
        (self.folder / "variant").write_text(f"benchmark_{secrets.token_hex(4)}")
        spec = Spec(self._variant, "0" * 16, products.vectors.shape[1], vectors=(VECTOR,))
        with self._store() as store:
            store.build(spec, products.points())

    def open(self, products: Generated) -> None:
        """Open the store."""
        self._opened, self._name = self._store(), self._variant

    def search(self, filter_name: str, ef: int) -> Search:
        """A search of the collection, payloads included."""
        search = partial(
            self._opened.search,
            self._name,
            vector=VECTOR,
            k=K,
            filters=FILTERS[filter_name],
            ef=ef,
        )
        return lambda queries: [[int(hit.id) for hit in hits] for hits in search(queries)]

    def bytes_on_disk(self) -> int | None:
        """Size of the generation, the log of its build included."""
        with self._store() as store:
            return store.generations(self._variant)[0].size

    def drop(self) -> None:
        """Remove the collection from the server."""
        if self._server:
            with self._store() as store:
                store.drop(self._variant)

    @property
    def _variant(self) -> str:
        return (self.folder / "variant").read_text()

    def _store(self) -> Store:
        if not self._server:
            os.environ.pop("QDRANT_URL", None)
        return open_store(self.folder)


class FaissIndex(Engine):
    """One FAISS index of all products; a filter is a selector of rows."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(folder)
        self._kind = kind

    def build(self, products: Generated) -> None:
        """Build and write the index."""
        faiss.write_index(_index(products.vectors, self._kind), str(self.folder / "index"))

    def open(self, products: Generated) -> None:
        """Read the index into memory, and make the selectors."""
        self._index = faiss.read_index(str(self.folder / "index"))
        self._selectors = {
            name: faiss.IDSelectorBitmap(np.packbits(products.passing(each), bitorder="little"))
            for name, each in FILTERS.items()
            if each != NO_FILTERS
        }

    def search(self, filter_name: str, ef: int) -> Search:
        """A search of the rows that pass the filter."""
        settings = _settings(self._kind, ef, self._selectors.get(filter_name))
        return lambda queries: self._index.search(queries, K, params=settings)[1].tolist()


class FaissByCategory(Engine):
    """One FAISS index per category, as the reference system has; it has no other filter."""

    def __init__(self, folder: Path, kind: str) -> None:
        super().__init__(folder)
        self._kind = kind

    def build(self, products: Generated) -> None:
        """Build and write the index and the product numbers of each category."""
        for category in CATEGORIES:
            rows = np.flatnonzero(products.categories == category)
            np.save(self.folder / f"{category}.npy", rows)
            index = _index(products.vectors[rows], self._kind)
            faiss.write_index(index, str(self.folder / category))

    def open(self, products: Generated) -> None:
        """Read all of them into memory."""
        self._indexes = {
            category: (
                faiss.read_index(str(self.folder / category)),
                np.load(self.folder / f"{category}.npy"),
            )
            for category in CATEGORIES
        }

    def search(self, filter_name: str, ef: int) -> Search | None:
        """A search of the category's index."""
        categories = FILTERS[filter_name].categories
        if not categories:
            return None
        index, rows = self._indexes[categories[0]]
        settings = _settings(self._kind, ef)
        return lambda queries: rows[index.search(queries, K, params=settings)[1]].tolist()


EMBEDDED, SERVER, FLAT, HNSW = "Qdrant", "Qdrant server", "FAISS flat", "FAISS HNSW"
ENGINES: dict[str, Callable[[Path], Engine]] = {
    EMBEDDED: Qdrant,
    SERVER: partial(Qdrant, server=True),
    FLAT: partial(FaissIndex, kind="flat"),
    f"{FLAT} per category": partial(FaissByCategory, kind="flat"),
    HNSW: partial(FaissIndex, kind="hnsw"),
    f"{HNSW} per category": partial(FaissByCategory, kind="hnsw"),
}


def folder_of(engine: str, folder: Path) -> Path:
    """The folder of an engine among the generated products."""
    return folder / engine.lower().replace(" ", "-")


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
