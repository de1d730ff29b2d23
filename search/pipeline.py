"""From resolved queries to results: plan, rank, and read what is shown."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qdrant.layout import PHRASE_INDEX
from qdrant.model import Collection, Hit, Point
from qdrant.store import Store
from qdrant.words import Words
from search.candidates import Search
from search.embedding import QueryVectors
from search.filter_values import check_values
from search.folding import Group
from search.matched import matched_words, query_words
from search.plan import Plan, Planner, named_products
from search.query import Query
from search.ranking import rank_searches
from search.results import Folded, Result, Results
from search.settings import SearchSettings


def make_plans(
    store: Store,
    collection: Collection,
    queries: Sequence[Query],
    vectors: Mapping[int, QueryVectors],
    settings: SearchSettings,
) -> tuple[Planner, list[Plan]]:
    """The plan of each query's results, and what made them.

    Raises:
        QueryError: the collection has no product that a query names, or cannot be compared with it.
    """
    named = list(named_products(queries))
    products = store.retrieve(collection.variant, named, vectors=True) if named else {}
    planner = Planner(collection, settings, products)
    return planner, [planner.plan(query, vectors.get(row)) for row, query in enumerate(queries)]


def find(
    store: Store,
    collection: Collection,
    queries: Sequence[Query],
    vectors: Mapping[int, QueryVectors],
    settings: SearchSettings,
    *,
    pictureless: bool,
    gathers: Callable[[Plan], bool],
) -> tuple[list[Search], list[Results]]:
    """The search and the results of each query, without their times.

    Args:
        store: where the collection is.
        collection: that is searched.
        queries: resolved.
        vectors: of those that a model has to encode, by row.
        settings: of the search.
        pictureless: whether the collection has products without a picture.
        gathers: whether a plan's search also looks for the evidence of a confidence.

    Raises:
        QueryError: no product has the category, brand or id of a query.
    """
    name = collection.variant
    planner, plans = make_plans(store, collection, queries, vectors, settings)
    others: dict[int, Plan] = {}
    for row, plan in enumerate(plans if pictureless else ()):
        if other := planner.plan_without_picture(plan, vectors.get(row)):
            others[row] = other
    every = [*plans, *others.values()]
    searches = [
        Search(plan, gathers=row < len(plans) and gathers(plan)) for row, plan in enumerate(every)
    ]
    ranked = rank_searches(store, name, searches, settings)
    points = store.retrieve(name, [group.best.id for groups in ranked for group in groups])
    results = [
        tuple(_results(plan, groups, points, collection))
        for plan, groups in zip(every, ranked, strict=True)
    ]
    beside = dict(zip(others, results[len(plans) :], strict=True))
    for query, listed in zip(queries, results, strict=False):
        if not listed and not query.offset:
            check_values(store, name, query.filters)
    found = [Results(results[row], beside.get(row, ())) for row in range(len(plans))]
    return searches[: len(plans)], found


def shown_facts(point: Point | Hit) -> dict[str, Any]:
    """A payload without what is of use to the search alone."""
    return {name: fact for name, fact in point.payload.items() if name != PHRASE_INDEX}


def _results(
    plan: Plan, groups: Sequence[Group], points: Mapping[str, Point], collection: Collection
) -> Iterable[Result]:
    """The results of a page; a product that was removed since it was found is left out."""
    wanted = query_words(plan.query.text, Words.of(collection.words)) if collection.words else {}
    present = [group for group in groups if group.best.id in points]
    for rank, group in enumerate(present, start=plan.query.offset + 1):
        best = group.best
        yield Result(
            rank,
            best.id,
            best.score,
            plan.name,
            shown_facts(points[best.id]),
            dict(best.parts),
            tuple(Folded(each.id, each.facts.get("title", "")) for each in group.others),
            matched_words(wanted, points[best.id].payload.get(PHRASE_INDEX, "")),
        )
