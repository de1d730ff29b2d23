"""Browsing: varied products where there is no query."""

from itertools import chain, zip_longest

import numpy as np

from qdrant.model import Collection, Filters, Hit, VectorQuery
from qdrant.store import Store
from search.pipeline import shown_facts
from search.results import Result

RANDOM_DIRECTIONS = 24  # of which the nearest products are taken in turn
# Products of each direction that are searched for at least: of few, int8 hides the order.
LEAST_DEPTH = 16


def browse(
    store: Store, collection: Collection, filters: Filters, k: int, offset: int = 0
) -> tuple[Result, ...]:
    """Varied products, the same at every call.

    The nearest products of some fixed random directions in turn, since the products nearest to a
    single one resemble each other. Their scores mean nothing.

    Args:
        store: where the collection is.
        collection: that is read.
        filters: resolved.
        k: how many.
        offset: products before the first one, which are found, too.
    """
    rng = np.random.default_rng(0)
    by_picture = [name for name in ("fused", "image") if name in collection.vectors][:1]
    by_text = [name for name in ("text",) if name in collection.vectors]
    for vector in (*by_picture, *by_text):
        shape = RANDOM_DIRECTIONS, collection.dim_of(vector)
        directions = rng.standard_normal(shape).astype(np.float32)
        if varied := _varied(store, collection, vector, directions, filters, offset + k):
            page = varied[offset:]
            points = store.retrieve(collection.variant, [hit.id for hit in page])
            present = [hit for hit in page if hit.id in points]
            return tuple(
                Result(rank, hit.id, hit.score, vector, shown_facts(points[hit.id]))
                for rank, hit in enumerate(present, start=offset + 1)
            )
    return ()


def _varied(
    store: Store,
    collection: Collection,
    vector: str,
    directions: np.ndarray,
    filters: Filters,
    wanted: int,
) -> list[Hit]:
    """The first products of the directions in turn, as many as are wanted, each once.

    The directions are searched deeper where too many of their products are the same.
    """
    depth = max(LEAST_DEPTH, 2 * wanted // len(directions))
    while True:
        queries = [
            VectorQuery(vector, direction, depth, filters, payload=()) for direction in directions
        ]
        found = store.search_batch(collection.variant, queries)
        varied = {hit.id: hit for hit in chain(*zip_longest(*found)) if hit}
        if len(varied) >= wanted or depth >= wanted or all(len(hits) < depth for hits in found):
            return list(varied.values())[:wanted]
        depth = min(2 * depth, wanted)
