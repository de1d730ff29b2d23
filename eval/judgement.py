"""Which queries can be measured, and which of their right answers can be found at all.

A query without one is excluded and counted, never scored 0 in silence. All variants are judged
on the same queries and the same right answers, those that every one of them could find.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval.errors import LeakError, NothingToMeasure
from eval.groups import normalised
from eval.queries import LabelledQuery, QuerySet
from eval.retrieval import Manner
from qdrant.store import Store


@dataclass
class Judgement:
    """What remains to be measured, and what does not.

    Attributes:
        qrels: grade, from 1, by product by query.
        products: what is told of each right answer, by id.
        unknown: product ids of the qrels that are in no collection.
        hidden: right answers that are there and cannot be found: they lack the vector that is
            searched, or stand in another category than the one that is searched.
        excluded: queries without a right answer that can be found.
    """

    qrels: dict[str, dict[str, int]] = field(default_factory=dict)
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    excluded: list[str] = field(default_factory=list)


def judge(queries: QuerySet, stores: Mapping[str, Store], manner: Manner) -> Judgement:
    """Hold the qrels against the collections.

    Args:
        queries: the query set.
        stores: where the collection of each variant lives, by variant.
        manner: how the queries will be asked.

    Raises:
        NothingToMeasure: no query has a right answer that could be found.
    """
    named = sorted({name for query in queries for name, grade in query.relevant.items() if grade})
    judgement = Judgement()
    shared: set[str] | None = None
    pictured: set[str] | None = None
    for variant, store in stores.items():
        points = store.retrieve(variant, named)
        judgement.products |= {name: point.payload for name, point in points.items()}
        with_picture = {name for name, point in points.items() if point.payload.get("picture")}
        shared = set(points) if shared is None else shared & set(points)
        pictured = with_picture if pictured is None else pictured & with_picture
    judgement.unknown = set(named) - (shared or set())
    for query in queries:
        _judge_query(query, judgement, pictured or set(), manner)
    if not judgement.qrels:
        raise NothingToMeasure(
            f"None of the {len(queries):,} queries of {queries.name} has a relevant product that "
            f"could be found. {_why_nothing(queries, len(named), judgement)}"
        )
    return judgement


def _why_nothing(queries: QuerySet, named: int, judgement: Judgement) -> str:
    """The likeliest reason why no query can be measured, and what to do."""
    if not named:
        told = "; ".join(f"{count:,} {note}" for note, count in queries.notes.items() if count)
        return (told or "They name none at all") + ". Do they belong to this catalogue?"
    if judgement.hidden:
        return (
            f"{len(judgement.hidden):,} of {named:,} are there and lack the vector that is "
            "searched, for want of a picture: search --vector text, or give the queries a "
            "category that holds their products."
        )
    return f"Not one of their {named:,} product ids is in the catalogue. Do they belong to it?"


def _judge_query(
    query: LabelledQuery, judgement: Judgement, pictured: set[str], manner: Manner
) -> None:
    findable: dict[str, int] = {}
    for name, grade in query.relevant.items():
        if not grade or name in judgement.unknown:
            continue
        seen = manner.vector_of(query) == "text" or name in pictured
        elsewhere = (
            manner.within_category
            and query.category
            and judgement.products[name].get("category", "") != query.category
        )
        if seen and not elsewhere:
            findable[name] = grade
        else:
            judgement.hidden.add(name)
    if findable:
        judgement.qrels[query.id] = findable
    else:
        judgement.excluded.append(query.id)


def refuse_leaks(queries: QuerySet, vector: str) -> None:
    """Refuse to score queries against a vector that they were tied away from.

    Args:
        queries: the query set.
        vector: the vector asked for on the command line; empty when none was.

    Raises:
        LeakError: a query names another vector as its only one.
    """
    if not vector:
        return
    for query in queries:
        if query.vector and query.vector != vector:
            kind = f" ({query.kind})" if query.kind else ""
            raise LeakError(
                f"The queries of {queries.name}{kind} are scored against `{query.vector}` only: "
                f"`{vector}` would find products by the very words or pixels that are asked for. "
                "Leave --vector out."
            )


def repeats_an_answer(
    query: LabelledQuery,
    products: Sequence[Mapping[str, Any]],
    picture_hash: str,
    manner: Manner,
) -> bool:
    """Whether a query says the title, or shows the picture, that a right answer carries.

    Args:
        query: the query.
        products: what is told of its right answers.
        picture_hash: of the query's picture; empty without one.
        manner: how it is asked.
    """
    vector = manner.vector_of(query)
    words = normalised(query.text)
    says = vector != "image" and any(
        words and normalised(product.get("title", "")) == words for product in products
    )
    # A picture taken from the store is another file than the original that it is named after.
    pictures = {picture_hash, Path(query.picture).stem} - {""}
    shows = vector != "text" and any(product.get("picture") in pictures for product in products)
    return says or shows
