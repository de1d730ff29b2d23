"""Point ids, and the one place where points and queries are checked.

Both engines accept NaN and zero vectors and then never find them, and a batch with one vector of a
wrong dimension raises after writing the rest: so nothing unchecked reaches an engine.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qdrant.errors import InvalidPoint, InvalidQuery
from qdrant.model import Collection, Point, Spec

# Fixed for ever: another namespace would give every product another point id.
NAMESPACE = uuid.UUID("5f0c3c0e-3a1d-4b52-9a3c-6d1f7f1f5b0e")
# Vectors come as float32 unit vectors, whose length is 1 within some 1e-6; what is further off
# than this was never normalised.
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Row:
    """A checked point; its payload is JSON."""

    key: uuid.UUID
    payload: str
    vectors: Mapping[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A point to be removed."""

    key: uuid.UUID


Change = Row | Deletion


def point_id(product: str) -> uuid.UUID:
    """Return the point id of a product id, the same in every collection.

    Raises:
        InvalidPoint: the id is empty or not valid Unicode.
    """
    if not product:
        raise InvalidPoint(product, "its id is empty")
    try:
        return uuid.uuid5(NAMESPACE, product)
    except UnicodeEncodeError:
        raise InvalidPoint(product, "its id is not valid Unicode text") from None


def checked(spec: Spec, points: Iterable[Point]) -> Iterator[Row]:
    """Yield points fit to be stored, in their order.

    Raises:
        InvalidPoint: names the first product that is not fit, and why.
    """
    seen = _Seen()
    for point in points:
        key = point_id(point.id)
        if not seen.add(point.id, key.bytes):
            raise InvalidPoint(point.id, "its id comes twice in one build")
        if not point.vectors:
            raise InvalidPoint(point.id, "it has no vector")
        vectors = {name: _vector(spec, point.id, name, v) for name, v in point.vectors.items()}
        yield Row(key, _json(point), vectors)


def checked_deletions(products: Iterable[str]) -> Iterator[Deletion]:
    """Yield the deletion of each product."""
    for product in products:
        yield Deletion(point_id(product))


def checked_queries(collection: Collection, queries: np.ndarray, vector: str, k: int) -> np.ndarray:
    """Return queries as a float32 array of shape (n, d).

    Raises:
        InvalidQuery: they do not fit the collection.
    """
    if vector not in collection.vectors:
        raise InvalidQuery(
            f"Variant '{collection.variant}' has no vector '{vector}'; "
            f"it has {', '.join(collection.vectors)}."
        )
    if k < 1:
        raise InvalidQuery(f"A search must ask for at least 1 product, not {k}.")
    array = np.atleast_2d(np.asarray(queries, dtype=np.float32))
    if array.ndim != 2 or array.shape[1] != collection.dim:
        raise InvalidQuery(
            f"The query has shape {array.shape}, the vectors of variant '{collection.variant}' "
            f"have {collection.dim} dimensions; encode it with that variant."
        )
    lengths = np.einsum("nd,nd->n", array, array)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise InvalidQuery("The query vector is zero or not finite, so it is near to nothing.")
    return array


class _Seen:
    """The products that came, to tell one that comes again.

    Ids that ascend, as a catalogue's do, cannot repeat; they cost 16 bytes each, for the case that
    one breaks the order. In a set of Python's they would cost 95.
    """

    def __init__(self) -> None:
        self._last = ""
        self._ascending = bytearray()
        self._others: set[bytes] = set()

    def add(self, product: str, key: bytes) -> bool:
        """Note a product; tell whether it is new."""
        if product > self._last and not self._others:
            self._last = product
            self._ascending += key
            return True
        for start in range(0, len(self._ascending), len(key)):
            self._others.add(bytes(self._ascending[start : start + len(key)]))
        self._ascending.clear()
        if key in self._others:
            return False
        self._others.add(key)
        return True


def _vector(spec: Spec, product: str, name: str, vector: np.ndarray) -> np.ndarray:
    if name not in spec.vectors:
        raise InvalidPoint(product, f"vector '{name}' is not one of {', '.join(spec.vectors)}")
    array = np.asarray(vector, dtype=np.float32)
    if array.shape != (spec.dim,):
        raise InvalidPoint(
            product, f"its vector '{name}' has shape {array.shape} instead of ({spec.dim},)"
        )
    length = float(np.sqrt(array @ array))
    if abs(length - 1) <= UNIT_TOLERANCE:  # false for NaN too
        return array
    if not np.isfinite(array).all():
        raise InvalidPoint(product, f"its vector '{name}' holds NaN or infinity")
    if not array.any():
        raise InvalidPoint(product, f"its vector '{name}' is zero")
    raise InvalidPoint(product, f"its vector '{name}' has length {length:.4g} instead of 1")


def _json(point: Point) -> str:
    payload: dict[str, Any] = {**point.payload, "id": point.id}
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise InvalidPoint(point.id, f"its payload is not JSON ({error})") from None
    return text
