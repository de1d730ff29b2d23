"""Browsing: varied products where there is no query."""

from itertools import chain, zip_longest

import numpy as np

from qdrant.model import Collection, Filters
from qdrant.store import Store
from search.pipeline import shown_facts
from search.results import Result

RANDOM_DIRECTIONS = 24  # of which the nearest products are taken in turn


def browse(store: Store, collection: Collection, filters: Filters, k: int) -> tuple[Result, ...]:
    """Varied products, the same at every call.

    The nearest products of some fixed random directions in turn, since the products nearest to a
    single one resemble each other. Their scores mean nothing.
    """
    rng = np.random.default_rng(0)
    with_picture = "fused" if "fused" in collection.vectors else "image"
    for vector in (with_picture, "text"):
        shape = RANDOM_DIRECTIONS, collection.dim_of(vector)
        directions = rng.standard_normal(shape).astype(np.float32)
        found = store.search(collection.variant, directions, vector=vector, k=k, filters=filters)
        varied = {hit.id: hit for hit in chain(*zip_longest(*found)) if hit}
        if varied:
            return tuple(
                Result(rank, hit.id, hit.score, vector, shown_facts(hit))
                for rank, hit in enumerate(list(varied.values())[:k], start=1)
            )
    return ()
