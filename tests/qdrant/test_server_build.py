"""Builds on a server: who else builds, what a server needs time for, and outages."""

import itertools
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from qdrant import layout
from qdrant.errors import BuildFailed, BuildRunning, EngineError
from qdrant.model import Filters, Point
from qdrant.server import build as server_build
from qdrant.server import generations as server_generations
from qdrant.server.connection import connect
from qdrant.server.engine import ServerEngine
from qdrant.server.generations import BEAT, BUILDER
from qdrant.store import Store, open_embedded, open_server
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.repetition import Repetition
from tests.qdrant.server_process import Process
from tests.qdrant.shop import CATEGORIES, SPEC, broken_off, ids, shop, vectors

pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")

QUERIES = vectors(8, seed=99)


@pytest.fixture
def store(fake_server: FakeServer) -> Iterator[Store]:
    with open_server(fake_server.url) as opened:
        opened.engine.connection.pause = lambda seconds: None
        yield opened


def generations(fake_server: FakeServer) -> list[str]:
    """The server collections there are."""
    return sorted(c.name for c in fake_server.client.get_collections().collections)


def leave_behind(fake_server: FakeServer, store: Store, builder: str, silent: float) -> str:
    """Begin a build whose builder dies, with this builder and this long since its heartbeat."""
    before = set(generations(fake_server))
    fake_server.faults.append(Fault("DELETE .*", status=400))  # it cannot remove what it began
    with pytest.raises(ZeroDivisionError):
        store.build(SPEC, broken_off(shop(5), ZeroDivisionError()))
    [name] = set(generations(fake_server)) - before
    heard = datetime.now(UTC) - timedelta(seconds=silent)
    facts = {BUILDER: builder, BEAT: heard.isoformat()}
    fake_server.client.update_collection(name, metadata=facts)
    return name


def test_two_machines_do_not_build_one_variant_at_once(fake_server, store):
    with open_server(fake_server.url) as other:
        other.build(SPEC, shop(10))

        def points() -> Iterator[Point]:
            with pytest.raises(BuildRunning, match=f"by process {os.getpid()} of "):
                other.build(SPEC, shop(20))
            with pytest.raises(BuildRunning):
                other.update(SPEC, shop(20))
            yield from shop(30)

        store.build(SPEC, points())
        assert other.build(SPEC, shop(40)).points == 40


def test_of_two_that_begin_at_the_same_moment_neither_disturbs_the_other(fake_server, store):
    """The second begins after the first has listed the generations, before it has made its own."""
    with open_server(fake_server.url) as second:
        begin = server_build.Build._create

        def interrupted(build, placement):
            server_build.Build._create = begin
            began = second.engine._build(SPEC, "20260101T000000-aaaaaa")
            began._create(placement)  # it has listed them too, and found none
            return begin(build, placement)

        server_build.Build._create = interrupted
        try:
            with pytest.raises(BuildRunning):
                store.build(SPEC, shop(10))
        finally:
            server_build.Build._create = begin
    assert generations(fake_server) == ["products_demo__20260101T000000-aaaaaa"]


def test_dropping_leaves_alone_what_another_is_building(fake_server, store):
    with open_server(fake_server.url) as other:
        other.build(SPEC, shop(10))

        def points() -> Iterator[Point]:
            other.drop("demo")
            assert other.collections() == []
            yield from shop(30)

        store.build(SPEC, points())
        assert other.count("demo") == 30


