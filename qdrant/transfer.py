"""Copying a published generation to a server: streamed, resumable, verified."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from qdrant.errors import BuildFailed
from qdrant.model import Point
from qdrant.points import point_id
from qdrant.server.engine import ServerEngine
from qdrant.server.reader import Reader
from qdrant.store import Store
from vitrine.reservoir import Reservoir

# Points that are compared one by one when all are there: a fault in 1 of 50 is found
# with 98 % certainty.
SAMPLE = 200
# Of a vector's numbers: what is sent keeps 9 decimals, and both engines normalise in float32.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Copied:
    """The outcome of a copy.

    Attributes:
        variant: whose collection.
        generation: its name, on both sides.
        points: products in it.
        sent: of these, how many this run sent; the others had arrived before.
        compared: products that were read back and found equal.
    """

    variant: str
    generation: str
    points: int
    sent: int
    compared: int


def copy(
    source: Store, target: ServerEngine, variant: str, advance: Callable[[int], None]
) -> Copied:
    """Publish a variant's current generation on a server, under the same name.

    Nothing is encoded again, and memory does not grow with the collection. Idempotent and
    resumable: started again, it sends what is missing.

    Args:
        source: where the generation is.
        target: the server.
        variant: whose.
        advance: called with the number of points read.

    Raises:
        CollectionMissing: the source has none.
        BuildRunning, BuildFailed, DiskFull: as `Store.build`.
    """
    made = source.collection(variant)
    sample = _Sample(source.scroll(variant, vectors=True), advance)
    compared: list[str] = []

    def check(copied: Reader) -> None:
        compared.extend(sample.ids or _some(source, variant))
        wanted = source.retrieve(variant, compared, vectors=True)
        if source.collection(variant).generation != made.generation:
            raise BuildFailed(
                f"The collection of variant '{variant}' was built anew while it was copied; run "
                "this again to copy the new generation."
            )
        found = copied.retrieve([point_id(product) for product in compared], vectors=True)
        _compare(variant, wanted, {point.id: point for point in found})

    sent = target.receive(made, sample, check)
    return Copied(variant, made.generation, made.points, sent, len(compared))


class _Sample:
    """Points passed on, and a uniform random sample of their ids."""

    def __init__(self, points: Iterable[Point], advance: Callable[[int], None]) -> None:
        self._points = points
        self._advance = advance
        self._drawn = Reservoir[str](SAMPLE, random.Random(0))

    @property
    def ids(self) -> list[str]:
        """Those of the sample."""
        return self._drawn.items

    def __iter__(self) -> Iterator[Point]:
        for point in self._points:
            self._drawn.add(point.id)
            yield point
            self._advance(1)


def _some(source: Store, variant: str) -> list[str]:
    """Return the first ids, for a generation that had arrived before."""
    return [point.id for point, _ in zip(source.scroll(variant), range(SAMPLE), strict=False)]


def _compare(variant: str, wanted: dict[str, Point], found: dict[str, Point]) -> None:
    for product, point in wanted.items():
        if product not in found or not _same(point, found[product]):
            raise BuildFailed(
                f"The copy of variant '{variant}' differs from its source in product {product!r} "
                "and is not published; copy it again."
            )


def _same(left: Point, right: Point) -> bool:
    return (
        left.payload == right.payload
        and left.vectors.keys() == right.vectors.keys()
        and all(
            np.allclose(vector, right.vectors[name], atol=TOLERANCE)
            for name, vector in left.vectors.items()
        )
    )
