"""Less of: terms and products that results must not be about.

By words, a product that has all words of an avoided term is left out. By vectors, the query's
vector is moved away from those of the avoided terms and products.
"""

from collections.abc import Sequence

import numpy as np

from encoder.vectors import normalize
from qdrant.model import WORDS, Filters, SparseVector, VectorQuery
from qdrant.store import Store
from search.fusion import Candidate

# How far a query's vector is moved away. On 9,583 fashion products, with queries of an article
# type without one of its three most frequent colours, 0.25 halves that colour's share of the first
# ten (.20 to .10) and the type's falls from .44 to .41; with 0.5 these are .04 and .34.
AWAY = 0.25

# A term, as the words that a product must all have to be about it.
Term = tuple[SparseVector, ...]


def move_away(vector: np.ndarray, avoided: Sequence[np.ndarray]) -> np.ndarray:
    """A query's unit vector, moved away from others: normalize(q - 0.25 · mean(avoided)).

    Args:
        vector: float32 (d,).
        avoided: unit vectors of the same shape; none leave the vector as it is.
    """
    if not avoided:
        return vector
    return normalize(vector - AWAY * np.mean(avoided, axis=0))


def term_of(words: SparseVector | None) -> Term:
    """The words of a term; empty where it has none but stop words."""
    if words is None:
        return ()
    return tuple(
        SparseVector(words.indices[row : row + 1], words.values[row : row + 1])
        for row in range(len(words.indices))
    )


def drop_avoided(
    store: Store, variant: str, terms: Sequence[Sequence[Term]], found: Sequence[list[Candidate]]
) -> list[list[Candidate]]:
    """Leave out candidates that are about an avoided term, found by one request to the store.

    Args:
        store: where the collection is.
        variant: whose collection; it has words.
        terms: those to avoid, of each search.
        found: the candidates of each search.
    """
    queries = [
        VectorQuery(WORDS, word, len(candidates), Filters(ids=_ids(candidates)), payload=())
        for avoided, candidates in zip(terms, found, strict=True)
        for term in avoided
        for word in term
        if candidates
    ]
    answers = iter(store.search_batch(variant, queries) if queries else ())
    kept = []
    for avoided, candidates in zip(terms, found, strict=True):
        dropped: set[str] = set()
        for term in avoided if candidates else ():
            dropped |= set.intersection(*({hit.id for hit in next(answers)} for _ in term))
        kept.append([candidate for candidate in candidates if candidate.id not in dropped])
    return kept


def _ids(candidates: Sequence[Candidate]) -> tuple[str, ...]:
    return tuple(candidate.id for candidate in candidates)
