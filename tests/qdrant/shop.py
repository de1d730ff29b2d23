"""A small shop of points, and a search over it that knows no engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from qdrant.filters import facet_of
from qdrant.model import ATTRIBUTES, Hit, Point, Spec
from qdrant.store import open_embedded

DIM = 16
# Names with what a path has to quote, or cannot.
WEIGHT, INCHES = "Weight (kg)", 'Screen 15" \\ a.b[0]'
SPEC = Spec(
    "demo",
    "0123456789abcdef",
    DIM,
    base="tiny",
    source="digest",
    payload=ATTRIBUTES,
    numbers=(INCHES, WEIGHT),
)
COLOURS = ("Red", "Blue, dark", "<i>Grün</i>")
CATEGORIES = ("Beauty", "Appliances", "Möbel & Küche")
BRANDS = ("Acme", "Ünïcode ☂", "O'Brien")


def vectors(count: int, dim: int = DIM, seed: int = 0) -> np.ndarray:
    """Random float32 unit vectors of shape (count, dim)."""
    drawn = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def shop(count: int, seed: int = 0) -> list[Point]:
    """Products in turn of each category; every fourth has no picture, every fifth no price."""
    drawn = vectors(3 * count, seed=seed)
    return [_product(i, drawn[3 * i : 3 * i + 3]) for i in range(count)]


def _product(i: int, drawn: np.ndarray) -> Point:
    payload: dict[str, object] = {"title": f"product {i}", "category": CATEGORIES[i % 3]}
    payload["categories"] = [CATEGORIES[i % 3]]
    if i % 2:
        payload["brand"] = BRANDS[i % 7 % 3]
    if i % 5:
        payload["price"] = i / 2
    if i % 3:
        payload["rating"] = 1 + i % 9 / 2
    facts: dict[str, str | float] = {"Colour": COLOURS[i % 5 % 3]} if i % 10 else {}
    facts |= {WEIGHT: i % 8 / 4, INCHES: i - 100.0} if i % 6 else {}
    payload["facets"] = [facet_of(name, str(fact)) for name, fact in facts.items()]
    payload["attributes"] = [
        {"name": name, "value": str(fact)} | ({} if isinstance(fact, str) else {"number": fact})
        for name, fact in facts.items()
    ]
    if i % 4 < 3:
        payload["in_stock"] = i % 4 != 1
        payload["released"] = f"20{i % 25:02}-03-0{i % 9 + 1}"
    payload["currency"] = "EUR" if i % 9 else "USD"
    payload["categories"] = [payload["category"], f"Step {i % 2}", f"{payload['category']} > Step"]
    named = {"text": drawn[0]}
    if i % 4:
        named |= {"image": drawn[1], "fused": drawn[2]}
    return Point(f"p{i}", payload, named)


def nearest(
    points: list[Point],
    query: np.ndarray,
    vector: str,
    k: int,
    wanted: Callable[[Point], bool] = lambda point: True,
) -> list[str]:
    """The ids of the k nearest of the points that are wanted and have the vector."""
    found = [point for point in points if vector in point.vectors and wanted(point)]
    found.sort(key=lambda point: (-float(point.vectors[vector] @ query), point.id))
    return [point.id for point in found[:k]]


def build(folder: Path, *generations: list[Point]) -> Path:
    """Build generations of `demo` one after the other in the folder of an embedded store."""
    with open_embedded(folder) as store:
        for points in generations:
            store.build(SPEC, points)
    return folder


def ids(hits: list[Hit]) -> list[str]:
    """The product ids of hits, in their order."""
    return [hit.id for hit in hits]


def broken_off(points: list[Point], error: BaseException) -> Iterator[Point]:
    """Points, and then an error in place of the next."""
    yield from points
    raise error
