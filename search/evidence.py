"""Evidence of whether a shop has what a text looks for: what a search finds, as numbers.

It is of the whole shop: filters leave products that have nothing to do with the query. The best
products of each part are those of the search itself where it has no filters; else they are searched
for beside it. So is each of the text's terms, all in one request.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qdrant.model import WORDS, Collection, Filters, Ranking, SparseVector, VectorQuery
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
    queries: list[Mapping[Any, VectorQuery]] = [
        *map(part_queries, plans),
        *map(term_queries, plans),
    ]
    ranked = rank(store, collection.variant, queries)
    found, by_term = ranked[: len(plans)], ranked[len(plans) :]
    numbers = {number for parts in found for number in nearest_by_words(parts)}
    facts = store.facts(collection.variant, numbers, ["title"])
    return [
        Evidence.of(Nearest(parts, titles_of(parts, facts), each), words, collection.points)
        for parts, each in zip(found, by_term, strict=True)
    ]


def rank(
    store: Store, variant: str, queries: Sequence[Mapping[Any, VectorQuery]]
) -> list[dict[Any, Ranking[int]]]:
    """What named searches find, all in one request; in the same order and by the same names."""
    requested = [each for named in queries for each in named.values()]
    answers = iter(store.rank_batch(variant, requested))
    return [{name: next(answers) for name in named} for named in queries]


def is_narrowed(plan: Plan) -> bool:
    """Whether a plan's filters leave a part of the shop; products it leaves out do not count."""
    return plan.filters != _in_shop(plan)


def _in_shop(plan: Plan) -> Filters:
    return Filters(exclude=plan.filters.exclude)


def part_queries(plan: Plan) -> dict[str, VectorQuery]:
    """The searches for the best products of each part of a plan, in the whole shop."""
    searches = replace(plan, filters=_in_shop(plan)).searches(NEAREST)
    searches.pop(CODE, None)
    return searches


def term_queries(plan: Plan) -> dict[int, VectorQuery]:
    """The searches for the best product of each term of a plan's words, in the whole shop."""
    vector = plan.parts.get(WORDS)
    if not isinstance(vector, SparseVector):
        return {}
    return {
        int(index): VectorQuery(
            WORDS,
            SparseVector(np.array([index], np.uint32), np.array([value], np.float32)),
            1,
            _in_shop(plan),
            ties=False,  # its score alone matters, and many products have a term alike
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
