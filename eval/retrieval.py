"""Asks a variant's search engine every query of a set.

It is the engine that the app and the command line use, with its order and its way with equals.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from PIL.Image import Image

from encoder.encoder import Encoder
from encoder.variant import Variant
from encoder.vectors import fuse
from eval.errors import EvalError
from eval.measures import Ranked
from eval.queries import LabelledQuery
from pictures.errors import PictureError
from pictures.fetcher import fetch_picture
from pictures.store import decode, read_source
from qdrant.model import NO_FILTERS, Filters
from qdrant.store import Store
from search.engine import Engine
from search.query import Query, QueryError

BATCH = 256  # queries embedded and searched together; 256 open phone photos are some gigabytes
READERS = 8  # threads that open pictures: reading waits for disks and hosts
DEFAULT_VECTOR = "fused"
WEB = ("http:", "https:")


@dataclass(frozen=True)
class Manner:
    """How queries are asked.

    Attributes:
        depth: how many answers each query gets.
        vector: what is compared with; a query that names its own vector goes by that.
        within_category: search only the query's category, as the reference system does.
        text_fallback: a query whose picture cannot be had is asked by its text alone.
        weight: share of the text in a query of both.
    """

    depth: int = 100
    vector: str = DEFAULT_VECTOR
    within_category: bool = False
    text_fallback: bool = False
    weight: float = 0.5

    def vector_of(self, query: LabelledQuery) -> str:
        """The vector that a query is scored against."""
        return query.vector or self.vector


@dataclass
class Run:
    """What one variant answered.

    Attributes:
        ranked: product ids and scores by query, best first.
        vectors: each query's vector (d,), as it was searched with.
        text_vectors: the vector (d,) of each query's text alone, for those that have one.
        failed: why a query could not be asked, by query.
        fell_back: queries that were asked by their text for want of their picture.
        encode_seconds: time in the model.
        search_seconds: time in the store and in ranking.
    """

    ranked: Ranked = field(default_factory=dict)
    vectors: dict[str, np.ndarray] = field(default_factory=dict)
    text_vectors: dict[str, np.ndarray] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    fell_back: list[str] = field(default_factory=list)
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
        """A picture, or why it cannot be had."""
        try:
            data = self._web(address) if address.startswith(WEB) else read_source(address)
            self.hashes[address] = hashlib.sha256(data).hexdigest()
            return decode(data)
        except PictureError as error:
            return error

    def _web(self, address: str) -> bytes:
        if address not in self._fetched:
            try:
                self._fetched[address] = fetch_picture(address).data
            except PictureError as error:
                self._fetched[address] = error
        kept = self._fetched[address]
        if isinstance(kept, PictureError):
            raise kept
        return kept


class _RecordingEncoder:
    """An encoder that remembers what it gave last: the engine embeds, and we need the vectors.

    Attributes:
        texts: vectors of the last texts, by text.
        pictures: vectors of the last pictures, by `id`.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.dim = encoder.dim
        self._encoder = encoder
        self.texts: dict[str, np.ndarray] = {}
        self.pictures: dict[int, np.ndarray] = {}

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        vectors = self._encoder.encode_texts(texts)
        self.texts = dict(zip(texts, vectors, strict=True))
        return vectors

    def encode_images(self, pictures: Sequence[Image]) -> np.ndarray:
        vectors = self._encoder.encode_images(pictures)
        self.pictures = dict(zip(map(id, pictures), vectors, strict=True))
        return vectors


def retrieve(
    variant: Variant,
    store: Store,
    encoder: Encoder,
    queries: Sequence[LabelledQuery],
    manner: Manner,
    pictures: QueryPictures,
) -> Run:
    """Ask every query.

    Args:
        variant: whose collection answers.
        store: where the collection lives.
        encoder: the variant's.
        queries: in their order.
        manner: how to ask.
        pictures: opens the queries' pictures.

    Raises:
        EvalError: a query that no search takes, such as a text of a novel's length.
        SearchError, StoreError: as the engine says.
    """
    recorder = _RecordingEncoder(encoder)
    engine = Engine(variant, store, lambda: cast(Encoder, recorder))
    answers = Run()
    with ThreadPoolExecutor(READERS) as readers:
        for start in range(0, len(queries), BATCH):
            batch = queries[start : start + BATCH]
            opened = readers.map(
                lambda query: pictures.open(query.picture) if query.picture else None, batch
            )
            asked = [
                (query, search)
                for query, picture in zip(batch, opened, strict=True)
                if (search := _search(query, picture, manner, answers))
            ]
            _retrieve_batch(engine, recorder, asked, answers)
    return answers


def _search(
    query: LabelledQuery, picture: Image | PictureError | None, manner: Manner, answers: Run
) -> Query | None:
    """What to search for; None when the query cannot be asked."""
    if isinstance(picture, PictureError):
        if not (manner.text_fallback and query.text):
            answers.failed[query.id] = str(picture)
            return None
        answers.fell_back.append(query.id)
        picture = None
    within = manner.within_category and query.category
    try:
        return Query(
            text=query.text,
            picture=picture,
            filters=Filters(categories=(query.category,)) if within else NO_FILTERS,
            k=manner.depth,
            vector=manner.vector_of(query),
            weight=manner.weight,
        )
    except QueryError as error:
        raise EvalError(f"Query {query.id} cannot be asked. {error}") from None


def _retrieve_batch(
    engine: Engine,
    recorder: _RecordingEncoder,
    asked: list[tuple[LabelledQuery, Query]],
    answers: Run,
) -> None:
    results = engine.search_batch([search for _, search in asked])
    for (query, search), found in zip(asked, results, strict=True):
        answers.ranked[query.id] = [(result.id, result.score) for result in found.results]
        answers.encode_seconds += found.encode_seconds
        answers.search_seconds += found.search_seconds
        text = recorder.texts.get(search.text)
        picture = recorder.pictures.get(id(search.picture))
        if text is not None:
            answers.text_vectors[query.id] = text
        answers.vectors[query.id] = _fused(text, picture, search.weight)


def _fused(text: np.ndarray | None, picture: np.ndarray | None, weight: float) -> np.ndarray:
    """A query's vector, as the engine makes it."""
    if text is None or picture is None:
        return cast(np.ndarray, picture if text is None else text)
    return fuse(text, picture, weight)
