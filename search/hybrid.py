"""Hybrid search: by words and by vectors, in one request to the store."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from qdrant.model import WORDS, Hit, Point, SparseVector, VectorQuery
from qdrant.words import Words, code_query, normalize_code
from search.embedding import QueryVectors
from search.fusion import Fused, PartScore, fuse
from search.query import Query, Result
from search.settings import CANDIDATES, SearchSettings

# The part of products whose id, SKU or GTIN is the query's text: they come first.
CODE = "code"
CODE_FIELDS = ("id", "sku", "gtin")


def part_queries(
    query: Query,
    vectors: QueryVectors | None,
    words: Words,
    settings: SearchSettings,
    dense: Sequence[str],
) -> dict[str, VectorQuery]:
    """The searches that a query with a text is made of, by part.

    Args:
        query: words, with or without a picture.
        vectors: of its text and its picture; a search by words alone needs none.
        words: embeds the text as the collection's products are embedded.
        settings: a dense vector of weight 0 is not searched.
        dense: names of the collection's dense vectors.
    """
    compared: dict[str, np.ndarray | SparseVector | None] = {
        CODE: code_query(query.text),
        WORDS: words.query(query.text),
    }
    if vectors is not None and query.match == "hybrid":
        weighted = (name for name in dense if settings.weights.get(name, 0) > 0)
        compared |= {name: _compared(name, query, vectors) for name in weighted}
    count = max(query.k, CANDIDATES)
    return {
        name: VectorQuery(
            WORDS if name == CODE else name, vector, count, query.filters, payload=False
        )
        for name, vector in compared.items()
        if vector is not None
    }


def ranked(
    query: Query, found: Mapping[str, Sequence[Hit]], settings: SearchSettings
) -> list[Fused]:
    """The products of all parts, best first: those with the query as a code before all others."""
    codes = {hit.id for hit in found.get(CODE, ())}
    parts = {name: hits for name, hits in found.items() if name != CODE}
    fused = {each.id: each for each in fuse(parts, settings.weights, settings.method)}
    exact = [
        Fused(product, 1.0, {**_parts(fused, product), CODE: PartScore(1, 1.0)})
        for product in sorted(codes)
    ]
    others = [each for product, each in fused.items() if product not in codes]
    return (exact + others)[: query.k]


def results_of(
    query: Query, fused: Sequence[Fused], products: Mapping[str, Point]
) -> Iterator[Result]:
    """The results with their payloads, ranked from 1.

    A product that was removed meanwhile is left out, and one whose codes only have the same hash
    as the query's.
    """
    rank = 0
    for each in fused:
        point = products.get(each.id)
        if point is None or (CODE in each.parts and not _has_code(point, query.text)):
            continue
        rank += 1
        yield Result(rank, each.id, each.score, query.match, point.payload, each.parts)


def _compared(name: str, query: Query, vectors: QueryVectors) -> np.ndarray | None:
    """What a dense vector is compared with: pictures with the picture, texts with the text."""
    if name == "text":
        return vectors.words if vectors.text_model else vectors.text
    if name == "image" and vectors.picture is not None:
        return vectors.picture
    return vectors.combined(query.weight)


def _parts(fused: Mapping[str, Fused], product: str) -> Mapping[str, PartScore]:
    return fused[product].parts if product in fused else {}


def _has_code(point: Point, text: str) -> bool:
    code = normalize_code(text)
    return any(normalize_code(str(point.payload.get(field, ""))) == code for field in CODE_FIELDS)
