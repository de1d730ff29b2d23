"""The ids of points in this engine: numbers, or UUIDs in generations of earlier versions.

A hybrid search takes the ids of 650 hits from the engine, and to make a Python object of a UUID
takes several times as long as of a number. So the id of a point is the upper half of its product's
point id (`qdrant.points.point_id`). 60 of its bits are of a digest: of a million products, two have
one number with a probability of 4e-7, which `shard` finds. A server has UUIDs: its dashboard rounds
numbers above 2^53.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import qdrant_edge as qe

PointId = int | UUID


@dataclass(frozen=True, slots=True)
class PointIds:
    """The ids of one generation.

    Attributes:
        are_numbers: else they are UUIDs.
    """

    are_numbers: bool

    @classmethod
    def read(cls, shard: qe.EdgeShard) -> "PointIds":
        """Those of an open generation, by the first of its points."""
        first, _ = shard.scroll(qe.ScrollRequest(limit=1, with_payload=False, with_vector=False))
        return cls(all(isinstance(point.id, int) for point in first))

    def of(self, key: UUID) -> PointId:
        """Return the id of a product's point."""
        return upper_half(key) if self.are_numbers else key

    def from_number(self, number: int) -> PointId:
        """Return the id of the point that the store names by a number."""
        return number if self.are_numbers else UUID(int=number)

    def numbers(self, points: Iterable[qe.Record | qe.ScoredPoint]) -> list[int]:
        """Return the numbers by which the store names some points."""
        found: list[Any] = [point.id for point in points]
        return found if self.are_numbers else [each.int for each in found]


def upper_half(key: UUID) -> int:
    """Return the upper 64 bits of a product's point id."""
    return key.int >> 64
