"""A cluster of three nodes: updates shard by shard, and nodes that are lost."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from qdrant.errors import BuildFailed, EngineError
from qdrant.model import Point
from qdrant.server import build, generations, readiness, shards
from qdrant.server.connection import connect
from qdrant.server.engine import ServerEngine
from qdrant.server.generations import Generations
from qdrant.server.settings import Placement
from qdrant.server.shards import copy_collection
from qdrant.store import Store, open_embedded
from tests.qdrant.clock import Time, timed
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.fake_shards import Shards
from tests.qdrant.shop import SPEC, ids, shop, vectors

QUERIES = vectors(4, seed=99)
PLACEMENT = Placement(shards=3, replicas=2)


@pytest.fixture
def nodes() -> Iterator[list[FakeServer]]:
    with ExitStack() as stack:
        shards = Shards()
        first = stack.enter_context(FakeServer(shards=shards))
        rest = [stack.enter_context(FakeServer(first.client, shards=shards)) for _ in range(2)]
        yield [first, *rest]


@pytest.fixture
def store(nodes: list[FakeServer]) -> Iterator[Store]:
    with opened(nodes) as store:
        yield store


def opened(nodes: list[FakeServer]) -> Store:
    """A store that knows these nodes, whose pauses take no time."""
    connection = connect(", ".join(node.url for node in nodes))
    connection.pause = lambda seconds: None
    return Store(ServerEngine(connection, PLACEMENT))


def requests(nodes: list[FakeServer], pattern: str) -> list[tuple[int, str]]:
    """Node and path of each request that matches."""
    return [(node.peer, each.path) for node in nodes for each in node.requests(pattern)]


def test_each_shard_is_copied_once_and_answers_are_those_of_one_machine(nodes, store, tmp_path):
    changes, gone = shop(50, seed=1)[35:], ["p3", "p4"]
    with open_embedded(tmp_path) as embedded:
        for each in (store, embedded):
            each.build(SPEC, shop(45))
            each.update(SPEC, changes, gone)
        ours, theirs = (
            each.search("demo", QUERIES, vector="text", k=20) for each in (store, embedded)
        )
    assert [ids(hits) for hits in ours] == [ids(hits) for hits in theirs]
    recovered = requests(nodes, "PUT .*/recover")
    assert sorted(path.split("/")[4] for _, path in recovered) == ["0", "1", "2"]
    sent = [a for node in nodes for a in node.requests("PUT .*/points")]
    assert sum(len(request.body["points"]) for request in sent) == 45 + len(changes)
    assert nodes[0].shards.all_snapshots() == []
    new = store.engine.connection.client.get_collection("products_demo").config.params
    assert (new.shard_number, new.replication_factor) == (3, 2)


def test_nothing_is_sent_before_every_copy_is_active_and_complete(nodes, store):
    store.build(SPEC, shop(45))
    recovered: list[int] = []

    def changes() -> Iterator[Point]:
        newest = list(nodes[0].shards._placed)[-1]
        copies = [copy for shard in nodes[0].shards.of(newest) for copy in shard.values()]
        recovered.append(len(copies))
        assert not any(copies), "a copy is still to be repaired"
        yield from shop(5, seed=1)

    store.update(SPEC, changes())
    assert recovered == [6]
    assert store.count("demo") == 45


def test_a_copy_that_the_server_does_not_repair_is_given_up(nodes, store, monkeypatch):
    """It is sent everything then."""
    monkeypatch.setattr(shards, "STALLED", -1)
    store.build(SPEC, shop(45))
    for node in nodes:
        node.received.clear()
    store.update(SPEC, shop(5, seed=1))
    sent = [a for node in nodes for a in node.requests("PUT .*/points")]
    assert sum(len(request.body["points"]) for request in sent) == 45
    assert nodes[0].shards.all_snapshots() == []


def test_copies_that_differ_are_not_published(nodes, store, monkeypatch):
    store.build(SPEC, shop(45))
    monkeypatch.setattr(readiness, "SETTLE", -1)
    with pytest.raises(BuildFailed, match=r"has copies of products_demo__.* that differ"):
        store.build(SPEC, emptied(nodes[0], shop(50)))
    assert store.count("demo") == 45


def emptied(node: FakeServer, points):
    """The points, after which one copy of the first shard counts none for long."""
    yield from points
    newest = list(node.shards._placed)[-1]
    copy = next(iter(node.shards.of(newest)[0].values()))
    copy.extend([("Active", 0)] * 1000)


def test_a_shard_whose_nodes_are_not_named_is_an_update_that_sends_everything(nodes, caplog):
    with opened(nodes[:1]) as store:
        store.build(SPEC, shop(45))
        store.update(SPEC, shop(5, seed=1))
        assert store.count("demo") == 45
    assert "name every node of the cluster there, divided by commas" in caplog.text


@pytest.mark.parametrize("rolled_back", [False, True])
def test_snapshots_on_a_node_that_was_lost_are_deleted_when_it_is_back(
    nodes, store, monkeypatch, rolled_back
):
    """By the next update of the generation that they are of, or before that is removed."""
    store.build(SPEC, shop(45))
    with monkeypatch.context() as patch:
        after_copying(patch, nodes[1].stop)
        store.update(SPEC, shop(5, seed=1))
    assert len(nodes[0].shards.all_snapshots()) == 1
    nodes[1].start()
    if rolled_back:
        store.rollback("demo")
    store.update(SPEC, shop(5, seed=2))
    assert nodes[0].shards.all_snapshots() == []


def test_snapshots_of_an_update_that_was_killed_are_deleted_though_a_node_was_lost_meanwhile(
    nodes, monkeypatch
):
    def end() -> None:
        nodes[1].stop()
        raise KeyboardInterrupt

    with opened(nodes) as killed, monkeypatch.context() as patch:
        killed.build(SPEC, shop(45))
        after_copying(patch, end)
        patch.setattr(Generations, "discard", lambda self, stored: None)
        with pytest.raises(KeyboardInterrupt):
            killed.update(SPEC, shop(5, seed=1))
    assert len(nodes[0].shards.all_snapshots()) == 3
    monkeypatch.setattr(generations, "_runs", lambda process: False)
    with opened(nodes) as store:
        store.update(SPEC, shop(5, seed=1))
        assert len(nodes[0].shards.all_snapshots()) == 1
        nodes[1].start()
        store.update(SPEC, shop(5, seed=2))
        assert nodes[0].shards.all_snapshots() == []


def after_copying(patch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Have something happen before an update deletes its snapshots."""

    def copy(*arguments: Any) -> None:
        copy_collection(*arguments)
        act()

    patch.setattr(build, "copy_collection", copy)


def test_a_node_that_is_lost_is_left_for_the_next(nodes):
    time = Time()
    with timed(connect(",".join(node.url for node in nodes)), time) as store:
        store.build(SPEC, shop(20))
        nodes[0].stop()
        assert len(store.search("demo", QUERIES, vector="text")) == len(QUERIES)
        nodes[1].faults.append(Fault(".*", times=10**6, status=503))
        assert store.count("demo") == 20
        assert time.pauses == []  # the others are tried at once
        nodes[2].stop()
        with pytest.raises(
            EngineError, match=r"closed the connection|No Qdrant server answers|busy"
        ):
            store.count("demo")


def test_the_first_address_need_not_answer(nodes):
    nodes[0].stop()
    with timed(connect(",".join(node.url for node in nodes)), Time()) as store:
        store.build(SPEC, shop(20))
        assert store.count("demo") == 20
