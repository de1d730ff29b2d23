"""Searches and a build while generations come and go, and the server itself."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from qdrant.errors import EngineError
from qdrant.model import Filters, Point
from qdrant.server.connection import connect
from qdrant.server.engine import ServerEngine
from qdrant.store import Store, open_embedded, open_server
from tests.qdrant.repetition import Repetition
from tests.qdrant.server_process import Process
from tests.qdrant.shop import CATEGORIES, SPEC, ids, shop, vectors

QUERIES = vectors(8, seed=99)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    started = Process(tmp_path / "server")
    yield started
    started.kill()


def test_the_same_search_has_equal_results_embedded_and_over_http(store, tmp_path):
    points = shop(400)
    filters = [
        Filters(),
        Filters(categories=(CATEGORIES[2],), price_min=20),
        Filters(has_picture=False),
    ]
    with open_embedded(tmp_path) as embedded:
        stores: list[Store] = [embedded, store]
        for each in stores:
            each.build(SPEC, points)
        for vector in SPEC.vectors:
            for wanted in filters:
                ours, theirs = (
                    s.search("demo", QUERIES, vector=vector, k=25, filters=wanted) for s in stores
                )
                assert [ids(hits) for hits in ours] == [ids(hits) for hits in theirs]
                for left, right in zip(ours, theirs, strict=True):
                    scores = [[hit.score for hit in hits] for hits in (left, right)]
                    np.testing.assert_allclose(*scores, atol=1e-4)


def test_searches_go_on_while_generations_come_and_go(store, fake_server):
    store.build(SPEC, shop(20))

    def search() -> None:
        found = reader.search("demo", QUERIES, vector="text", k=5)
        assert [len(hits) for hits in found] == [5] * len(QUERIES)

    with open_server(fake_server.url) as reader, Repetition(search, threads=4) as searching:
        for count in (30, 40, 50, 60):
            store.build(SPEC, shop(count))
            searching.wait()
    assert store.count("demo") == 60


def test_a_server_killed_in_the_middle_of_an_ingest_and_started_again_has_it_all(server):
    points = shop(600)
    # More streams than batches, so that sending goes on while nothing arrives.
    store = Store(ServerEngine(connect(server.url), streams=16))
    with store, open_server(server.url) as reader:
        store.build(SPEC, points[:50])

        def interrupted() -> Iterator[Point]:
            yield from points[:300]
            server.kill()
            with pytest.raises(EngineError, match="No Qdrant server answers"):
                open_server(server.url).search("demo", QUERIES)  # the outage itself
            yield from points[300:450]
            server.start()
            assert len(reader.search("demo", QUERIES, vector="text")[0]) == 10
            yield from points[450:]

        store.build(SPEC, interrupted())
        assert reader.search("demo", QUERIES)
    with Store(ServerEngine(connect(server.url))) as fresh:
        assert fresh.count("demo") == 600
        found = {point.id: point for point in fresh.scroll("demo", vectors=True)}
        for point in points:
            assert found[point.id].payload == {**point.payload, "id": point.id}
            for name, vector in point.vectors.items():
                np.testing.assert_allclose(found[point.id].vectors[name], vector, atol=1e-6)
