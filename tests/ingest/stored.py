"""What a shop has stored."""

from pathlib import Path

from qdrant.model import Point
from qdrant.store import open_store


def points(home: Path) -> dict[str, Point]:
    """The points of the collection `tiny`, by product id."""
    with open_store(home) as store:
        return {point.id: point for point in store.scroll("tiny", vectors=True)}


def generation(home: Path) -> str:
    """The published generation of the collection `tiny`."""
    with open_store(home) as store:
        return store.collection("tiny").generation


def stored_pictures(home: Path) -> list[Path]:
    """The files of the picture store."""
    return list((home / "images").rglob("*.jpg"))
