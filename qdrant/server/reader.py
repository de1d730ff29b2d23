"""Reading one server collection, by its own name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from qdrant_client import models

from qdrant import layout
from qdrant.model import Hit, Point
from qdrant.points import point_id
from qdrant.server import mapping
from qdrant.server.connection import SEARCHING, Connection, Patience

# Points asked for by id in one request.
RETRIEVE = 1000


@dataclass(frozen=True)
class ServerReader:
    """A server collection that is read.

    Every method raises `NotThere` when somebody removed it.

    Attributes:
        connection: to the server.
        name: of the server collection.
        patience: how long each request may be tried again.
    """

    connection: Connection
    name: str
    patience: Patience = SEARCHING

    def search(
        self,
        queries: np.ndarray,
        vector: str,
        k: int,
        wanted: list[layout.Condition],
        *,
        exact: bool,
        ef: int | None,
    ) -> list[list[Hit]]:
        """Return the k nearest points of each query of shape (n, d), unordered among ties."""
        requests = [mapping.query(row, vector, k, wanted, exact=exact, ef=ef) for row in queries]
        found = []
        for start in range(0, len(requests), mapping.SEARCH_BATCH):
            answers = self._query(requests[start : start + mapping.SEARCH_BATCH])
            found += [[mapping.hit(point) for point in answer.points] for answer in answers]
        return found

    def count(self, wanted: list[layout.Condition]) -> int:
        """Return the exact number of points that match."""
        filters = mapping.filter_of(wanted)
        return self.connection.ask(
            lambda client: client.count(self.name, count_filter=filters, exact=True),
            self.patience,
        ).count

    def facet(self, field: str, wanted: list[layout.Condition], limit: int) -> dict[str, int]:
        """Return exact counts of the most frequent values."""
        filters = mapping.filter_of(wanted)
        answer = self.connection.ask(
            lambda client: client.facet(
                self.name, field, facet_filter=filters, limit=limit, exact=True
            ),
            self.patience,
        )
        return {str(hit.value): hit.count for hit in answer.hits}

    def retrieve(self, ids: Sequence[str], *, vectors: bool) -> dict[str, Point]:
        """Return the points that are there, by product id, in the order asked for."""
        keys = [str(point_id(product)) for product in dict.fromkeys(ids)]
        found: dict[str, Point] = {}
        for start in range(0, len(keys), RETRIEVE):
            records = self._records(keys[start : start + RETRIEVE], vectors=vectors)
            found.update((point.id, point) for point in map(mapping.point, records))
        return {product: found[product] for product in ids if product in found}

    def scroll(self, *, vectors: bool) -> Iterator[Point]:
        """Yield every point, in the order of point ids."""
        offset: mapping.Key | None = None
        while True:
            records, offset = self._page(offset, vectors=vectors)
            yield from map(mapping.point, records)
            if offset is None:
                return

    def _query(self, requests: list[models.QueryRequest]) -> list[models.QueryResponse]:
        return self.connection.ask(
            lambda client: client.query_batch_points(self.name, requests), self.patience
        )

    def _records(self, keys: Sequence[str], *, vectors: bool) -> list[models.Record]:
        return self.connection.ask(
            lambda client: client.retrieve(
                self.name, keys, with_payload=True, with_vectors=vectors
            ),
            self.patience,
        )

    def _page(
        self, offset: mapping.Key | None, *, vectors: bool
    ) -> tuple[list[models.Record], mapping.Key | None]:
        return self.connection.ask(
            lambda client: client.scroll(
                self.name,
                limit=mapping.BATCH,
                offset=offset,
                with_payload=True,
                with_vectors=vectors,
            ),
            self.patience,
        )
