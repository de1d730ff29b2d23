"""Builds on a server: who else builds, and what is removed meanwhile."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from qdrant.errors import BuildFailed, BuildRunning
from qdrant.model import Point
from qdrant.server import build as server_build
from qdrant.server import generations as server_generations
from qdrant.server import readiness
from qdrant.server.generations import BEAT, BUILDER
from qdrant.store import Store, open_server
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, broken_off, shop


def leave_behind(fake_server: FakeServer, store: Store, builder: str, silent: float) -> str:
    """Begin a build whose builder dies, with this builder and this long since its heartbeat."""
    before = set(fake_server.names())
    fake_server.faults.append(Fault("DELETE .*", status=400))  # it cannot remove what it began
    with pytest.raises(ZeroDivisionError):
        store.build(SPEC, broken_off(shop(5), ZeroDivisionError()))
    [name] = set(fake_server.names()) - before
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

        def interrupted(build, placement, source):
            server_build.Build._create = begin
            began = second.engine._build(SPEC, "20260101T000000-aaaaaa")
            began._create(placement)  # it has listed them too, and found none
            return begin(build, placement, source)

        server_build.Build._create = interrupted
        try:
            with pytest.raises(BuildRunning):
                store.build(SPEC, shop(10))
        finally:
            server_build.Build._create = begin
    assert fake_server.names() == ["products_demo__20260101T000000-aaaaaa"]


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
    assert left not in fake_server.names()


def test_what_one_of_another_machine_left_is_swept_when_it_was_silent_for_long(fake_server, store):
    left = leave_behind(fake_server, store, "elsewhere:1:x", 0)
    with pytest.raises(BuildRunning, match="by process 1 of elsewhere"):
        store.build(SPEC, shop(10))
    old = (datetime.now(UTC) - timedelta(seconds=server_generations.STALE_AFTER + 1)).isoformat()
    fake_server.client.update_collection(left, metadata={BEAT: old})
    store.build(SPEC, shop(10))
    assert left not in fake_server.names()


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


def test_an_alias_stays_where_it_is_when_the_new_generation_is_gone(fake_server, store):
    store.build(SPEC, shop(10))
    [old] = fake_server.names()
    held = threading.Event()
    fake_server.faults.append(Fault("POST /collections/aliases", hold=held))
    with ThreadPoolExecutor(1) as threads:
        building = threads.submit(store.build, SPEC, shop(20))
        fake_server.wait_for("POST /collections/aliases", times=2)
        [new] = set(fake_server.names()) - {old}
        fake_server.client.delete_collection(new)
        held.set()
        with pytest.raises(BuildFailed, match="was removed from the server meanwhile"):
            building.result()
    assert store.count("demo") == 10


def test_a_server_that_lost_points_is_reported(fake_server, store, monkeypatch):
    store.build(SPEC, shop(10))
    monkeypatch.setattr(readiness, "SETTLE", -1)
    monkeypatch.setattr(fake_server.client, "upsert", lambda name, points: {"status": "completed"})
    with pytest.raises(
        BuildFailed, match=r"counts 0 points in products_demo__.*, and 20 were sent"
    ):
        store.build(SPEC, shop(20))
    assert (store.count("demo"), len(fake_server.names())) == (10, 1)


def test_a_generation_that_was_removed_is_an_error_of_its_builder(fake_server, store):
    def points() -> Iterator[Point]:
        yield from shop(5)
        for name in fake_server.names():
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
    assert len(fake_server.names()) == 1
    assert left not in fake_server.names()


def test_an_error_after_the_switch_never_removes_what_is_published(fake_server, store):
    store.build(SPEC, shop(10))
    store.build(SPEC, shop(20))
    fake_server.faults.append(Fault("DELETE .*", status=400, words="not now"))
    with pytest.raises(Exception, match="not now"):
        store.build(SPEC, shop(30))
    assert store.count("demo") == 30
    store.build(SPEC, shop(40))
    assert len(fake_server.names()) == 2
