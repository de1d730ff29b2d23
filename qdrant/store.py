"""The vector store: every check, every ranking and every sentence once, above two engines."""

import operator
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from qdrant import layout
from qdrant.checked_queries import top_of_each
from qdrant.engine import Engine, Reader, Search, scroll
from qdrant.errors import CollectionMissing, InvalidQuery, NotFound, StoreError
from qdrant.figures import Figures, First
from qdrant.filters import conditions_of
from qdrant.generation import Generation, first_difference
from qdrant.model import (
    NO_FILTERS,
    Collection,
    Filters,
    Hit,
    Point,
    Ranking,
    Spec,
    VectorQuery,
    check_variant,
)
from qdrant.points import Refused, checked_rows, point_id
from qdrant.ranking import most_frequent
from vitrine import Closing

T = TypeVar("T")
# Points read by id in one request.
PAGE = 1000


class Store(Closing):
    """Collections of vectors, one per variant. Usable from several threads at once.

    Every error is a `qdrant.errors.StoreError`. A variant without a collection raises
    `CollectionMissing` in every method that names one.

    Args:
        engine: keeps the collections; `open_store` chooses it.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def collections(self) -> list[Collection]:
        """Return the published collections, by ascending variant."""
        return [self.collection(variant) for variant in self.engine.variants()]

    def collection(self, variant: str) -> Collection:
        """Return what is published for the variant. Cheap enough for every query."""
        return self.engine.collection(check_variant(variant))

    def generations(self, variant: str) -> list[Generation]:
        """Return every generation of the variant, the published one first."""
        return self.engine.generations(check_variant(variant))

    def build(
        self, spec: Spec, points: Iterable[Point], refused: Refused | None = None
    ) -> Collection:
        """Publish a new generation made of these points alone.

        Points are streamed. Readers answer from the old generation until the new one is
        complete, then from the new one; a build that fails changes nothing.

        Args:
            spec: what is built.
            points: its points.
            refused: takes the error of each point that is not fit to be stored, or whose product
                id repeats; the generation is made of the others.

        Raises:
            InvalidPoint: a point is not fit to be stored; not with `refused`.
            BuildRunning: the variant is being built by another process or thread.
            BuildFailed: the generation could not be made.
            DiskFull: there is too little disk space for it.
        """
        with self.engine.lock(spec.variant):
            rows = checked_rows(spec, points, refused)
            return self.engine.build(spec, rows, operator.length_hint(points))

    def update(
        self,
        spec: Spec,
        points: Iterable[Point],
        delete: Iterable[str] = (),
        refused: Refused | None = None,
    ) -> Collection:
        """Publish a new generation: the current one without `delete`, then with `points`.

        A point replaces the earlier one of its product as a whole, vectors included. Product
        ids in `delete` that are not there are ignored. `refused` is as in `build`.

        Raises:
            StoreError: fingerprint, dimension or vectors are not those of the collection.
            InvalidPoint, BuildRunning, BuildFailed, DiskFull: as `build`.
        """
        deleted = [point_id(product) for product in delete]
        with self.engine.lock(spec.variant):
            base = self.engine.collection(spec.variant)
            _check_same_vectors(base, spec)
            rows = checked_rows(spec, points, refused)
            return self.engine.update(base, spec, rows, deleted, operator.length_hint(points))

    def search(
        self,
        variant: str,
        queries: np.ndarray,
        *,
        vector: str = "fused",
        k: int = 10,
        filters: Filters = NO_FILTERS,
        exact: bool = False,
        ef: int | None = None,
    ) -> list[list[Hit]]:
        """Return the k nearest products of each query, best first, ties as `top_hits` orders them.

        Args:
            variant: whose collection.
            queries: float vectors of shape (n, d) or (d,); their length does not matter.
            vector: which vector of the products; products without it are not found.
            k: how many, from 1 to `layout.MAX_RESULTS`; fewer come back when fewer match.
            filters: which products may be found.
            exact: compare with every product instead of using the graph.
            ef: candidates that the graph search keeps; None takes what was measured (`Collection`).

        Raises:
            InvalidQuery: wrong dimension, NaN, zero vector, unknown vector name, bad k.
        """
        rows = np.atleast_2d(np.asarray(queries))
        return self.search_batch(
            variant, [VectorQuery(vector, row, k, filters, exact, ef) for row in rows]
        )

    def search_batch(self, variant: str, queries: Sequence[VectorQuery]) -> list[list[Hit]]:
        """Return the nearest products of each query, found in one request to the engine.

        The queries may differ in all they have: a hybrid search is one by `words`, one by `text`
        and one by `image`. Each answer is best first, ties as `top_hits` orders them.

        Raises:
            InvalidQuery: wrong dimension, NaN, zero vector, unknown vector name, bad k.
        """

        def search(reader: Reader) -> list[list[Hit]]:
            hits: list[dict[str, Hit]] = [{} for _ in queries]

            def fetch(numbers: Sequence[int], searches: Sequence[Search]) -> list[Ranking[str]]:
                for number, found in zip(numbers, reader.search(searches), strict=True):
                    hits[number] = {hit.id: hit for hit in found}
                return [
                    Ranking(list(hits[number]), [hit.score for hit in hits[number].values()])
                    for number in numbers
                ]

            ranked = top_of_each(reader.collection, queries, fetch)
            return [
                [found[product] for product in best.ids[: query.k]]
                for found, best, query in zip(hits, ranked, queries, strict=True)
            ]

        return self._read(variant, search)

    def rank_batch(self, variant: str, queries: Sequence[VectorQuery]) -> list[Ranking[int]]:
        """Return the nearest products of each query, by the numbers of their point ids.

        No payload is read: `facts` reads those of the products that matter. Products whose scores
        equal that of the k-th are there too, so that product ids can decide among them all.

        Raises:
            InvalidQuery: as `search_batch`.
        """

        def rank(reader: Reader) -> list[Ranking[int]]:
            return top_of_each(
                reader.collection, queries, lambda _, searches: reader.rank(searches)
            )

        return self._read(variant, rank)

    def count(self, variant: str, filters: Filters = NO_FILTERS) -> int:
        """Return how many products match, exactly."""
        return self._read(
            variant,
            lambda reader: reader.count(conditions_of(filters, reader.collection)),
        )

    def facet(
        self, variant: str, field: str, filters: Filters = NO_FILTERS, limit: int = 30
    ) -> dict[str, int]:
        """Return exact counts by value of one of `layout.COUNTED`, most frequent first.

        Raises:
            InvalidQuery: the field has no index of values, or limit < 1.
        """
        if field not in layout.COUNTED:
            raise InvalidQuery(f"'{field}' is not counted; {', '.join(layout.COUNTED)} are.")
        if limit < 1:
            raise InvalidQuery(f"A count needs at least 1 value, not {limit}.")

        def facet(reader: Reader) -> dict[str, int]:
            conditions = conditions_of(filters, reader.collection)
            return reader.facet(field, conditions, limit)

        return most_frequent(self._read(variant, facet))

    def retrieve(
        self, variant: str, ids: Sequence[str], *, vectors: bool = False
    ) -> dict[str, Point]:
        """Return points by product id, in the order of `ids`; ids that are not there are absent."""
        wanted = list(dict.fromkeys(ids))  # deduplicate
        pages = _pages([point_id(product) for product in wanted])

        def retrieve(reader: Reader) -> dict[str, Point]:
            points = (point for page in pages for point in reader.retrieve(page, vectors=vectors))
            return {point.id: point for point in points}

        found = self._read(variant, retrieve)
        return {product: found[product] for product in wanted if product in found}

    def facts(
        self, variant: str, numbers: Iterable[int], names: Sequence[str]
    ) -> dict[int, dict[str, Any]]:
        """Return the product's id and at least these facts; points that are not there are absent.

        Args:
            variant: whose collection.
            numbers: of the point ids, as `rank_batch` returns them.
            names: of the facts.
        """
        pages = _pages(list(numbers))

        def facts(reader: Reader) -> dict[int, dict[str, Any]]:
            found: dict[int, dict[str, Any]] = {}
            for page in pages:
                found |= reader.facts(page, names)
            return found

        return self._read(variant, facts)

    def figures(
        self,
        variant: str,
        names: Sequence[str],
        filters: Filters = NO_FILTERS,
        first: First | None = None,
    ) -> Iterator[Figures]:
        """Yield facts that are numbers or dates of each product that matches, some at a time.

        In any order, of one generation.

        Args:
            variant: whose collection.
            names: of the facts.
            filters: which products.
            first: which of them suffice; a server then reads no others.
        """
        with self.engine.reader(check_variant(variant)) as reader:
            yield from reader.figures(conditions_of(filters, reader.collection), names, first)

    def scroll(self, variant: str, *, vectors: bool = False) -> Iterator[Point]:
        """Yield every point of one generation, in ascending order of point ids.

        Points are read in pages, so memory does not grow with the collection; a generation that
        is published meanwhile does not show.

        Args:
            variant: whose collection.
            vectors: also read the named vectors, float32 of shape (d,) each.
        """
        with self.engine.reader(check_variant(variant)) as reader:
            yield from scroll(reader, vectors=vectors)

    def rollback(self, variant: str) -> Collection:
        """Exchange the current generation and the one kept beside it.

        Raises:
            StoreError: only one is kept.
        """
        self._check_published(variant)
        with self.engine.lock(variant):
            return self.engine.rollback(variant)

    def drop(self, variant: str) -> None:
        """Remove the variant's collection with all its generations, damaged ones too."""
        self._check_published(variant)
        with self.engine.lock(variant):
            self.engine.drop(variant)

    def close(self) -> None:
        """Release everything held open."""
        self.engine.close()

    def _read(self, variant: str, read: Callable[[Reader], T]) -> T:
        """Read the published generation; again when it was removed since it was looked up."""
        check_variant(variant)
        for _ in range(2):
            try:
                with self.engine.reader(variant) as reader:
                    return read(reader)
            except NotFound:
                continue
        raise CollectionMissing(variant)

    def _check_published(self, variant: str) -> None:
        if check_variant(variant) not in self.engine.variants():
            raise CollectionMissing(variant)


