"""The points, queries and filters of the contract."""

from typing import Any

from qdrant.model import Filters, Where
from tests.qdrant.shop import shop, vectors

# More than one batch of stream.BATCH, and not a multiple of it.
POINTS = shop(700)
QUERIES = vectors(5, seed=99)


def where(name: str, **condition: Any) -> Filters:
    """The filter by one attribute."""
    return Filters(where=(Where(name, **condition),))
