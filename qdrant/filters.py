"""Filters as conditions that both engines translate."""

import math
import re
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qdrant.errors import InvalidQuery
from qdrant.index_fields import PICTURED as PICTURED_FIELD
from qdrant.index_fields import STOCK, YES_NO, number_field
from qdrant.layout import PHRASE_INDEX
from qdrant.model import PATHS, PICTURED, TERMS, Filters, Range, Spec, Where
from qdrant.points import point_id

STEP = re.compile(r"\s*>\s*")  # between the steps of a category path
# Fields of a product that conditions name like attributes, and where they stand in a payload.
TEXT_FIELDS = {"brand": "brand", "category": "categories", "currency": "currency", "stock": STOCK}
NUMBER_FIELDS = ("price", "list_price", "rating")
DATE_FIELDS = ("released",)
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, *DATE_FIELDS)
# Conditions, and values in all of them together, that one search may have. The strict mode of our
# server collections refuses more than 64 conditions, those of all filters together.
MAX_CONDITIONS = 32
MAX_VALUES = 1_000


@dataclass(frozen=True)
class OneOf:
    """The field has one of these values."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Between:
    """The number or the date of the field is in the range."""

    field: str
    range: Range


@dataclass(frozen=True)
class HasVector:
    """The point has the vector."""

    name: str


@dataclass(frozen=True)
class HasId:
    """The point is one of these."""

    keys: tuple[uuid.UUID, ...]


@dataclass(frozen=True)
class HasPhrase:
    """The terms occur in the field one after another."""

    field: str
    terms: str


@dataclass(frozen=True)
class AnyOf:
    """One of these conditions holds."""

    conditions: tuple["Positive", ...]


@dataclass(frozen=True)
class Not:
    """The condition does not hold."""

    condition: "Positive"


Positive = OneOf | Between | HasPhrase | HasVector | HasId | AnyOf
Condition = Positive | Not


def conditions_of(filters: Filters, spec: Spec) -> list[Condition]:
    """Return what must hold for a product to be found.

    Args:
        filters: what the user chose.
        spec: of the collection.

    Raises:
        InvalidQuery: a bound is not a number, there are too many conditions, or the collection has
            no terms to find a phrase in.
    """
    if (filters.phrases or filters.not_phrases) and spec.payload < TERMS:
        raise InvalidQuery("This collection was built without the terms that phrases are found in.")
    conditions: list[Condition] = []
    if filters.categories:
        conditions.append(_category(filters.categories, spec))
    if filters.brands:
        conditions.append(OneOf("brand", filters.brands))
    for field, low, high in (
        ("price", filters.price_min, filters.price_max),
        ("rating", filters.rating_min, None),
    ):
        if low is not None or high is not None:
            conditions.append(_between(field, Range(gte=low, lte=high), field))
    if filters.in_stock is not None:
        conditions.append(OneOf(STOCK, (YES_NO[filters.in_stock],)))
    if filters.has_picture is not None:
        conditions.append(_picture(filters.has_picture, spec))
    conditions += [HasPhrase(PHRASE_INDEX, terms) for terms in filters.phrases]
    conditions += [Not(HasPhrase(PHRASE_INDEX, terms)) for terms in filters.not_phrases]
    if filters.ids:
        conditions.append(HasId(tuple(map(point_id, filters.ids))))
    if filters.exclude:
        conditions.append(Not(HasId(tuple(map(point_id, filters.exclude)))))
    _check_number(filters.where)
    return conditions + [_where(each, spec) for each in filters.where]


def facet_of(name: str, value: str) -> str:
    """Return an attribute and a value as the payload's `facets` have them."""
    return f"{name}\t{value}"


def _where(where: Where, spec: Spec) -> Condition:
    alternatives: list[Positive] = []
    if where.values:
        alternatives.append(_one_of(where.name, where.values, spec))
    field = where.name if where.name in FIELDS else number_field(where.name)
    alternatives += [_between(field, each, where.name) for each in where.ranges]
    if not alternatives:
        raise InvalidQuery(f"The condition on {where.name} has neither a value nor a bound.")
    condition = alternatives[0] if len(alternatives) == 1 else AnyOf(tuple(alternatives))
    return Not(condition) if where.negated else condition


def _one_of(name: str, values: tuple[str, ...], spec: Spec) -> OneOf:
    if name == "category":
        return _category(values, spec)
    if name in TEXT_FIELDS:
        return OneOf(TEXT_FIELDS[name], values)
    return OneOf("facets", tuple(facet_of(name, value) for value in values))


def _between(field: str, bounds: Range, name: str) -> Between:
    if any(isinstance(each, float | int) and math.isnan(each) for each in bounds.bounds):
        raise InvalidQuery(f"A bound of {name} is not a number.")
    return Between(field, bounds)


def _category(names: tuple[str, ...], spec: Spec) -> OneOf:
    if spec.payload < PATHS:
        return OneOf("category", names)
    paths = (STEP.sub(" > ", name.strip()) for name in names)
    return OneOf("categories", tuple(dict.fromkeys([*names, *paths])))


def _picture(wanted: bool, spec: Spec) -> Condition:
    if spec.payload < PICTURED:
        return HasVector("image") if wanted else Not(HasVector("image"))
    return OneOf(PICTURED_FIELD, (YES_NO[wanted],))


def _check_number(where: Sequence[Where]) -> None:
    conditions = sum(max(1, len(each.ranges)) for each in where)
    values = sum(len(each.values) for each in where)
    for number, most, what in (
        (conditions, MAX_CONDITIONS, "conditions on attributes"),
        (values, MAX_VALUES, "values in its conditions"),
    ):
        if number > most:
            raise InvalidQuery(f"A search has at most {most:,} {what}, not {number:,}.")


def needs_acorn(conditions: Iterable[Condition]) -> bool:
    """Whether a graph search must look past the neighbours that a condition excludes.

    All but conditions on ids: few neighbours pass, and the search ends too early. A price range of
    6 % of the products had recall 0.05, one of 10 % 0.58; a category and a gender, 39 % of 28,749
    products, 0.70; three colours, 47 %, 0.88. A keyword value has links of its own in the graph,
    but not one that most products have: a category of 56 % had 0.80. With ACORN, which goes on to
    the neighbours of those neighbours (L. Patel et al., SIGMOD 2024), and `layout.FILTERED_EF`, all
    of these have 0.99 or more.
    """
    return not all(map(_of_ids, conditions))


def split_phrases(
    conditions: Iterable[Condition],
) -> tuple[tuple[Condition, ...], tuple[Condition, ...]]:
    """Return the conditions on phrases, and the others."""
    phrases: list[Condition] = []
    others: list[Condition] = []
    for each in conditions:
        positive = each.condition if isinstance(each, Not) else each
        (phrases if isinstance(positive, HasPhrase) else others).append(each)
    return tuple(phrases), tuple(others)


def _of_ids(condition: Condition) -> bool:
    return isinstance(condition.condition if isinstance(condition, Not) else condition, HasId)
