"""Which queries can be measured, and which of their relevant products can be found at all.

A query without one is excluded and counted, never scored 0 silently. All variants are measured on
the same queries and the same relevant products: those that every variant could find.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval import EvalError
from eval.groups import normalize_title
from eval.queries import COUNTS, LabelledQuery, QuerySet
from eval.settings import Settings
from qdrant.store import Store


@dataclass(frozen=True)
class Judgement:
    """What can be measured.

    Attributes:
        qrels: grade, from 1, by product by query: relevant products that can be found, and queries
            that have any.
        products: the payload of each relevant product, by id.
        counts: what cannot be measured, by a name of `eval.queries.COUNTS`.
    """

    qrels: dict[str, dict[str, int]]
    products: dict[str, dict[str, Any]]
    counts: dict[str, int]


def judge(
    queries: QuerySet, store: Store, variants: Sequence[str], settings: Settings
) -> Judgement:
    """Compare the qrels with the collections.

    A relevant product is hidden when it lacks the vector that is searched, or is of another
    category than the one that is searched.

    Raises:
        EvalError: no query has a relevant product that could be found.
    """
    named = sorted({name for query in queries for name, grade in query.relevant.items() if grade})
    known, pictured = set(named), set(named)
    products: dict[str, dict[str, Any]] = {}
    for variant in variants:
        points = store.retrieve(variant, named)
        products |= {name: point.payload for name, point in points.items()}
        known &= points.keys()
        pictured &= {name for name, point in points.items() if point.payload.get("picture")}
    pictured &= known
    qrels: dict[str, dict[str, int]] = {}
    hidden: set[str] = set()
    for query in queries:
        category = query.category if settings.within_category else ""
        searched = known if settings.finds_any(query) else pictured
        for name, grade in query.relevant.items():
            if grade and name in known:
                if name in searched and category in ("", products[name].get("category", "")):
                    qrels.setdefault(query.id, {})[name] = grade
                else:
                    hidden.add(name)
    if not qrels:
        raise EvalError(
            f"None of the {len(queries):,} queries of {queries.name} has a relevant product that "
            f"could be found. {_why_nothing(queries, len(named), len(hidden))}"
        )
    counts = {
        "without_relevant": len(queries) - len(qrels),
        "unknown_products": len(named) - len(known),
        "hidden_products": len(hidden),
    }
    return Judgement(qrels, products, counts)


def _why_nothing(queries: QuerySet, named: int, hidden: int) -> str:
    """The likeliest reason why no query can be measured, and what to do."""
    if not named:
        counts = [f"{count:,} {COUNTS[name]}" for name, count in queries.counts.items() if count]
        reason = "; ".join(counts) or "They name none at all"
        return f"{reason}. Do they belong to this catalogue?"
    if hidden:
        return (
            f"{hidden:,} of {named:,} are there and lack the vector that is searched, because "
            "they have no picture: search --vector text, or give the queries a category that "
            "holds their products."
        )
    return f"Not one of their {named:,} product ids is in the catalogue. Do they belong to it?"


def refuse_leaks(queries: QuerySet, settings: Settings) -> None:
    """Refuse to score queries against what contains their own words or pixels.

    Raises:
        EvalError: a query names a vector as its only one, and the settings search by another one,
            or by words.
    """
    by_words = [f"--match {match}" for match in settings.matches if match != "vectors"]
    for query in queries:
        others = set(settings.vectors) - {query.vector}
        leaking = [*by_words, *(["--vector"] if others else [])]
        if query.vector and leaking:
            kind = f" ({query.kind})" if query.kind else ""
            raise EvalError(
                f"The queries of {queries.name}{kind} are scored against `{query.vector}` only: "
                f"with {leaking[0]} they are compared with their own words or pixels, a leak. "
                f"Leave {leaking[0]} out."
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
