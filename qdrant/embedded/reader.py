"""Searches, counts and pages of one generation that is open in this process."""

from collections.abc import Sequence
from uuid import UUID

import qdrant_edge as qe

from qdrant.embedded import mapping
from qdrant.embedded.errors import engine_errors
from qdrant.engine import Offset, Search
from qdrant.filters import Condition
from qdrant.model import Collection, Hit, Point
from qdrant.points import hit, stored_point

PAGE = 256  # points a page of a scroll


class Reader:
    """One generation, open for reading; a `qdrant.engine.Reader`.

    Args:
        collection: the generation.
        shard: where it is open.
    """

    def __init__(self, collection: Collection, shard: qe.EdgeShard) -> None:
        self.collection = collection
        self._shard = shard

    def search(self, searches: Sequence[Search]) -> list[list[Hit]]:
        """Return the nearest points of each search, best first."""
        requests = list(map(mapping.query, searches))
        with engine_errors(self.collection.variant):
            answers = self._shard.query_batch(qe.QueryBatchRequest(requests))
        return [list(map(hit, answer)) for answer in answers]

    def count(self, conditions: list[Condition]) -> int:
        """Return the exact number of points that match."""
        request = qe.CountRequest(exact=True, filter=mapping.filter_of(conditions))
        with engine_errors(self.collection.variant):
            return self._shard.count(request)

    def facet(self, field: str, conditions: list[Condition], limit: int) -> dict[str, int]:
        """Return exact counts of the most frequent values."""
        matching = mapping.filter_of(conditions)
        request = qe.FacetRequest(key=field, limit=limit, exact=True, filter=matching)
        with engine_errors(self.collection.variant):
            return {str(hit.value): hit.count for hit in self._shard.facet(request).hits}

    def retrieve(
        self, keys: Sequence[UUID], *, vectors: bool, facts: Sequence[str] | None = None
    ) -> list[Point]:
        """Return the points that are there, their payloads whole or with these facts."""
        payload = True if facts is None else ["id", *facts]
        with engine_errors(self.collection.variant):
            records = self._shard.retrieve(list(keys), payload, vectors)
        return list(map(stored_point, records))

    def page(self, offset: Offset | None, *, vectors: bool) -> tuple[list[Point], Offset | None]:
        """Return some points in ascending order of point ids, and the offset of the next page."""
        request = qe.ScrollRequest(
            offset=offset, limit=PAGE, with_payload=True, with_vector=vectors
        )
        with engine_errors(self.collection.variant):
            records, following = self._shard.scroll(request)
        return list(map(stored_point, records)), following

    def indexed(self) -> int:
        """Return how many vectors have a graph, about."""
        with engine_errors(self.collection.variant):
            return self._shard.info().indexed_vectors_count

    def close(self) -> None:
        """Close the generation."""
        with engine_errors(self.collection.variant):
            self._shard.close()