def test_what_a_builder_of_this_machine_left_when_it_died_is_swept_at_once(fake_server, store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = leave_behind(
        fake_server, store, f"{server_generations.socket.gethostname()}:{ended.pid}:x", 1
    )
    store.build(SPEC, shop(10))
    assert left not in generations(fake_server)


def test_what_one_of_another_machine_left_is_swept_when_it_was_silent_for_long(fake_server, store):
    left = leave_behind(fake_server, store, "elsewhere:1:x", 0)
    with pytest.raises(BuildRunning, match="by process 1 of elsewhere"):
        store.build(SPEC, shop(10))
    old = (datetime.now(UTC) - timedelta(seconds=server_generations.STALE_AFTER + 1)).isoformat()
    fake_server.client.update_collection(left, metadata={BEAT: old})
    store.build(SPEC, shop(10))
    assert left not in generations(fake_server)


def test_a_builder_sends_heartbeats_until_it_is_done(fake_server, store, monkeypatch):
    monkeypatch.setattr(server_build, "HEARTBEAT", 0.01)

    def points() -> Iterator[Point]:
        fake_server.wait_for("PATCH .*", times=3)  # nothing else changes a generation yet
        assert all(BEAT in a.body["metadata"] for a in fake_server.requests("PATCH .*"))
        yield from shop(10)

    store.build(SPEC, points())
    facts = fake_server.client.get_collection("products_demo").config.metadata
    assert not {BUILDER, BEAT} & facts.keys()


def test_no_heartbeat_comes_after_a_builder_has_finished(fake_server, store, monkeypatch):
    monkeypatch.setattr(server_build, "HEARTBEAT", 0)
    for _ in range(10):  # it is a matter of moments
        store.build(SPEC, shop(10))
        facts = fake_server.client.get_collection("products_demo").config.metadata
        assert not {BUILDER, BEAT} & facts.keys()


def test_a_generation_is_published_when_the_server_is_done_with_it(fake_server, store):
    fake_server.states.extend(["yellow", "yellow", "grey", "yellow", "green"])
    store.build(SPEC, shop(10))
    assert not fake_server.states
    # A restart left it grey, so it was set going again.
    [nudge] = [a for a in fake_server.requests("PATCH .*") if a.body.get("optimizers_config") == {}]
    asked = list(fake_server.received)
    assert asked.index(nudge) < asked.index(fake_server.requests("POST .*/aliases")[0])


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, store: Store) -> Store:
    """A store whose clock pausing moves, and in which a few products are enough for a graph."""
    monkeypatch.setattr(layout, "FULL_SCAN_KIB", 0)
    passed = itertools.count()
    store.engine.connection.clock = lambda: next(passed) / 10
    return store


def test_green_before_the_server_has_begun_is_not_taken_for_done(fake_server, large):
    fake_server.states.extend(["green", "green", "yellow", "yellow", "green"])
    large.build(SPEC, shop(10))
    assert not fake_server.states


def test_a_generation_is_published_when_every_copy_on_every_node_is_done(fake_server, large):
    for copies in (["green", "yellow"], ["green", "Partial"], ["green", "Dead"]):
        fake_server.replicas.extend([copies] * 100)
    large.build(SPEC, shop(10))
    assert 50 < len(fake_server.replicas) < 100  # but it does not wait for a node that is lost


def test_a_copy_whose_optimiser_was_stopped_is_started_again(fake_server, large):
    fake_server.replicas.append(["green", "grey"])
    large.build(SPEC, shop(10))
    assert [a for a in fake_server.requests("PATCH .*") if a.body.get("optimizers_config") == {}]


def test_a_copy_that_cannot_be_made_is_reported(fake_server, large):
    fake_server.replicas.append(["green", "red"])
    with pytest.raises(BuildFailed, match="could not make products_demo__"):
        large.build(SPEC, shop(10))


def test_a_server_that_is_no_cluster_needs_no_cluster(fake_server, large):
    words = "Distributed mode disabled"
    fake_server.faults.append(Fault("GET /cluster/.*", times=10**6, status=400, words=words))
    large.build(SPEC, shop(10))
    assert large.count("demo") == 10


def test_a_server_that_cannot_make_it_is_reported(fake_server, store):
    store.build(SPEC, shop(10))
    fake_server.states.extend(["yellow", "red"])
    with pytest.raises(BuildFailed, match=r"could not make products_demo__.*: it went wrong; see"):
        store.build(SPEC, shop(20))
    assert (store.count("demo"), len(generations(fake_server))) == (10, 1)


def described(count: int, characters: int) -> list[Point]:
    """Products with a long description each."""
    return [Point(p.id, {**p.payload, "text": "x" * characters}, p.vectors) for p in shop(count)]


