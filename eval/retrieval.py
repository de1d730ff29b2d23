"""Searches every query of a set with a variant's search engine.

It is the engine of the app and the command line, with its order and its rule for equal scores.
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image

from encoder.variant import Variant
from eval import EvalError
from eval.measures import Ranked
from eval.queries import LabelledQuery
from eval.settings import Settings, System
from pictures.decode_workers import open_untrusted
from pictures.errors import PictureError, shorten
from pictures.fetcher import fetch_picture
from pictures.sources import is_web, read_source
from qdrant.model import NO_FILTERS, Filters
from qdrant.store import Store
from search.embedding import encode
from search.engine import Engine
from search.query import Query, QueryError
from vitrine import VitrineError

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch

BATCH = 256  # queries embedded and searched together; 256 open phone photos are some gigabytes
READERS = 8  # threads that open pictures: reading waits for disks and hosts


@dataclass
class Run:
    """The results of one system.

    Attributes:
        ranked: product ids and scores by query, best first.
        vectors: each query's vector (d,), as it was searched with.
        searched: the name of the products' vector that it was compared with.
        text_vectors: the vector (d,) of each query's text alone, for those that have one.
        failed: why a query could not be searched, by query.
        by_text_alone: queries searched by their text because their picture cannot be read.
        load_seconds: time to load the model.
        encode_seconds: time in the model.
        search_seconds: time in the store and in ranking.
    """

    ranked: Ranked = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    searched: dict[str, str] = field(default_factory=dict)
    text_vectors: dict[str, np.ndarray] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    by_text_alone: list[str] = field(default_factory=list)
    load_seconds: float = 0.0
    encode_seconds: float = 0.0
    search_seconds: float = 0.0


class QueryPictures:
    """Opens the pictures of queries; what came over the web is kept for the next variant.

    Attributes:
        hashes: SHA-256 of the bytes of each picture that was opened, by address.
    """

    def __init__(self) -> None:
        self.hashes: dict[str, str] = {}
        self._fetched: dict[str, bytes | PictureError] = {}

    def open(self, address: str) -> Image | PictureError:
        """A picture, or why it cannot be read.

        Raises:
            VitrineError: no picture can be decoded, whichever it is.
        """
        try:
            data = self._fetch(address) if is_web(address) else read_source(address)
            self.hashes[address] = hashlib.sha256(data).hexdigest()
            return open_untrusted(data, address)
        except PictureError as error:
            return error
        except VitrineError:
            raise
        except Exception as error:  # noqa: BLE001 (one query never ends an evaluation)
            cause = shorten(f"unexpected {type(error).__name__}: {error}")
            return PictureError("unexpected", f"{shorten(address)} cannot be read ({cause}).")

    def _fetch(self, address: str) -> bytes:
        if address not in self._fetched:
            try:
                self._fetched[address] = fetch_picture(address)
            except PictureError as error:
                self._fetched[address] = error
        kept = self._fetched[address]
        if isinstance(kept, PictureError):
            raise kept
        return kept


def retrieve(
    variant: Variant,
    store: Store,
    encoder: "Encoder",
    queries: Sequence[LabelledQuery],
    systems: Mapping[str, System],
    settings: Settings,
    pictures: QueryPictures,
) -> dict[str, Run]:
    """Search every query with every system; its picture is opened, and it is encoded, once.

    Args:
        variant: whose collection is searched.
        store: where the collection lives.
        encoder: the variant's.
        queries: in their order.
        systems: how it is searched, by name.
        settings: depth, category and fallback of each search.
        pictures: opens the queries' pictures.

    Returns:
        The results of each system, by its name.

    Raises:
        EvalError: a query that no search accepts, such as a text of a novel's length.
        SearchError, StoreError: from the engine.
    """
    engine = Engine(variant, store, lambda: encoder)
    shared = Run()
    runs = {name: Run(failed=shared.failed, by_text_alone=shared.by_text_alone) for name in systems}
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(queries), BATCH):
            batch = queries[start : start + BATCH]
            opened = readers.map(
                lambda query: pictures.open(query.picture) if query.picture else None, batch
            )
            searches = {
                query.id: (query.vector, search)
                for query, picture in zip(batch, opened, strict=True)
                if (search := _search(query, picture, settings, shared))
            }
            _retrieve_batch(engine, searches, systems, runs)
    return runs


def _search(
    query: LabelledQuery,
    picture: Image | PictureError | None,
    settings: Settings,
    run: Run,
) -> Query | None:
    """The search for a query; None when its picture cannot be read.

    With `text_fallback`, a query's text takes its picture's place.
    """
    if isinstance(picture, PictureError):
        if not (settings.text_fallback and query.text):
            run.failed[query.id] = str(picture)
            return None
        run.by_text_alone.append(query.id)
        picture = None
    within = settings.within_category and query.category
    try:
        return Query(
            text=query.text,
            picture=picture,
            filters=Filters(categories=(query.category,)) if within else NO_FILTERS,
            k=settings.depth,
            fold=False,
        )
    except QueryError as error:
        raise EvalError(f"Query {query.id} cannot be searched. {error}") from None


def _retrieve_batch(
    engine: Engine,
    searches: Mapping[str, tuple[str, Query]],
    systems: Mapping[str, System],
    runs: Mapping[str, Run],
) -> None:
    """Search a batch with every system.

    Args:
        engine: the variant's.
        searches: by query, the only vector that it is scored against, if there is one, and what
            is encoded: the measures of similarity need vectors, whatever the search is by.
        systems: how it is searched, by name.
        runs: takes the results of each.
    """
    queries_of = {
        name: [
            replace(query, match=system.match, vector=own or system.vector)
            for own, query in searches.values()
        ]
        for name, system in systems.items()
    }
    # Encoded as they are read: without operators, and corrected where words are searched.
    read = [
        replace(reading.query, match="vectors")
        for queries in queries_of.values()
        for reading in engine.read(queries)
    ]
    encoder = engine.encoder  # loaded before the clock starts
    started = perf_counter()
    encoded = encode(read, encoder)
    seconds = perf_counter() - started
    for number, (name, queries) in enumerate(queries_of.items()):
        run = runs[name]
        run.encode_seconds += seconds
        first = number * len(queries)
        vectors = {row: encoded[first + row] for row in range(len(queries))}
        found = engine.search_batch(queries, vectors)
        for row, (query, results) in enumerate(zip(searches, found, strict=True)):
            run.ranked[query] = [(result.id, result.score) for result in results.results]
            run.searched[query] = searched = engine.vector_of(queries[row])
            if (vector := vectors[row].compared(searched, queries[row].weight)) is not None:
                run.vectors[query] = vector
            run.search_seconds += results.search_seconds
            text = vectors[row].words if vectors[row].text_model else vectors[row].text
            if text is not None:
                run.text_vectors[query] = text
