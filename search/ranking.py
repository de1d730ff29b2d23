"""Ranking: from plans to the groups that are shown, in one request to the store.

A plan is searched for in levels, each with more candidates than the one before, until its page is
filled. Level by level the candidates are ranked, and those of a deeper level are appended: so the
order of the first results does not depend on which page is shown, though scores of a part are
scaled over the candidates of a level.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from qdrant.model import WORDS, Hit, VectorQuery
from qdrant.store import Store
from qdrant.words import normalize_code
from search.folding import FOLD_FACTS, Group, fold_variants
from search.fusion import Candidate, PartScore, fuse
from search.plan import CODE, Plan
from search.settings import CANDIDATES, SearchSettings

# Candidates of each part, level by level. A single part needs no more than are shown and folded.
FUSED_LEVELS = (CANDIDATES, 2_000, 10_000)
SINGLE_LEVELS = (50, 200, 1_000, 4_000, 10_000)
CODE_FIELDS = ("id", "sku", "gtin")


@dataclass
class _Search:
    """A plan, and the candidates that were found so far.

    Attributes:
        plan: what is searched for.
        levels: candidates of each part, level by level.
        candidates: of the levels so far, best first.
        level: the next one.
        more: whether the store may have products beyond the levels so far.
    """

    plan: Plan
    levels: Sequence[int]
    candidates: list[Candidate]
    level: int = 0
    more: bool = True


def rank_plans(
    store: Store, variant: str, plans: Sequence[Plan], settings: SearchSettings
) -> list[list[Group]]:
    """The page of each plan: `k` groups from `offset` on, fewer where fewer match.

    Args:
        store: where the collection is.
        variant: whose collection.
        plans: all are searched for in one request; what a page lacks, in another one.
        settings: how parts are fused.
    """
    searches = [
        _Search(plan, FUSED_LEVELS if plan.weights else SINGLE_LEVELS, []) for plan in plans
    ]
    groups: list[list[Group]] = [[] for _ in plans]
    rows = list(range(len(plans)))
    while rows:
        _search(store, variant, [searches[row] for row in rows], settings)
        for row in rows:
            groups[row] = _arranged(searches[row].plan, searches[row].candidates)
        rows = [
            row
            for row in rows
            if searches[row].more and len(groups[row]) < _needed(searches[row].plan)
        ]
    return [
        found[plan.query.offset : _needed(plan)] for plan, found in zip(plans, groups, strict=True)
    ]


def _needed(plan: Plan) -> int:
    """Groups that the page needs."""
    return plan.query.offset + plan.query.k


def _arranged(plan: Plan, candidates: Sequence[Candidate]) -> list[Group]:
    """All groups of a plan in the order in which they are shown: the stages after ranking."""
    if not plan.query.fold:
        return [Group(candidate) for candidate in candidates]
    return fold_variants(candidates)


def _search(
    store: Store, variant: str, searches: Sequence[_Search], settings: SearchSettings
) -> None:
    """Append the candidates of the levels that each search needs next, found in one request."""
    requests = [(search, depth) for search in searches for depth in _next_levels(search)]
    queries = [_vector_queries(search.plan, depth) for search, depth in requests]
    answers = iter(
        store.search_batch(variant, [each for named in queries for each in named.values()])
    )
    for (search, depth), named in zip(requests, queries, strict=True):
        found = {name: next(answers) for name in named}
        seen = {candidate.id for candidate in search.candidates}
        ranked = _ranked(search.plan, found, settings)
        new = [candidate for candidate in ranked if candidate.id not in seen]
        search.candidates += _below(search, new) if search.plan.weights else new
        search.level += 1
        full = any(len(hits) == depth for name, hits in found.items() if name != CODE)
        search.more = full and search.level < len(search.levels)


def _next_levels(search: _Search) -> list[int]:
    """The next level, and those after it up to one that is as deep as the page."""
    needed = _needed(search.plan)
    reached = next(
        (number for number, depth in enumerate(search.levels) if depth >= needed),
        len(search.levels) - 1,
    )
    return list(search.levels[search.level : max(reached, search.level) + 1])


def _vector_queries(plan: Plan, depth: int) -> dict[str, VectorQuery]:
    """The searches of a plan's parts."""
    facts = FOLD_FACTS if plan.query.fold else ()
    return {
        name: VectorQuery(
            WORDS if name == CODE else name,
            vector,
            depth,
            plan.filters,
            payload=(*facts, *CODE_FIELDS) if name == CODE else facts,
        )
        for name, vector in plan.parts.items()
    }


def _ranked(
    plan: Plan, found: Mapping[str, Sequence[Hit]], settings: SearchSettings
) -> list[Candidate]:
    """The products of all parts, best first: those with the query as a code before all others."""
    if not plan.weights:
        [(name, hits)] = found.items()
        return [
            Candidate(hit.id, hit.score, {name: PartScore(rank, hit.score)}, hit.payload)
            for rank, hit in enumerate(hits, start=1)
        ]
    parts = {name: hits for name, hits in found.items() if name != CODE}
    fused = fuse(parts, plan.weights, settings.method)
    return list(_exact_first(plan.query.text, found.get(CODE, ()), fused))


def _exact_first(text: str, hits: Sequence[Hit], fused: Sequence[Candidate]) -> Iterator[Candidate]:
    """Candidates, those with a text as their code first, ascending by id.

    Hits whose codes only have the same hash as the text are none.
    """
    code = normalize_code(text)
    others = {candidate.id: candidate for candidate in fused}
    for hit in sorted(hits, key=lambda hit: hit.id):
        codes = (str(hit.payload.get(field, "")) for field in CODE_FIELDS)
        if code in map(normalize_code, codes):
            place = others.pop(hit.id, None)
            parts = {**(place.parts if place else {}), CODE: PartScore(1, 1.0)}
            yield Candidate(hit.id, 1.0, parts, hit.payload)
    yield from others.values()


def _below(search: _Search, deeper: Sequence[Candidate]) -> Sequence[Candidate]:
    """Candidates of a deeper level, their scores scaled to lie below those of the level before."""
    if not (search.candidates and deeper):
        return deeper
    last, first = search.candidates[-1].score, deeper[0].score
    scale = min(1.0, last / first) if first > 0 else 1.0
    return [replace(candidate, score=scale * candidate.score) for candidate in deeper]
