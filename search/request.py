"""Queries from plain values, for every interface: command line, page, Python and HTTP."""

from collections.abc import Iterable
from typing import TypedDict

from PIL.Image import Image

from qdrant.model import NO_FILTERS, Filters
from search.query import Query
from search.where import Conditions, read_where

Texts = str | Iterable[str]  # one, or several
NAMED = ("like", "unlike", "without")  # options of a query for something


class FilterOptions(TypedDict, total=False):
    """What every product must satisfy; all of it must hold.

    Attributes:
        categories: one of these: a department, a deeper step, or a path as "Kitchen > Kettles".
        brands: one of these.
        price_min: price at least this; a product without a price never matches.
        price_max: price at most this.
        rating_min: rating at least this.
        in_stock: only products in stock, or only those that are not; None for both.
        where: conditions on attributes and fields, as `search.where.read_where` reads them.
    """

    categories: Texts
    brands: Texts
    price_min: float | None
    price_max: float | None
    rating_min: float | None
    in_stock: bool | None
    where: Conditions


class QueryOptions(FilterOptions, total=False):
    """How to search; the other attributes of `search.query.Query`, by the same names."""

    k: int
    offset: int
    like: Texts
    unlike: Texts
    without: Texts
    match: str
    vector: str
    weight: float
    sort: str
    diverse: bool
    fold: bool


def read_filters(options: FilterOptions) -> Filters:
    """The filters of some options, with names and values as they were written.

    Raises:
        QueryError: a condition cannot be read.
    """
    return Filters(
        categories=_texts(options.get("categories", ())),
        brands=_texts(options.get("brands", ())),
        price_min=options.get("price_min"),
        price_max=options.get("price_max"),
        rating_min=options.get("rating_min"),
        in_stock=options.get("in_stock"),
        where=read_where(options.get("where", ())),
    )


def is_browsing(text: str, picture: Image | None, options: QueryOptions) -> bool:
    """Whether products are listed by filters and order alone, without anything to search for."""
    if text.strip() or picture or any(options.get(name) for name in NAMED):
        return False
    return bool(options.get("sort")) or read_filters(options) != NO_FILTERS


def read_query(text: str, picture: Image | None, options: QueryOptions) -> Query:
    """The query of words, a picture and some options.

    Raises:
        QueryError: there is nothing to search for, or a value is out of its range.
    """
    return Query(
        text,
        picture,
        read_filters(options),
        k=options.get("k", 10),
        vector=options.get("vector", ""),
        weight=options.get("weight", 0.5),
        like=_texts(options.get("like", ())),
        match=options.get("match", ""),
        offset=options.get("offset", 0),
        fold=options.get("fold", True),
        sort=options.get("sort", ""),
        unlike=_texts(options.get("unlike", ())),
        without=_texts(options.get("without", ())),
        diverse=options.get("diverse", False),
    )


def _texts(texts: Texts) -> tuple[str, ...]:
    if isinstance(texts, str):
        return (texts,) if texts else ()
    return tuple(texts)
