"""Point ids, and the check of every point before an engine sees it.

Both engines accept NaN and zero vectors and then never find them, and a batch with one vector of a
wrong dimension raises after writing the rest.
"""

import json
import math
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import ArrayLike

from qdrant.errors import InvalidPoint
from qdrant.index_fields import index_fields, without_index_fields
from qdrant.layout import PHRASE_INDEX
from qdrant.model import Hit, Point, SparseVector, Spec

# Fixed: another namespace would give every product another point id. One id per product makes
# an upsert idempotent.
NAMESPACE = uuid.UUID("5f0c3c0e-3a1d-4b52-9a3c-6d1f7f1f5b0e")
# Vectors come as float32 unit vectors, whose length is 1 within some 1e-6; what is further off
# than this was never normalised.
UNIT_TOLERANCE = 1e-3
# What `json` does not write is no payload, whatever orjson makes of it.
_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


@dataclass(frozen=True, slots=True)
class Row:
    """A checked point; its payload is JSON."""

    key: uuid.UUID
    payload: str
    vectors: Mapping[str, np.ndarray]
    sparse: Mapping[str, SparseVector]


@dataclass(frozen=True, slots=True)
class Deletion:
    """A point to be removed."""

    key: uuid.UUID


Change = Row | Deletion
Refused = Callable[[InvalidPoint], object]  # takes the error of a point that is not fit


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


def checked_rows(
    spec: Spec, points: Iterable[Point], refused: Refused | None = None
) -> Iterator[Row]:
    """Yield points fit to be stored, in their order.

    Args:
        spec: of the collection.
        points: to be checked.
        refused: takes the error of each point that is not fit; the others are yielded.

    Raises:
        InvalidPoint: names the first product that is not fit, and why; not with `refused`.
    """
    seen = _Seen()
    for point in points:
        try:
            row = _checked(spec, point, seen)
        except InvalidPoint as error:
            if refused is None:
                raise
            refused(error)
        else:
            yield row


def _checked(spec: Spec, point: Point, seen: "_Seen") -> Row:
    key = point_id(point.id)
    if not seen.add(point.id, key.bytes):
        raise InvalidPoint(point.id, "its id comes twice in one build")
    if not (point.vectors or point.sparse):
        raise InvalidPoint(point.id, "it has no vector")
    vectors = {name: _vector(spec, point.id, name, v) for name, v in point.vectors.items()}
    sparse = {name: _sparse(spec, point.id, name, v) for name, v in point.sparse.items()}
    return Row(key, _json(point), vectors, sparse)


def stored_row(point: Point) -> Row:
    """Return a point that was checked when it was stored, to be stored again."""
    payload = json.dumps({**point.payload, **_index_fields(point)}, ensure_ascii=False)
    return Row(point_id(point.id), payload, point.vectors, point.sparse)


def stored_point(record: Any) -> Point:  # noqa: ANN401 (either engine's record)
    """Return a point as it was read; it has vectors only when they were read too."""
    named = record.vector if isinstance(record.vector, dict) else {}
    vectors: dict[str, np.ndarray] = {}
    sparse: dict[str, SparseVector] = {}
    for name, vector in named.items():
        if hasattr(vector, "indices"):
            sparse[name] = sparse_vector(vector.indices, vector.values)
        else:
            vectors[name] = np.asarray(vector, dtype=np.float32)
    payload = without_index_fields(record.payload)
    return Point(payload["id"], payload, vectors, sparse)


def sparse_vector(indices: ArrayLike, values: ArrayLike) -> SparseVector:
    """Return a sparse vector in ascending order of its indices."""
    numbers = np.asarray(indices, dtype=np.uint32)
    order = np.argsort(numbers)
    return SparseVector(numbers[order], np.asarray(values, dtype=np.float32)[order])


def hit(found: Any) -> Hit:  # noqa: ANN401 (either engine's scored point)
    """Return a search result; a product's terms are of use to the engine alone."""
    payload = without_index_fields(found.payload)
    payload.pop(PHRASE_INDEX, None)
    return Hit(payload["id"], found.score, payload)


class _Seen:
    """The products seen so far, to find one that repeats.

    Ascending ids, as a catalogue's are, cannot repeat; their keys cost 16 bytes each, kept for the
    case that a later id breaks the order. In a Python set they would cost 95.
    """

    def __init__(self) -> None:
        self._last = ""
        self._ascending = bytearray()
        self._others: set[bytes] = set()

    def add(self, product: str, key: bytes) -> bool:
        """Add a product; return whether it is new."""
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
    if name not in spec.stored:
        raise InvalidPoint(product, f"vector '{name}' is not one of {', '.join(spec.stored)}")
    array = np.asarray(vector, dtype=np.float32)
    dim = spec.dim_of(name)
    if array.shape != (dim,):
        raise InvalidPoint(
            product, f"its vector '{name}' has shape {array.shape} instead of ({dim},)"
        )
    length = math.sqrt(array @ array)
    if abs(length - 1) <= UNIT_TOLERANCE:  # false for NaN too
        return array
    if not np.isfinite(array).all():
        raise InvalidPoint(product, f"its vector '{name}' holds NaN or infinity")
    if not array.any():
        raise InvalidPoint(product, f"its vector '{name}' is zero")
    raise InvalidPoint(product, f"its vector '{name}' has length {length:.4g} instead of 1")


def _sparse(spec: Spec, product: str, name: str, vector: SparseVector) -> SparseVector:
    if name not in spec.sparse:
        known = ", ".join(spec.sparse) or "none"
        raise InvalidPoint(product, f"sparse vector '{name}' is not one of {known}")
    if fault := sparse_fault(vector):
        raise InvalidPoint(product, f"its sparse vector '{name}' {fault}")
    if _is_ascending(vector.indices):
        return vector
    return sparse_vector(vector.indices, vector.values)


def sparse_fault(vector: SparseVector) -> str:
    """Return why neither engine can store or search a sparse vector; empty when they can."""
    if not len(vector.indices):
        return "is empty"
    if len(vector.indices) != len(vector.values):
        return "has another number of values than of indices"
    if not _is_ascending(vector.indices) and not _is_ascending(np.sort(vector.indices)):
        return "has an index twice"
    return "" if np.isfinite(vector.values).all() else "holds NaN or infinity"


def _is_ascending(numbers: np.ndarray) -> bool:
    return bool((numbers[1:] > numbers[:-1]).all())


def _index_fields(point: Point) -> dict[str, Any]:
    pictured = "image" in point.vectors or bool(point.payload.get("picture"))
    return index_fields(point.payload, pictured=pictured)


def _json(point: Point) -> str:
    payload: dict[str, Any] = {**point.payload, "id": point.id, **_index_fields(point)}
    with suppress(orjson.JSONEncodeError):
        written = orjson.dumps(payload, option=_PLAIN)
        if b"null" not in written:  # as which it writes NaN, too
            return written.decode()
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False)
        text.encode()
    except (TypeError, ValueError) as error:  # UnicodeEncodeError is a ValueError
        raise InvalidPoint(point.id, f"its payload is not JSON ({error})") from None
    return text
