"""Whether the vectors of a collection compare with those of a variant."""

from encoder.variant import Variant
from qdrant.model import Collection
from search.query import SearchError


def check_fingerprint(variant: Variant, collection: Collection) -> None:
    """Refuse a collection whose vectors are not comparable with the variant's.

    Raises:
        SearchError: it was built by another state of the variant.
    """
    if collection.fingerprint != variant.fingerprint:
        raise SearchError(
            f"The collection of {variant.name} was built with fingerprint "
            f"{collection.fingerprint}, and the variant now has {variant.fingerprint}: "
            "their vectors cannot be compared. "
            f"Run `vitrine ingest vectors --variant {variant.name}`."
        )