def test_batches_of_long_products_stay_below_the_servers_limit(fake_server, store):
    store.build(SPEC, described(150, 400_000))  # 128 of them are 51 MB
    assert store.count("demo") == 150
    assert max(request.size for request in fake_server.requests("PUT .*/points")) < 5e6


def test_a_proxy_that_refuses_a_batch_gets_smaller_ones(fake_server, store):
    fake_server.proxy_limit = 1 << 20
    store.build(SPEC, described(300, 20_000))
    assert store.count("demo") == 300
    refused = len(fake_server.requests("PUT .*/points"))
    refused -= len(fake_server.requests("PUT .*/points", done=True))
    assert 0 < refused <= server_build.STREAMS * 2, "the size that passes is kept"


def test_a_product_that_is_too_large_alone_is_named_with_the_proxys_setting(fake_server, store):
    store.build(SPEC, shop(10))
    fake_server.proxy_limit = 1 << 20
    with pytest.raises(
        BuildFailed, match=r"Product 'p0' is too large to be stored.*client_max_body_size"
    ):
        store.build(SPEC, described(1, 1_100_000))
    assert (store.count("demo"), len(generations(fake_server))) == (10, 1)


def test_searches_that_a_proxy_refuses_together_go_in_several_requests(fake_server, store):
    points = shop(40)
    store.build(SPEC, points)
    queries = np.stack([point.vectors["text"] for point in points])
    fake_server.proxy_limit = 10_000
    found = store.search("demo", queries, vector="text", k=1)
    assert [ids(hits)[0] for hits in found] == [point.id for point in points]
    fake_server.proxy_limit = 100
    with pytest.raises(EngineError, match="refuses a request of that size"):
        store.search("demo", queries[:1], vector="text")


def test_an_alias_stays_where_it_is_when_the_new_generation_is_gone(fake_server, store):
    store.build(SPEC, shop(10))
    [old] = generations(fake_server)
    held = threading.Event()
    fake_server.faults.append(Fault("POST /collections/aliases", hold=held))
    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(store.build, SPEC, shop(20))
        fake_server.wait_for("POST /collections/aliases", times=2)
        [new] = set(generations(fake_server)) - {old}
        fake_server.client.delete_collection(new)
        held.set()
        with pytest.raises(BuildFailed, match="was removed from the server meanwhile"):
            building.result()
    assert store.count("demo") == 10


def test_a_server_that_lost_points_is_reported(fake_server, store, monkeypatch):
    store.build(SPEC, shop(10))
    monkeypatch.setattr(server_build, "SETTLE", -1)
    monkeypatch.setattr(fake_server.client, "upsert", lambda name, points: {"status": "completed"})
    with pytest.raises(
        BuildFailed, match=r"counts 0 points in products_demo__.*, and 20 were sent"
    ):
        store.build(SPEC, shop(20))
    assert (store.count("demo"), len(generations(fake_server))) == (10, 1)


def test_a_generation_that_was_removed_is_an_error_of_its_builder(fake_server, store):
    def points() -> Iterator[Point]:
        yield from shop(5)
        for name in generations(fake_server):
            fake_server.client.delete_collection(name)
        yield from shop(300)[5:]

    with pytest.raises(
        BuildFailed, match=r"products_demo__.* was removed from the server meanwhile"
    ):
        store.build(SPEC, points())


def test_what_cannot_be_removed_after_an_error_is_swept_by_the_next_build(fake_server, store):
    left = leave_behind(fake_server, store, "elsewhere:1:x", server_generations.STALE_AFTER + 1)
    assert store.collections() == []
    store.build(SPEC, shop(10))
    assert len(generations(fake_server)) == 1
    assert left not in generations(fake_server)


def test_an_error_after_the_switch_never_removes_what_is_published(fake_server, store):
    store.build(SPEC, shop(10))
    store.build(SPEC, shop(20))
    fake_server.faults.append(Fault("DELETE .*", status=400, words="not now"))
    with pytest.raises(Exception, match="not now"):
        store.build(SPEC, shop(30))
    assert store.count("demo") == 30
    store.build(SPEC, shop(40))
    assert len(generations(fake_server)) == 2


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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Process]:
    started = Process(tmp_path / "server")
    yield started
    started.kill()


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
