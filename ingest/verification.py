"""Does a collection hold just what the catalogue says it should?"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.embedding import Wanted
from ingest.job import Figures
from ingest.projection import Projection, content, payload
from qdrant.model import Point
from qdrant.store import open_store
from qdrant.vector_files import VectorFiles
from vitrine.progress import progress_bar

TOLERANCE = 1e-4  # cosine's own rounding in float32, with room for another engine's

# What can be wrong with a point, and what mends it.
FAULTS = {
    "missing": "products that the collection lacks",
    "extra": "points whose product the catalogue lacks",
    "stale": "points made from an earlier state of their product",
    "not unit": "points with a vector that is not finite or not of unit length",
    "other vectors": "points whose vectors differ from the vector files",
    "fingerprint": "the collection was built by another state of the variant",
    "lost pictures": "stored pictures that are no longer on the disk",
}


def verify_collection(home: Path, variant_name: str) -> Figures:
    """Compare a variant's collection with the catalogue, product by product.

    Returns:
        `products`, `points`, and `faults`: how many of each of `FAULTS`, those that occur.

    Raises:
        VariantMissing, CatalogError, CollectionMissing: there is nothing to compare.
    """
    variant = Variants(home).get(variant_name)
    with (
        Catalogue(home, create=False) as catalogue,
        VectorFiles(home / "vectors" / variant.fingerprint, variant.dim) as vector_files,
        open_store(home) as store,
    ):
        collection = store.collection(variant.name)
        faults: Counter[str] = Counter()
        faults["fingerprint"] += collection.fingerprint != variant.fingerprint
        faults["lost pictures"] += _lost_pictures(catalogue)
        found = 0
        with progress_bar(f"verify {variant.name}", len(catalogue)) as advance:
            projection = Projection(catalogue, variant, vector_files)
            for window in projection.windows():
                actual = store.retrieve(
                    variant.name, [want.entry.product.id for want in window], vectors=True
                )
                faults["missing"] += len(window) - len(actual)
                fresh = _fresh(window, actual, vector_files)
                faults["stale"] += len(actual) - len(fresh)
                for point in projection.points(fresh):
                    faults.update(_faults(point, actual[point.id]))
                found += len(actual)
                advance(len(window))
        points = store.count(variant.name)
        faults["extra"] += points - found
        return {"products": len(catalogue), "points": points, "faults": dict(+faults)}


def _lost_pictures(catalogue: Catalogue) -> int:
    return sum(
        1
        for entry in catalogue.entries()
        if entry.picture and not catalogue.pictures.path(entry.picture).exists()
    )


def _fresh(
    window: list[Wanted], actual: dict[str, Point], vector_files: VectorFiles
) -> list[Wanted]:
    """Those whose point is made from what the catalogue and the vector files hold now."""
    kept = vector_files.has([want.text_key for want in window])
    return [
        want
        for want, has in zip(window, kept, strict=True)
        if has
        and (point := actual.get(want.entry.product.id)) is not None
        and point.payload.get("content") == content(want, payload(want.entry))
    ]


def _faults(expected: Point, actual: Point) -> Iterator[str]:
    if not all(_is_unit(vector) for vector in actual.vectors.values()):
        yield "not unit"
    if actual.vectors.keys() != expected.vectors.keys() or any(
        abs(actual.vectors[name] - vector).max() > TOLERANCE
        for name, vector in expected.vectors.items()
    ):
        yield "other vectors"


def _is_unit(vector: np.ndarray) -> bool:
    return bool(np.isfinite(vector).all() and abs(np.linalg.norm(vector) - 1) < TOLERANCE)
