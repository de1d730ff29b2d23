"""Candidates: what the parts of a search find, as one ranking, level by level.

Each level has more candidates than the one before. It is ranked by itself, and its new candidates
are appended: so the order of the first results does not depend on how many are shown, though scores
of a part are scaled over the candidates of a level.

The parts are fused by point ids alone, since to read a payload takes longer than to find a product.
The facts that the later stages need are then read of the best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from qdrant.model import Ranking, VectorQuery
from qdrant.ranking import ties
from qdrant.store import Store
from search.avoidance import drop_avoided
from search.evidence import (
    Nearest,
    is_narrowed,
    nearest_by_words,
    part_queries,
    rank,
    term_queries,
    titles_of,
)
from search.exact import CODE, CODE_FACTS, EXACT_FACTS, put_exact_first
from search.folding import FOLD_FACTS
from search.formula import FORMULA_FACTS, rescore
from search.fusion import Candidate, Fused, best_of, fuse
from search.ordering import FACTS
from search.plan import Plan
from search.settings import CANDIDATES, SearchSettings

# Candidates of each part, level by level. A search by vectors needs no more than are shown and
# folded. What is sorted is chosen from all that fits, whatever the page.
FUSED_LEVELS = (CANDIDATES, 2_000, 4_000, 10_000)
SINGLE_LEVELS = (50, 200, 1_000, 4_000, 10_000)
# Of the products without a picture that are shown beside others, few are on a page.
BESIDE_LEVELS = (25, *SINGLE_LEVELS)
SORTED_LEVELS = (2_000,)
# Share of a level's depth that is kept of what is fused. The rest is found again by the next level.
KEPT = 0.5
# The first score of a deeper level, as a share of the last one above it: scores of two levels do
# not compare, and products whose scores are equal are in the order of their ids.
BELOW = 1 - 1e-6

Facts = Mapping[int, Mapping[str, Any]]  # of products, by the numbers of their point ids


@dataclass
class Search:
    """A plan, and the candidates that were found so far.

    Attributes:
        plan: what is searched for.
        candidates: of the levels so far, best first.
        level: number of the next one.
        more: whether the store may have products beyond the levels so far.
        gathers: whether its first level also looks for the evidence of a confidence.
        nearest: that evidence.
    """

    plan: Plan
    candidates: list[Candidate] = field(default_factory=list)
    level: int = 0
    more: bool = True
    gathers: bool = False
    nearest: Nearest | None = None

    @property
    def levels(self) -> Sequence[int]:
        """Candidates of each part, level by level."""
        if self.plan.query.sort:
            return SORTED_LEVELS
        if self.plan.pictureless:
            return BESIDE_LEVELS
        return FUSED_LEVELS if self.plan.weights else SINGLE_LEVELS

    def next_levels(self, needed: int) -> Sequence[int]:
        """The next level, and those after it up to one that is as deep as is needed."""
        share = KEPT if self.plan.weights and not self.plan.query.sort else 1.0
        deep = [number for number, depth in enumerate(self.levels) if share * depth >= needed]
        last = max(self.level, deep[0] if deep else len(self.levels) - 1)
        return self.levels[self.level : last + 1]

    def append(self, ranked: Sequence[Candidate], *, full: bool) -> None:
        """Append the new candidates of a level.

        Args:
            ranked: all of the level, best first.
            full: whether the store may have more of them.
        """
        seen = {candidate.id for candidate in self.candidates}
        new = [candidate for candidate in ranked if candidate.id not in seen]
        if self.plan.weights and self.candidates and new:
            scale = min(1.0, BELOW * self.candidates[-1].score / (new[0].score or 1.0))
            new = [replace(candidate, score=scale * candidate.score) for candidate in new]
        self.candidates += new
        self.level += 1
        self.more = full and self.level < len(self.levels)


@dataclass
class _Level:
    """A level of a search, while its candidates are found.

    Attributes:
        search: that needs it.
        depth: candidates of each part.
        parts: what each part finds.
        codes: the products that may have the text as a code.
        fused: the best products of all parts.
        nearest: what each part finds in the whole shop, where a confidence needs it.
    """

    search: Search
    depth: int
    parts: Mapping[str, Ranking[int]] = field(default_factory=dict)
    codes: Sequence[int] = ()
    fused: Fused[int] = field(default_factory=Fused)
    nearest: Mapping[str, Ranking[int]] = field(default_factory=dict)

    @property
    def gathers(self) -> bool:
        """Whether it also looks for the evidence of a confidence."""
        return self.search.gathers and self.search.level == 0 and self.depth == self._levels[0]

    @property
    def narrowed(self) -> bool:
        """Whether that evidence is not in what it finds."""
        return is_narrowed(self.search.plan)

    @property
    def full(self) -> bool:
        """Whether the store may have more products than it has."""
        return any(len(hits) >= self.depth for hits in self.parts.values())

    @property
    def _levels(self) -> Sequence[int]:
        return self.search.levels

    def fuse(self, found: Mapping[str, Ranking[int]], settings: SearchSettings) -> None:
        """Take what its parts have found, and fuse it, all of those whose scores are equal."""
        plan = self.search.plan
        self.codes = found[CODE].ids if CODE in found else ()
        self.parts = {part: hits for part, hits in found.items() if part != CODE}
        if not plan.weights:
            self.fused = best_of(self.parts, self.depth)
            return
        ranked_by_facts = plan.query.sort or any(settings.formula.values())
        deeper = self.full and self.depth < self._levels[-1]
        least = int(KEPT * self.depth) if deeper and not ranked_by_facts else None
        self.fused = fuse(self.parts, plan.weights, settings.method, least)

    def facts(self, settings: SearchSettings) -> set[str]:
        """The names of the facts that the stages of its plan need."""
        plan = self.search.plan
        names = set(FORMULA_FACTS if settings.formula else ())
        names |= set(EXACT_FACTS if plan.weights else ())
        names |= set(CODE_FACTS if self.codes else ())
        names |= set(FOLD_FACTS if plan.query.fold else ())
        names |= set(FACTS[plan.query.sort] if plan.query.sort else ())
        names |= {"picture"} if plan.pictureless else set()
        return names | ({"title"} if self.gathers else set())

    def candidates(self, facts: Facts, settings: SearchSettings) -> list[Candidate]:
        """Its products in their order, exact matches of the text before all others.

        Equal scores by ascending id. A product that was removed since it was found is left out.
        """
        fused, plan = self.fused, self.search.plan
        found = [
            Candidate(facts[number]["id"], score, fused.places(number), facts[number])
            for number, score in zip(fused.ids, fused.scores, strict=True)
            if number in facts
        ]
        for start, end in ties([candidate.score for candidate in found]):
            found[start:end] = sorted(found[start:end], key=attrgetter("id"))
        found = rescore(found, settings.formula)
        if not plan.weights:
            return found
        codes = [facts[number] for number in self.codes if number in facts]
        return put_exact_first(plan.query, codes, found)


def extend(
    store: Store,
    variant: str,
    searches: Sequence[Search],
    needed: Sequence[int],
    settings: SearchSettings,
) -> None:
    """Append to each search the candidates of the levels that it needs next.

    All are found in one request, with the evidence of a confidence; in a second one where terms are
    avoided.

    Args:
        store: where the collection is.
        variant: whose collection.
        searches: those that lack candidates.
        needed: how many candidates each needs at least.
        settings: how parts are fused.
    """
    levels = [
        _Level(search, depth)
        for search, count in zip(searches, needed, strict=True)
        for depth in search.next_levels(count)
    ]
    gathering = [level for level in levels if level.gathers]
    queries: list[Mapping[Any, VectorQuery]] = [
        *(level.search.plan.searches(level.depth) for level in levels),
        *(part_queries(level.search.plan) for level in gathering if level.narrowed),
        *(term_queries(level.search.plan) for level in gathering),
    ]
    found = iter(rank(store, variant, queries))
    for level in levels:
        level.fuse(next(found), settings)
    for level in gathering:
        level.nearest = next(found) if level.narrowed else level.parts
    facts = _read_facts(store, variant, levels, settings)
    for level in gathering:
        titles = titles_of(level.nearest, facts)
        level.search.nearest = Nearest(level.nearest, titles, next(found))
    ranked = [level.candidates(facts, settings) for level in levels]
    if any(search.plan.avoided for search in searches):
        avoided = [level.search.plan.avoided for level in levels]
        ranked = drop_avoided(store, variant, avoided, ranked)
    for level, candidates in zip(levels, ranked, strict=True):
        level.search.append(candidates, full=level.full)


def _read_facts(
    store: Store, variant: str, levels: Sequence[_Level], settings: SearchSettings
) -> Facts:
    """The facts of all products that the stages look at, by the numbers of their point ids."""
    names: set[str] = set().union(*(level.facts(settings) for level in levels))
    numbers = {number for level in levels for number in (*level.codes, *level.fused.ids)}
    for level in levels:
        numbers |= set(nearest_by_words(level.nearest))
    return store.facts(variant, numbers, sorted(names))
