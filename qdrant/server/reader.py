"""A reader of one generation on a server."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from qdrant_client import models

from qdrant.engine import Offset, Search
from qdrant.errors import RequestTooLarge
from qdrant.figures import Figures, First, figure
from qdrant.filters import DATE_FIELDS, Between, Condition, Not
from qdrant.layout import MAX_RESULTS
from qdrant.model import Collection, Hit, Point, Range, Ranking
from qdrant.points import hit, stored_point
from qdrant.server import mapping
from qdrant.server.connection import SEARCHING, Connection, RetryLimit

# The least number and date that an index has.
LEAST, EARLIEST = -sys.float_info.max, "0001-01-01T00:00:00Z"


@dataclass(frozen=True)
class Reader:
    """One generation, read by its own name; a `qdrant.engine.Reader`.

    Attributes:
        connection: to the server.
        name: of the server collection.
        collection: the generation.
        limit: how long each request may be retried.
        consistency: copies that must agree; None for one.
    """

    connection: Connection
    name: str
    collection: Collection
    limit: RetryLimit = SEARCHING
    consistency: models.ReadConsistency | None = None

    def search(self, searches: Sequence[Search]) -> list[list[Hit]]:
        """Return the nearest points of each search, best first."""
        requests = [mapping.query(each, each.with_payload) for each in searches]
        return [list(map(hit, answer)) for answer in self._query(requests)]

    def rank(self, searches: Sequence[Search]) -> list[Ranking[int]]:
        """Return the nearest points of each search by the numbers of their ids, best first."""
        answers = self._query([mapping.query(each, with_payload=False) for each in searches])
        return [
            Ranking(
                [UUID(str(point.id)).int for point in answer], [point.score for point in answer]
            )
            for answer in answers
        ]

    def count(self, conditions: list[Condition]) -> int:
        """Return the exact number of points that match."""
        matching = mapping.filter_of(conditions)
        return self.connection.call(
            lambda client: client.count(self.name, count_filter=matching, exact=True), self.limit
        ).count

    def facet(self, field: str, conditions: list[Condition], limit: int) -> dict[str, int]:
        """Return exact counts of the most frequent values."""
        matching = mapping.filter_of(conditions)
        answer = self.connection.call(
            lambda client: client.facet(
                self.name,
                field,
                facet_filter=matching,
                limit=limit,
                exact=True,
                consistency=self.consistency,
            ),
            self.limit,
        )
        return {str(hit.value): hit.count for hit in answer.hits}

    def retrieve(self, keys: Sequence[UUID], *, vectors: bool) -> list[Point]:
        """Return the points that are there."""
        return list(map(stored_point, self._retrieve(keys, with_payload=True, vectors=vectors)))

    def facts(self, numbers: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return the product's id and these facts of the points that are there."""
        keys = [UUID(int=number) for number in numbers]
        records = self._retrieve(keys, with_payload=["id", *names], vectors=False)
        return {UUID(str(record.id)).int: record.payload or {} for record in records}

    def figures(
        self, conditions: list[Condition], names: Sequence[str], first: First | None = None
    ) -> Iterator[Figures]:
        """Yield facts that are numbers or dates of the points that match."""
        if first is None:
            yield from self._scan(conditions, names, None)
            return
        head = self._head(conditions, names, first)
        if len(head) < first.count:
            some = Range(gte=EARLIEST) if first.by in DATE_FIELDS else Range(gte=LEAST)
            rest: Condition = Not(Between(first.by, some))
        else:
            # Which of the equal ones come here is up to the server: all of them are read again.
            last = (head[-1].payload or {})[first.by]
            values = [figure(first.by, (each.payload or {})[first.by]) for each in head]
            head = [each for each, v in zip(head, values, strict=True) if v != values[-1]]
            rest = Between(first.by, Range(gte=last, lte=last))
        yield _figures(head, names)
        yield from self._scan([*conditions, rest], names, first.most - len(head))

    def _head(
        self, conditions: list[Condition], names: Sequence[str], first: First
    ) -> list[models.Record]:
        """The first points that have a fact, in its order."""
        direction = models.Direction.DESC if first.descending else models.Direction.ASC
        records, _ = self.connection.call(
            lambda client: client.scroll(
                self.name,
                scroll_filter=mapping.filter_of(conditions),
                order_by=models.OrderBy(key=first.by, direction=direction),
                limit=first.count,
                with_payload=list(names),
                with_vectors=False,
            ),
            self.limit,
        )
        return records

    def _scan(
        self, conditions: list[Condition], names: Sequence[str], most: int | None
    ) -> Iterator[Figures]:
        """Yield figures of points that match, by ascending id, `most` of them or all."""
        matching, offset = mapping.filter_of(conditions), None
        while most is None or most > 0:
            limit = min(most or MAX_RESULTS, MAX_RESULTS)
            records, offset = self._scan_page(matching, list(names), offset, limit)
            yield _figures(records, names)
            if offset is None:
                return
            most = None if most is None else most - len(records)

    def _scan_page(
        self,
        matching: models.Filter | None,
        names: list[str],
        offset: Any,  # noqa: ANN401
        limit: int,
    ) -> tuple[list[models.Record], Any]:
        return self.connection.call(
            lambda client: client.scroll(
                self.name,
                scroll_filter=matching,
                limit=limit,
                offset=offset,
                with_payload=names,
                with_vectors=False,
            ),
            self.limit,
        )

    def page(self, offset: Offset | None, *, vectors: bool) -> tuple[list[Point], Offset | None]:
        """Return some points in ascending order of point ids, and the offset of the next page."""
        records, following = self.connection.call(
            lambda client: client.scroll(
                self.name,
                limit=mapping.BATCH,
                offset=offset,
                with_payload=True,
                with_vectors=vectors,
                consistency=self.consistency,
            ),
            self.limit,
        )
        return list(map(stored_point, records)), following

    def _retrieve(
        self, keys: Sequence[UUID], *, with_payload: bool | list[str], vectors: bool
    ) -> list[models.Record]:
        ids = [str(key) for key in keys]
        return self.connection.call(
            lambda client: client.retrieve(
                self.name,
                ids,
                with_payload=with_payload,
                with_vectors=vectors,
                consistency=self.consistency,
            ),
            self.limit,
        )

    def _query(self, requests: list[models.QueryRequest]) -> list[list[models.ScoredPoint]]:
        """Search in as few requests as the server's limit of searches allows."""
        batches = [
            requests[start : start + mapping.SEARCH_BATCH]
            for start in range(0, len(requests), mapping.SEARCH_BATCH)
        ]
        return [found for batch in batches for found in self._query_batch(batch)]

    def _query_batch(self, requests: list[models.QueryRequest]) -> list[list[models.ScoredPoint]]:
        """Search in one request, or in several where a proxy refuses one of that size."""
        try:
            answers = self.connection.call(
                lambda client: client.query_batch_points(
                    self.name, requests, consistency=self.consistency
                ),
                self.limit,
            )
        except RequestTooLarge:
            if len(requests) == 1:
                raise
            half = len(requests) // 2
            return self._query_batch(requests[:half]) + self._query_batch(requests[half:])
        return [answer.points for answer in answers]


def _figures(records: Sequence[models.Record], names: Sequence[str]) -> Figures:
    payloads = (record.payload or {} for record in records)
    return Figures.of([UUID(str(each.id)).int for each in records], payloads, names)
