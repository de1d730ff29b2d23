"""What an operator wants to see: what is there, what is missing, and why."""

from pathlib import Path
from typing import Any

from catalog.catalogue import Catalogue
from encoder.errors import EncoderError
from encoder.variants import Variants
from qdrant.store import open_store

LAST_RUNS = 8


def status(home: Path) -> dict[str, Any]:
    """The state of a shop.

    Returns:
        `home`; `categories`: products of each and what became of their pictures; `failures`:
        reasons, counts and an example sentence; `collections`: variant, points, fingerprint
        and whether it is the variant's own; `runs`: the last ones, newest first.

    Raises:
        CatalogError: there is no catalogue, or it cannot be read.
    """
    with Catalogue(home, create=False) as catalogue, open_store(home) as store:
        pictures = catalogue.picture_counts()
        known = Variants(home)
        return {
            "home": str(home),
            "categories": {
                category: {"products": count, "pictures": pictures.get(category, {})}
                for category, count in catalogue.categories().items()
            },
            "failures": [
                {"reason": each.reason, "count": each.count, "example": each.example}
                for each in catalogue.picture_failures()
            ],
            "collections": [
                {
                    "variant": collection.variant,
                    "points": collection.points,
                    "pending": len(catalogue) - collection.points,
                    "fingerprint": collection.fingerprint,
                    "matches": _fingerprint(known, collection.variant) == collection.fingerprint,
                    "generation": collection.generation,
                    "created": collection.created,
                }
                for collection in store.collections()
            ],
            "runs": [
                {
                    "job": run.job,
                    "outcome": run.outcome,
                    "started": run.started,
                    "ended": run.ended,
                    "settings": run.settings,
                    "figures": run.figures,
                }
                for run in catalogue.runs()[:LAST_RUNS]
            ],
        }


def _fingerprint(variants: Variants, name: str) -> str:
    """A variant's fingerprint, or nothing when the variant is gone."""
    try:
        return variants.get(name).fingerprint
    except EncoderError:
        return ""
