"""Which queries can be measured, and which of their relevant products can be found at all.

A query without one is excluded and counted, never scored 0 silently. All variants are measured on
the same queries and the same relevant products: those that every variant could find.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eval import EvalError
from eval.groups import normalize_title
from eval.queries import COUNTS, LabelledQuery, QuerySet
from eval.settings import Settings
from qdrant.store import Store


@dataclass
class Judgement:
    """What can be measured, and what cannot.

    Attributes:
        qrels: grade, from 1, by product by query.
        products: the payload of each relevant product, by id.
        unknown: product ids of the qrels that are in no collection.
        hidden: relevant products that are there and cannot be found: they lack the vector that is
            searched, or are of another category than the one that is searched.
        excluded: queries without a relevant product that can be found.
    """

    qrels: dict[str, dict[str, int]] = field(default_factory=dict)
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    hidden: set[str] = field(default_factory=set)
    excluded: list[str] = field(default_factory=list)


def judge(
    queries: QuerySet, store: Store, variants: Sequence[str], settings: Settings
) -> Judgement:
    """Compare the qrels with the collections.

    Raises:
        EvalError: no query has a relevant product that could be found.
    """
    named = sorted({name for query in queries for name, grade in query.relevant.items() if grade})
    judgement = Judgement()
    known, pictured = set(named), set(named)
    for variant in variants:
        points = store.retrieve(variant, named)
        judgement.products |= {name: point.payload for name, point in points.items()}
        known &= points.keys()
        pictured &= {name for name, point in points.items() if point.payload.get("picture")}
    judgement.unknown = set(named) - known
    for query in queries:
        _judge_query(query, judgement, pictured, settings)
    if not judgement.qrels:
        raise EvalError(
            f"None of the {len(queries):,} queries of {queries.name} has a relevant product that "
            f"could be found. {_why_nothing(queries, len(named), judgement)}"
        )
    return judgement


def _judge_query(
    query: LabelledQuery, judgement: Judgement, pictured: Collection[str], settings: Settings
) -> None:
    findable: dict[str, int] = {}
    category = query.category if settings.within_category else ""
    for name, grade in query.relevant.items():
        if not grade or name in judgement.unknown:
            continue
        has_vector = settings.vector_of(query) == "text" or name in pictured
        if has_vector and category in ("", judgement.products[name].get("category", "")):
            findable[name] = grade
        else:
            judgement.hidden.add(name)
    if findable:
        judgement.qrels[query.id] = findable
    else:
        judgement.excluded.append(query.id)


def _why_nothing(queries: QuerySet, named: int, judgement: Judgement) -> str:
    """The likeliest reason why no query can be measured, and what to do."""
    if not named:
        counts = [f"{count:,} {COUNTS[name]}" for name, count in queries.counts.items() if count]
        reason = "; ".join(counts) or "They name none at all"
        return f"{reason}. Do they belong to this catalogue?"
    if judgement.hidden:
        return (
            f"{len(judgement.hidden):,} of {named:,} are there and lack the vector that is "
            "searched, because they have no picture: search --vector text, or give the queries a "
            "category that holds their products."
        )
    return f"Not one of their {named:,} product ids is in the catalogue. Do they belong to it?"


def refuse_leaks(queries: QuerySet, vector: str) -> None:
    """Refuse to score queries against a vector that contains their own words or pixels.

    Args:
        queries: the query set.
        vector: the vector given on the command line; empty when none was.

    Raises:
        EvalError: a query names another vector as its only one.
    """
    for query in queries if vector else ():
        if query.vector not in ("", vector):
            kind = f" ({query.kind})" if query.kind else ""
            raise EvalError(
                f"The queries of {queries.name}{kind} are scored against `{query.vector}` only: "
                f"`{vector}` contains the very words or pixels of the query, a leak. "
                "Leave --vector out."
            )


def repeats_a_product(
    query: LabelledQuery,
    products: Sequence[Mapping[str, Any]],
    picture_hash: str,
    vector: str,
) -> bool:
    """Whether a query has the title or the picture of a relevant product in the searched vector.

    Args:
        query: the query.
        products: the payloads of its relevant products.
        picture_hash: of the query's picture; empty without one.
        vector: the vector that is searched.
    """
    words = normalize_title(query.text)
    same_title = vector != "image" and any(
        words and normalize_title(product.get("title", "")) == words for product in products
    )
    # A picture taken from the store is another file than the original that it is named after.
    pictures = {picture_hash, Path(query.picture).stem} - {""}
    same_picture = vector != "text" and any(
        product.get("picture") in pictures for product in products
    )
    return same_title or same_picture
