"""What a collection is made of and how it is searched, said once for both engines.

Measured with qdrant-edge-py 0.9.0 on 2 cores at 100k points of 512 dimensions, k = 10, unless a
comment says otherwise; `python -m benchmarks search` measures it again.
"""

from __future__ import annotations

import math
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from qdrant.errors import InvalidQuery, SpecMismatch
from qdrant.model import Filters, Hit, Spec
from qdrant.points import point_id

# Qdrant's own defaults: with int8 and rescoring they give recall 0.998 in 0.4 ms.
HNSW_M = 16
HNSW_EF_CONSTRUCT = 100
# KiB of original vectors up to which comparing with all of them beats the graph: 5,000 points of
# 512 dimensions take 0.5 ms, and nothing is missed. Qdrant's default.
FULL_SCAN_KIB = 10_000
# Int8 quarters what a search reads. Alone it loses 5 points of recall; rescoring twice as many
# candidates on the original vectors gives them back, and makes the score the exact cosine.
OVERSAMPLING = 2.0
# Candidates the graph search keeps.
EF = 128
# Without an index a filter costs 26 ms and a facet fails. Keyword values get links of their own in
# the graph; links for every range of prices would cost build time and help no exact value.
KEYWORD_INDEXES = ("category", "brand")
FLOAT_INDEXES = ("price", "rating")
# Points per message to an engine: 3 vectors of 512 dimensions make 1.5 MB of it.
BATCH = 256


@dataclass(frozen=True)
class OneOf:
    """The field has one of these values."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Between:
    """The field lies between the bounds, both included; None is no bound."""

    field: str
    low: float | None
    high: float | None


@dataclass(frozen=True)
class HasVector:
    """The point has the vector, or has it not."""

    name: str
    wanted: bool


@dataclass(frozen=True)
class Among:
    """The point is one of these, or none of these."""

    keys: tuple[uuid.UUID, ...]
    wanted: bool


Condition = OneOf | Between | HasVector | Among


def conditions(filters: Filters) -> list[Condition]:
    """Return what must hold for a product to be found.

    Raises:
        InvalidQuery: a bound is not a number.
    """
    wanted: list[Condition] = []
    if filters.categories:
        wanted.append(OneOf("category", filters.categories))
    if filters.brands:
        wanted.append(OneOf("brand", filters.brands))
    for field, low, high in (
        ("price", filters.price_min, filters.price_max),
        ("rating", filters.rating_min, None),
    ):
        if low is not None or high is not None:
            if math.isnan(low or 0) or math.isnan(high or 0):
                raise InvalidQuery(f"A bound of {field} is not a number.")
            wanted.append(Between(field, low, high))
    if filters.has_picture is not None:
        wanted.append(HasVector("image", filters.has_picture))
    if filters.ids:
        wanted.append(Among(tuple(map(point_id, filters.ids)), wanted=True))
    if filters.exclude:
        wanted.append(Among(tuple(map(point_id, filters.exclude)), wanted=False))
    return wanted


def needs_acorn(wanted: list[Condition]) -> bool:
    """Tell whether a graph search must look past the neighbours that a condition shuts out.

    A value of a keyword has links of its own. A range and the lack of a picture have none: of what
    they let through, few neighbours are left, and the search loses its way. A price range of 6 % of
    the products had recall 0.05, one of 10 % 0.58. With ACORN, which goes on to the neighbours of
    those neighbours, it is 1.000, in 2 ms and less (L. Patel et al., ACORN, SIGMOD 2024).
    """
    return any(isinstance(condition, Between | HasVector) for condition in wanted)


def scan_all(points: int, dim: int) -> bool:
    """Tell whether a collection is so small that its searches compare with every vector."""
    return points * dim * 4 <= FULL_SCAN_KIB * 1024


def check_same(base: Spec, spec: Spec) -> None:
    """Refuse vectors that do not belong beside those of a collection.

    Raises:
        SpecMismatch: another fingerprint, dimension or set of vectors.
    """
    for part in ("fingerprint", "dim", "vectors"):
        old, new = getattr(base, part), getattr(spec, part)
        if old != new:
            raise SpecMismatch(
                f"The collection of variant '{spec.variant}' has {part} {old}, the new vectors "
                f"have {new}; build it anew with `vitrine ingest vectors --variant "
                f"{spec.variant}`."
            )


def check_facet(field: str, limit: int) -> None:
    """Refuse a count by a field that has no index of values.

    Raises:
        InvalidQuery: there is no such count.
    """
    if field not in KEYWORD_INDEXES:
        raise InvalidQuery(f"'{field}' is not counted; {' and '.join(KEYWORD_INDEXES)} are.")
    if limit < 1:
        raise InvalidQuery(f"A count must ask for at least 1 value, not {limit}.")


def ranked(hits: list[Hit]) -> list[Hit]:
    """Return hits best first, ties by ascending product id."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.id))


def most_frequent(counts: dict[str, int]) -> dict[str, int]:
    """Return counts by descending count, ties by ascending value."""
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))


def generation_name() -> str:
    """Return a name for a new generation: its UTC time, and chance lest two be alike."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
