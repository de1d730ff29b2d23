"""Evidence of whether a shop has what a text looks for: what a search finds, as numbers.

The best products of each part are those of the search itself. Each of the text's terms is searched
for alone, too, in the same request.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from qdrant.model import WORDS, Collection, Ranking, SparseVector, VectorQuery
from qdrant.store import Store
from qdrant.words import CODES, Words
from search.exact import CODE
from search.plan import Plan

NEAREST = 20  # products of each part that are looked at
COVERAGE, WORD_SCORE = "coverage", "word score"


@dataclass(frozen=True, slots=True)
class Nearest:
    """What a search finds first for a text.

    Attributes:
        parts: the best products of each part, `NEAREST` or more.
        titles: of the best `NEAREST` by words.
        terms: the best product of each term of the words.
    """

    parts: Mapping[str, Ranking[int]]
    titles: Sequence[str]
    terms: Mapping[int, Ranking[int]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a search finds for a text, as numbers.

    Attributes:
        features: by name.
        masses: of the text's terms, how rare they are.
    """

    features: Mapping[str, float]
    masses: Mapping[int, float] = field(default_factory=dict)

    @classmethod
    def of(cls, nearest: Nearest, words: Words | None, products: int) -> "Evidence":
        """The features of one search.

        The mass of a term is the score of the product that it finds first, which is proportional to
        its IDF; that of a word that no product has is what it would score.

        Args:
            nearest: what it found.
            words: of the collection.
            products: in the collection.
        """
        absent = math.log(1 + 2 * products) * words.most_weight if words else 0.0
        masses = {
            term: found.scores[0] if len(found) else absent for term, found in nearest.terms.items()
        }
        features = {}
        for part, found in nearest.parts.items():
            scores = list(found.scores[:NEAREST]) or [0.0]
            if part != WORDS:
                features[f"best {part}"] = max(scores)
                features[f"mean {part}"] = float(np.mean(scores))
            elif words and masses:
                covered = (coverage(title, words, masses) for title in nearest.titles)
                features[COVERAGE] = max(covered, default=0.0)
                features[WORD_SCORE] = max(scores) / sum(masses.values())
        return cls(features, masses)


def gather(store: Store, collection: Collection, plans: Sequence[Plan]) -> list[Evidence]:
    """The evidence of each plan, without a search for its results."""
    words = Words.of(collection.words) if collection.words else None
    queries = [plan.searches(NEAREST) for plan in plans]
    for each in queries:
        each.pop(CODE, None)
    found, by_term = rank(store, collection.variant, queries, map(term_queries, plans))
    numbers = {number for parts in found for number in nearest_by_words(parts)}
    facts = store.facts(collection.variant, numbers, ["title"])
    return [
        Evidence.of(Nearest(parts, titles_of(parts, facts), each), words, collection.points)
        for parts, each in zip(found, by_term, strict=True)
    ]


def rank(
    store: Store,
    variant: str,
    queries: Iterable[Mapping[str, VectorQuery]],
    terms: Iterable[Mapping[int, VectorQuery]],
) -> tuple[list[dict[str, Ranking[int]]], list[dict[int, Ranking[int]]]]:
    """What the searches of parts and of terms find, all in one request.

    Args:
        store: where the collection is.
        variant: whose collection.
        queries: of each plan, by part.
        terms: searches by term.

    Returns:
        The ranking of each search, in the same order and by the same names.
    """
    by_part, by_term = list(queries), list(terms)
    requested = [each for named in by_part for each in named.values()]
    requested += [each for named in by_term for each in named.values()]
    answers = iter(store.rank_batch(variant, requested))
    found = [{part: next(answers) for part in named} for named in by_part]
    return found, [{term: next(answers) for term in named} for named in by_term]


def term_queries(plan: Plan) -> dict[int, VectorQuery]:
    """The searches for the best product of each term of a plan's words."""
    vector = plan.parts.get(WORDS)
    if not isinstance(vector, SparseVector):
        return {}
    return {
        int(index): VectorQuery(
            WORDS,
            SparseVector(np.array([index], np.uint32), np.array([value], np.float32)),
            1,
            plan.filters,
        )
        for index, value in zip(vector.indices, vector.values, strict=True)
        if index < CODES
    }


def nearest_by_words(parts: Mapping[str, Ranking[int]]) -> Sequence[int]:
    """The point ids of the products whose titles are looked at."""
    return parts[WORDS].ids[:NEAREST] if WORDS in parts else ()


def titles_of(
    parts: Mapping[str, Ranking[int]], facts: Mapping[int, Mapping[str, object]]
) -> list[str]:
    """The titles of these products; one that was removed meanwhile is left out."""
    return [
        str(facts[number].get("title", "")) for number in nearest_by_words(parts) if number in facts
    ]


def coverage(title: str, words: Words, masses: Mapping[int, float]) -> float:
    """The share of a query's words, weighted by how rare they are, that a title has."""
    document = words.document(title)
    present = set(document.indices.tolist()) if document else set()
    covered = sum(mass for term, mass in masses.items() if term in present)
    return covered / sum(masses.values())
