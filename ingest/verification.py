"""Verification: a collection compared with the catalogue and the vector files."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from ingest.embedding import WHOLE, Input, Shard, inputs
from ingest.job import Figures
from ingest.kept_vectors import open_vectors
from ingest.projection import PlannedPoint, Projection
from pictures.store import PictureStore
from qdrant.model import Point
from qdrant.points import point_id
from qdrant.storage import Storage
from qdrant.store import open_store
from qdrant.vector_files import Key
from qdrant.word_settings import WordSettings
from vitrine.progress import progress_bar

Vectors = Mapping[str, np.ndarray]

TOLERANCE = 1e-4  # rounding of a unit vector's length, in any engine

# What can be wrong with a collection.
FAULTS = {
    "missing": "products that the collection lacks",
    "extra": "points whose product the catalogue lacks",
    "stale": "points made from an earlier state of their product",
    "not unit": "points with a vector that is not finite or not of unit length",
    "other vectors": "points whose vectors differ from the vector files",
    "fingerprint": "the collection was built by another state of the variant",
    "damaged rows": "damaged rows of the catalogue, whose products are left out",
    "damaged vectors": "vectors in use that are damaged on the disk",
    "lost pictures": "stored pictures that are no longer on the disk",
}


def verify_collection(home: Path, variant_name: str, shard: Shard = WHOLE) -> Figures:
    """Compare a variant's collection with the catalogue, product by product.

    Args:
        home: the shop's folder.
        variant_name: whose collection.
        shard: compare this share of the products only, cut by id: of a large shop one share a day.
            Extra points are then those that are more than all products.

    Returns:
        `products`, `points`, and `faults`: how many of each of `FAULTS`, those that occur;
        `compared` products, of a share;
        `vector_files` with damaged vectors, and how many, whether in use or not; `damaged` rows of
        the catalogue, as `Catalogue.damage` returns them.

    Raises:
        VariantMissing, CatalogError, CollectionMissing: there is nothing to compare, or the
            catalogue's file is damaged.
    """
    variant = Variants(home).get(variant_name)
    with (
        Catalogue(home, create=False) as catalogue,
        open_vectors(home, variant) as kept,
        open_store(home) as store,
    ):
        catalogue.check()
        collection = store.collection(variant.name)
        faults: Counter[str] = Counter()
        faults["fingerprint"] += collection.fingerprint != variant.fingerprint
        damaged = kept.find_damaged()
        unsound = {key for keys in damaged.values() for key in keys}
        in_use: set[Key] = set()
        found = compared = 0
        with progress_bar(f"verify {variant.name}", len(catalogue)) as advance:
            words = collection.words or WordSettings()
            projection = Projection(catalogue, variant, kept, words, dense=collection.vectors)
            for read in inputs(catalogue, variant):
                chosen = [each for each in read if _has(shard, each.entry.product.id)]
                faults["lost pictures"] += _lost_pictures(chosen, catalogue.pictures)
                window = projection.planned(chosen)
                actual = store.retrieve(variant.name, [plan.id for plan in window], vectors=True)
                faults["missing"] += len(window) - len(actual)
                fresh = _fresh(window, actual)
                faults["stale"] += len(actual) - len(fresh)
                in_use |= unsound & {key for plan in window for key in plan.vector_keys}
                sound = [plan for plan in fresh if unsound.isdisjoint(plan.vector_keys)]
                faults += _wrong_vectors(
                    collection.stored_as,
                    list(projection.vectors(sound)),
                    [actual[plan.id].vectors for plan in sound],
                )
                found += len(actual)
                compared += len(window)
                advance(len(read))
        points = store.count(variant.name)
        faults["extra"] += points - (found if shard == WHOLE else min(points, len(catalogue)))
        faults["damaged rows"] = len(catalogue.damaged)
        faults["damaged vectors"] = len(in_use)
        figures = {"products": len(catalogue), "points": points, "faults": dict(+faults)}
        if shard != WHOLE:
            figures["compared"] = compared
        if damaged:
            figures["vector_files"] = {str(path): len(keys) for path, keys in damaged.items()}
        if damage := catalogue.damage():
            figures["damaged"] = damage
        return figures


def _has(shard: Shard, product: str) -> bool:
    return shard.has_number(point_id(product).int)


def _lost_pictures(window: list[Input], pictures: PictureStore) -> int:
    hashes = [each.entry.picture for each in window if each.entry.picture]
    return sum(1 for digest in hashes if not pictures.path(digest).exists())


def _fresh(window: list[PlannedPoint], actual: dict[str, Point]) -> list[PlannedPoint]:
    """Those whose point is made from what the catalogue and the vector files hold now."""
    return [
        plan
        for plan in window
        if plan.has_text
        and plan.id in actual
        and actual[plan.id].payload.get("content") == plan.content
    ]


def _wrong_vectors(
    storage: Storage, expected: Sequence[Vectors], actual: Sequence[Vectors]
) -> Counter[str]:
    """How many of some points have a vector that is not of unit length, or another one.

    Args:
        storage: how they are stored.
        expected: the vectors of each point by name, float32 of shape (d,).
        actual: those that are stored.
    """
    not_unit, other = (np.zeros(len(actual), bool) for _ in range(2))
    for name in {name for vectors in (*expected, *actual) for name in vectors}:
        has = np.array([[name in vectors for vectors in each] for each in (expected, actual)])
        other |= has[0] != has[1]
        stored = np.array([vectors[name] for vectors in actual if name in vectors])
        if len(stored):
            lengths = np.linalg.norm(stored, axis=1)
            not_unit[has[1]] |= ~(abs(lengths - 1) < TOLERANCE)  # where one is not finite, too
        both = np.flatnonzero(has.all(axis=0)).tolist()
        if both:
            wanted = np.array([expected[row][name] for row in both])
            found = np.array([actual[row][name] for row in both])
            other[both] |= ~storage.holds(wanted, found)
    return Counter({"not unit": int(not_unit.sum()), "other vectors": int(other.sum())})