def open_store(home: Path) -> Store:
    """Open the store of an installation: the server of `QDRANT_URL`, else the engine in `home`.

    Args:
        home: the installation's folder; collections are in its `qdrant/`.
    """
    url = os.environ.get("QDRANT_URL", "").strip()
    if url:
        return open_server(url, os.environ.get("QDRANT_API_KEY") or None)
    return open_embedded(home / "qdrant")


def open_embedded(folder: Path) -> Store:
    """Open the collections in a folder; the first build makes it."""
    from qdrant.embedded.engine import EmbeddedEngine

    return Store(EmbeddedEngine(folder))


def open_server(url: str, api_key: str | None = None) -> Store:
    """Open the collections of the server at an address such as `http://localhost:6333`.

    Raises:
        StoreError: the address, QDRANT_SHARDS or QDRANT_REPLICAS is not valid.
    """
    # Imported here: the client costs 0.7 s, which an embedded search does not need.
    from qdrant.server.engine import connect_engine

    return Store(connect_engine(url, api_key))


def _pages(keys: Sequence[T]) -> list[Sequence[T]]:
    return [keys[start : start + PAGE] for start in range(0, len(keys), PAGE)]


def _check_same_vectors(base: Spec, spec: Spec) -> None:
    """Check that vectors are comparable with those of a collection.

    Raises:
        StoreError: another fingerprint, dimension or set of vectors.
    """
    if part := first_difference(base, spec):
        raise StoreError(
            f"The collection of variant '{spec.variant}' has {part} {getattr(base, part)}, the new "
            f"vectors have {getattr(spec, part)}; build it anew with `vitrine ingest vectors "
            f"--variant {spec.variant}`."
        )
