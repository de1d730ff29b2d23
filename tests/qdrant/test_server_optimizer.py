"""A new generation is published when the server has made its graphs, on every node."""

import itertools

import pytest

from qdrant import layout
from qdrant.errors import BuildFailed
from qdrant.store import Store
from tests.qdrant.fake_server import Fault
from tests.qdrant.shop import SPEC, shop


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, store: Store) -> Store:
    """A store whose clock pausing moves, and in which a few products are enough for a graph."""
    monkeypatch.setattr(layout, "FULL_SCAN_KIB", 0)
    passed = itertools.count()
    store.engine.connection.clock = lambda: next(passed) / 10
    return store


def test_a_generation_is_published_when_the_server_is_done_with_it(fake_server, store):
    fake_server.states.extend(["yellow", "yellow", "grey", "yellow", "green"])
    store.build(SPEC, shop(10))
    assert not fake_server.states
    # A restart left it grey, so it was set going again.
    [nudge] = [a for a in fake_server.requests("PATCH .*") if a.body.get("optimizers_config") == {}]
    asked = list(fake_server.received)
    assert asked.index(nudge) < asked.index(fake_server.requests("POST .*/aliases")[0])


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
    assert (store.count("demo"), len(fake_server.names())) == (10, 1)
