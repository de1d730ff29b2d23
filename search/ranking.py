"""Ranking: from searches to the groups that are shown.

A stage is added in `_arranged`, or where it needs the store, in `_finished`.
"""

from collections.abc import Mapping, Sequence

from qdrant.model import Point
from qdrant.store import Store
from search.candidates import Search, extend
from search.diversity import CHOSEN_FROM, diversify
from search.folding import Group, fold_variants
from search.ordering import fitting, sort
from search.plan import Plan
from search.settings import SearchSettings


def rank_searches(
    store: Store, variant: str, searches: Sequence[Search], settings: SearchSettings
) -> list[list[Group]]:
    """The page of each search: `k` groups from `offset` on, fewer where fewer match.

    Args:
        store: where the collection is.
        variant: whose collection.
        searches: new; all are made in one request, and what a page lacks in another one.
        settings: how parts are fused.
    """
    plans = [search.plan for search in searches]
    groups: list[list[Group]] = [[] for _ in plans]
    rows = list(range(len(plans)))
    while rows:
        needed = [_needed(plans[row]) for row in rows]
        extend(store, variant, [searches[row] for row in rows], needed, settings)
        for row in rows:
            groups[row] = _arranged(searches[row])
        rows = [
            row for row in rows if searches[row].more and len(groups[row]) < _needed(plans[row])
        ]
    return _finished(store, variant, plans, groups)


def _needed(plan: Plan) -> int:
    """Groups that the page is cut from."""
    query = plan.query
    return max(query.offset + query.k, CHOSEN_FROM if query.diverse else 0)


def _arranged(search: Search) -> list[Group]:
    """All groups of a search in their order."""
    query = search.plan.query
    candidates = search.candidates
    if query.sort:
        candidates = sort(fitting(candidates), query.sort)
    return fold_variants(candidates) if query.fold else [Group(each) for each in candidates]


def _finished(
    store: Store, variant: str, plans: Sequence[Plan], groups: Sequence[list[Group]]
) -> list[list[Group]]:
    """The pages, once all groups are there."""
    varied = {
        group.best.id
        for plan, found in zip(plans, groups, strict=True)
        if plan.query.diverse
        for group in found[:CHOSEN_FROM]
    }
    points = store.retrieve(variant, sorted(varied), vectors=True) if varied else {}
    return [_page(plan, found, points) for plan, found in zip(plans, groups, strict=True)]


def _page(plan: Plan, groups: list[Group], points: Mapping[str, Point]) -> list[Group]:
    query = plan.query
    if query.diverse:
        groups = diversify(groups, points, plan.compared)
    page = groups[query.offset : query.offset + query.k]
    if plan.pictureless:
        return [group for group in page if not group.best.facts.get("picture")]
    return page
