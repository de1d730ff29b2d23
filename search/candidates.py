"""Candidates: what the parts of a search find, as one ranking, level by level.

Each level has more candidates than the one before. It is ranked by itself, and its new candidates
are appended: so the order of the first results does not depend on how many are shown, though scores
of a part are scaled over the candidates of a level.

The parts are fused by point ids alone, since to read a payload takes longer than to find a product.
The facts that the later stages need are then read of the best.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from qdrant.model import Ranking
from qdrant.ranking import runs_of_equals
from qdrant.store import Store
from search.avoidance import drop_avoided
from search.evidence import Nearest, nearest_by_words, rank, term_queries, titles_of
from search.exact import CODE, CODE_FACTS, EXACT_FACTS, put_exact_first
from search.folding import FOLD_FACTS
from search.formula import FORMULA_FACTS, rescore
from search.fusion import Candidate, Fused, best_of, fuse
from search.ordering import FACTS
from search.plan import Plan
from search.settings import CANDIDATES, SearchSettings

# Candidates of each part, level by level. A search by vectors needs no more than are shown and
# folded. What is sorted is chosen from all that fits, whatever the page.
FUSED_LEVELS = (CANDIDATES, 2_000, 10_000)
SINGLE_LEVELS = (50, 200, 1_000, 4_000, 10_000)
SORTED_LEVELS = (2_000,)
# Share of a level's depth that is kept of what is fused. The rest is found again by the next level.
KEPT = 0.5


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
            # Scores of two levels do not compare: those of the deeper one are scaled to lie below.
            scale = min(1.0, self.candidates[-1].score / (new[0].score or 1.0))
            new = [replace(candidate, score=scale * candidate.score) for candidate in new]
        self.candidates += new
        self.level += 1
        self.more = full and self.level < len(self.levels)


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
        (search, depth)
        for search, count in zip(searches, needed, strict=True)
        for depth in search.next_levels(count)
    ]
    gathering = [
        row
        for row, (search, depth) in enumerate(levels)
        if search.gathers and search.level == 0 and depth == search.levels[0]
    ]
    queries = (search.plan.searches(depth) for search, depth in levels)
    terms = (term_queries(levels[row][0].plan) for row in gathering)
    found, by_term = rank(store, variant, queries, terms)
    codes = [parts.pop(CODE, Ranking()) for parts in found]
    fused = [
        _fused(search, parts, depth, settings)
        for (search, depth), parts in zip(levels, found, strict=True)
    ]
    names = _facts([search.plan for search, _ in levels], settings)
    names |= set(CODE_FACTS) if any(map(len, codes)) else set()
    names |= {"title"} if gathering else set()
    numbers = {number for each in (*codes, *fused) for number in each.ids}
    numbers |= {number for row in gathering for number in nearest_by_words(found[row])}
    facts = store.facts(variant, numbers, sorted(names))
    for row, best in zip(gathering, by_term, strict=True):
        levels[row][0].nearest = Nearest(found[row], titles_of(found[row], facts), best)
    ranked = [
        _ranked(
            search.plan,
            [facts[number] for number in code.ids if number in facts],
            rescore(list(_candidates(each, facts)), settings.formula),
        )
        for (search, _), code, each in zip(levels, codes, fused, strict=True)
    ]
    if any(search.plan.avoided for search in searches):
        ranked = drop_avoided(store, variant, [search.plan.avoided for search, _ in levels], ranked)
    for (search, depth), parts, candidates in zip(levels, found, ranked, strict=True):
        search.append(candidates, full=_full(parts, depth))


def _facts(plans: Sequence[Plan], settings: SearchSettings) -> set[str]:
    """The facts that the stages of these plans need."""
    facts: set[str] = set(FORMULA_FACTS if settings.formula else ())
    for plan in plans:
        facts |= set(EXACT_FACTS if plan.weights else ())
        facts |= set(FOLD_FACTS if plan.query.fold else ())
        facts |= set(FACTS[plan.query.sort] if plan.query.sort else ())
        facts |= {"picture"} if plan.pictureless else set()
    return facts


def _full(found: Mapping[str, Ranking[int]], depth: int) -> bool:
    """Whether the store may have more products than a level has."""
    return any(len(hits) == depth for hits in found.values())


def _fused(
    search: Search, found: Mapping[str, Ranking[int]], depth: int, settings: SearchSettings
) -> Fused[int]:
    """The best products of all parts, all of those whose scores are equal."""
    plan = search.plan
    if not plan.weights:
        return best_of(found, depth)
    ranked_by_facts = plan.query.sort or any(settings.formula.values())
    deeper = depth < search.levels[-1] and _full(found, depth)
    least = int(KEPT * depth) if deeper and not ranked_by_facts else None
    return fuse(found, plan.weights, settings.method, least)


def _candidates(fused: Fused[int], facts: Mapping[int, Mapping[str, Any]]) -> Iterator[Candidate]:
    """What was fused with product ids and facts, equal scores by ascending id.

    A product that was removed since it was found is left out.
    """
    for start, end in runs_of_equals(fused.scores):
        run = [
            Candidate(facts[number]["id"], score, fused.places(number), facts[number])
            for number, score in zip(fused.ids[start:end], fused.scores[start:end], strict=True)
            if number in facts
        ]
        yield from sorted(run, key=lambda each: each.id) if run[1:] else run


def _ranked(
    plan: Plan, codes: Sequence[Mapping[str, Any]], candidates: list[Candidate]
) -> list[Candidate]:
    """Candidates in their order, exact matches of the text before all others."""
    return list(put_exact_first(plan.query, codes, candidates)) if plan.weights else candidates
