"""Searches, counts and pages of one generation that is open in this process."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import qdrant_edge as qe

from qdrant import layout
from qdrant.embedded import mapping
from qdrant.embedded.columns import Columns
from qdrant.embedded.errors import engine_errors
from qdrant.embedded.facts import KeptFacts
from qdrant.embedded.phrase_filter import PhraseFilter
from qdrant.embedded.point_ids import PointIds
from qdrant.engine import Offset, Search
from qdrant.figures import Figures, First
from qdrant.filters import Condition, needs_acorn, split_phrases
from qdrant.model import Collection, Hit, Point, Ranking, SparseVector
from qdrant.points import hit, stored_point
from qdrant.ranking import most_frequent

PAGE = 256  # points a page of a scroll
FOUND_AT_ONCE = 20_000  # points whose ids alone are read


class Reader:
    """One generation, open for reading; a `qdrant.engine.Reader`.

    Args:
        collection: the generation.
        shard: where it is open.
        facts: of its products, where they are kept beside it.
    """

    def __init__(
        self, collection: Collection, shard: qe.EdgeShard, facts: KeptFacts | None = None
    ) -> None:
        self.collection = collection
        self._shard = shard
        self._ids = PointIds.read(shard)
        self._facts = facts
        whole = facts and len(facts) == collection.points  # not after an update of an earlier one
        self._columns = Columns(facts, self._find) if facts and whole else None
        self._phrases = (
            PhraseFilter(facts, self._columns)
            if facts and self._columns and self._columns.find_phrases
            else None
        )

    def search(self, searches: Sequence[Search]) -> list[list[Hit]]:
        """Return the nearest points of each search, best first."""
        requests = [self._request(each, each.with_payload) for each in searches]
        return [list(map(hit, answer)) for answer in self._query(requests)]

    def rank(self, searches: Sequence[Search]) -> list[Ranking[int]]:
        """Return the nearest points of each search by the numbers of their ids, best first."""
        return self._phrases.rank(searches, self._rank) if self._phrases else self._rank(searches)

    def count(self, conditions: list[Condition]) -> int:
        """Return the exact number of points that match."""
        if self._columns and (number := self._columns.number(conditions)) is not None:
            return number
        request = qe.CountRequest(exact=True, filter=self._filter_of(conditions))
        with engine_errors(self.collection.variant):
            return self._shard.count(request)

    def facet(self, field: str, conditions: list[Condition], limit: int) -> dict[str, int]:
        """Return exact counts of the most frequent values."""
        if self._columns:
            counts = most_frequent(self._columns.count(field, conditions, limit))
            return dict(list(counts.items())[:limit])
        matching = self._filter_of(conditions)
        request = qe.FacetRequest(key=field, limit=limit, exact=True, filter=matching)
        with engine_errors(self.collection.variant):
            return {str(hit.value): hit.count for hit in self._shard.facet(request).hits}

    def retrieve(self, keys: Sequence[UUID], *, vectors: bool) -> list[Point]:
        """Return the points that are there."""
        with engine_errors(self.collection.variant):
            records = self._shard.retrieve(list(map(self._ids.of, keys)), True, vectors)
        return list(map(stored_point, records))

    def facts(self, numbers: Sequence[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Return the product's id and at least these facts of the points that are there."""
        kept = set(names) <= set(layout.RANKED_FACTS)
        found = self._facts.read(numbers) if self._facts and kept else {}
        missing: list[Offset] = [
            self._ids.from_number(number) for number in numbers if number not in found
        ]
        if missing:
            with engine_errors(self.collection.variant):
                records = self._shard.retrieve(missing, ["id", *names], False)
            payloads = (record.payload or {} for record in records)
            found |= zip(self._ids.numbers(records), payloads, strict=True)
        return found

    def figures(
        self,
        conditions: list[Condition],
        names: Sequence[str],
        first: First | None = None,
    ) -> Iterator[Figures]:
        """Yield facts that are numbers or dates of the points that match."""
        if self._columns and (found := self._columns.figures(names, conditions)):
            yield found
            return
        for records in self._matching(conditions, list(names)):
            payloads = (record.payload or {} for record in records)
            yield Figures.of(self._ids.numbers(records), payloads, names)

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

    def _planned(self, search: Search) -> Search:
        """A search that compares with all points that pass its filter where these are not many.

        Where they are few the engine does so by itself, with int8.
        """
        if search.exact or isinstance(search.query, SparseVector):
            return search
        if not needs_acorn(search.conditions):
            return search
        passing = self._passing(search.conditions)
        return replace(search, exact=layout.scan_filtered(passing, len(search.query)))

    def _passing(self, conditions: Sequence[Condition]) -> int:
        """The number of points that match, about."""
        if self._phrases and split_phrases(conditions)[0]:
            return self._phrases.count(conditions)
        request = qe.CountRequest(exact=False, filter=mapping.filter_of(conditions))
        with engine_errors(self.collection.variant):
            return self._shard.count(request)

    def _filter_of(self, conditions: Sequence[Condition]) -> qe.Filter | None:
        phrases = self._phrases
        return phrases.filter_of(conditions) if phrases else mapping.filter_of(conditions)

    def _find(self, condition: Condition) -> Iterator[int]:
        """Yield the numbers of the points that meet a condition."""
        for records in self._matching([condition], with_payload=False):
            yield from self._ids.numbers(records)

    def _matching(
        self, conditions: list[Condition], with_payload: bool | list[str]
    ) -> Iterator[list[qe.Record]]:
        """Yield the points that meet all conditions, in pages."""
        offset = None
        while True:
            request = qe.ScrollRequest(
                offset=offset,
                limit=FOUND_AT_ONCE,
                filter=self._filter_of(conditions),
                with_payload=with_payload,
                with_vector=False,
            )
            with engine_errors(self.collection.variant):
                records, offset = self._shard.scroll(request)
            yield records
            if offset is None:
                return

    def _rank(self, searches: Sequence[Search]) -> list[Ranking[int]]:
        answers = self._query([self._request(each, with_payload=False) for each in searches])
        return [
            Ranking(self._ids.numbers(answer), [point.score for point in answer])
            for answer in answers
        ]

    def _request(self, search: Search, with_payload: bool | list[str]) -> qe.QueryRequest:
        matching = self._filter_of(search.conditions)
        return mapping.query(self._planned(search), matching, with_payload)

    def _query(self, requests: list[qe.QueryRequest]) -> list[list[qe.ScoredPoint]]:
        with engine_errors(self.collection.variant):
            return self._shard.query_batch(qe.QueryBatchRequest(requests))

    def close(self) -> None:
        """Close the generation."""
        with engine_errors(self.collection.variant):
            self._shard.close()
        if self._facts:
            self._facts.close()
