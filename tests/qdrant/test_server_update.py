"""Updates on a server: what is sent, and that nothing is lost wherever client or server ends."""

import re
from collections.abc import Iterator
from copy import deepcopy

import httpx
import numpy as np
import pytest
from qdrant_client import QdrantClient
from qdrant_client.http.api_client import ApiClient

from qdrant.errors import StoreError
from qdrant.model import Point
from qdrant.server import generations as server_generations
from qdrant.server.generations import BEAT, BUILDER, COPIED
from qdrant.store import Store, open_server
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, shop

BEFORE = shop(40)
CHANGES = [*shop(42, seed=1)[38:], *shop(12, seed=2)[10:]]
GONE = ["p3", "p11", "p20", "nobody"]
AFTER = {point.id: point for point in [*BEFORE, *CHANGES] if point.id not in GONE} | {
    point.id: point for point in CHANGES
}
# The requests of an update, in their order, and what a server may have done of each when it ends.
STEPS = {
    "PUT /collections/[^/]+": ("request", "answer"),
    "POST .*/shards/0/snapshots": ("request", "half", "answer"),
    "PUT .*/snapshots/recover": ("request", "half", "answer"),
    "DELETE .*/snapshots/.*": ("request", "answer"),
    "PUT .*/index": ("answer",),
    "POST .*/points/delete": ("request", "half", "answer"),
    "PUT .*/points": ("request", "half", "answer"),
    "PATCH .*": ("request", "answer"),
    "POST /collections/aliases": ("request", "answer"),
    "DELETE /collections/[^/]+": ("request", "answer"),
}


class Ended(BaseException):
    """The client's process has ended."""


def stored(store: Store) -> dict[str, Point]:
    return {point.id: point for point in store.scroll("demo", vectors=True)}


def same(found: dict[str, Point], wanted: dict[str, Point]) -> bool:
    return found.keys() == wanted.keys() and all(
        found[name].payload == {**point.payload, "id": name}
        and found[name].vectors.keys() == point.vectors.keys()
        and all(
            np.allclose(found[name].vectors[v], point.vectors[v], atol=1e-6) for v in point.vectors
        )
        for name, point in wanted.items()
    )


def update(store: Store) -> None:
    assert store.update(SPEC, CHANGES, GONE).points == len(AFTER)


def kept_tidy(fake_server: FakeServer) -> bool:
    return fake_server.shards.all_snapshots() == [] and len(fake_server.names()) <= 2


@pytest.fixture(scope="module")
def twice_built() -> QdrantClient:
    """A server's memory with two generations of the shop; tests take copies of it."""
    with FakeServer() as server, open_server(server.url) as store:
        store.build(SPEC, BEFORE)
        store.build(SPEC, BEFORE)
        return server.client


@pytest.fixture
def fake_server(twice_built: QdrantClient) -> Iterator[FakeServer]:
    with FakeServer(deepcopy(twice_built)) as server:
        yield server


def test_an_update_sends_the_changes_alone(fake_server, store):
    fake_server.received.clear()
    update(store)
    assert same(stored(store), AFTER)
    sent = [
        point["payload"]["id"]
        for a in fake_server.requests("PUT .*/points")
        for point in a.body["points"]
    ]
    assert sorted(sent) == sorted(point.id for point in CHANGES)
    steps = [
        next(
            step
            for step in STEPS
            if fake_server.requests(step) and request in fake_server.requests(step)
        )
        for request in fake_server.received
        if any(request in fake_server.requests(step) for step in STEPS)
    ]
    order = list(dict.fromkeys(steps))
    order.remove("PATCH .*")  # metadata, at several moments
    assert order == [step for step in STEPS if step != "PATCH .*"]
    assert kept_tidy(fake_server)


def test_a_copy_is_marked_as_being_built_before_it_has_a_point(fake_server, store):
    fake_server.received.clear()
    update(store)
    [made] = fake_server.requests("PUT /collections/[^/]+")
    assert {BUILDER, BEAT, COPIED} <= made.body["metadata"].keys()
    assert "points" not in made.body["metadata"]
    assert made.body["hnsw_config"]["m"] == 16  # the graphs come with the snapshot
    [recovered] = fake_server.requests("PUT .*/recover")
    assert recovered.body["priority"] == "snapshot"
    assert recovered.parameters["wait"] == "true"
    metadata = fake_server.client.get_collection("products_demo").config.metadata
    assert not {BUILDER, BEAT, COPIED} & metadata.keys()


def test_the_generation_before_is_as_it_was_and_a_rollback_publishes_it(store):
    update(store)
    store.rollback("demo")
    assert same(stored(store), {point.id: point for point in BEFORE})


def test_snapshots_that_others_have_made_are_left_alone(fake_server, store):
    name = fake_server.names()[-1]
    theirs = store.engine.connection.client.create_shard_snapshot(name, 0).name
    update(store)
    assert fake_server.shards.all_snapshots() == [theirs]


@pytest.mark.parametrize(
    ("step", "status"),
    [
        ("GET .*/cluster", 403),
        ("POST .*/snapshots", 403),
        ("POST .*/snapshots", 507),
        ("PUT .*/recover", 400),
        ("PUT .*/recover", 507),
    ],
)
def test_a_server_that_cannot_copy_by_itself_is_sent_everything(
    fake_server, store, caplog, step, status
):
    fake_server.faults.append(Fault(step, times=10**6, status=status, words="not here"))
    update(store)
    assert same(stored(store), AFTER)
    assert "All points are sent again." in caplog.text
    fake_server.faults.clear()
    store.update(SPEC, [])
    assert kept_tidy(fake_server)


def test_points_that_are_not_fit_are_found_after_the_copy_and_nothing_is_left_of_it(
    fake_server, store
):
    with pytest.raises(StoreError, match="is zero"):
        store.update(SPEC, [*CHANGES, Point("bad", {}, {"text": np.zeros(SPEC.dim)})])
    assert same(stored(store), {point.id: point for point in BEFORE})
    assert (len(fake_server.names()), fake_server.shards.all_snapshots()) == (2, [])


def test_a_server_reads_its_snapshot_by_its_key_and_address():
    with (
        FakeServer(api_key="all-secret") as fake_server,
        open_server(fake_server.url, "all-secret") as store,
    ):
        store.build(SPEC, BEFORE)
        update(store)
        [recovered] = fake_server.requests("PUT .*/recover")
        assert recovered.body["api_key"] == "all-secret"
        assert recovered.body["location"].startswith(
            f"{fake_server.url}/collections/products_demo__"
        )
        assert len(recovered.body["checksum"]) == 64


@pytest.mark.parametrize(
    ("step", "done"), [(step, done) for step, all_ in STEPS.items() for done in all_]
)
def test_a_server_killed_in_the_middle_of_a_step_loses_nothing(fake_server, store, step, done):
    fake_server.faults.append(Fault(step, lose=done, kill=True))
    update(store)
    assert not fake_server.faults[0].times
    assert same(stored(store), AFTER)
    assert kept_tidy(fake_server)


@pytest.mark.parametrize(
    ("step", "done"), [(step, done) for step in STEPS for done in (False, True)]
)
def test_a_client_killed_in_the_middle_of_a_step_publishes_all_or_nothing(
    fake_server, store, monkeypatch, step, done
):
    with monkeypatch.context() as patch:
        end_at(patch, fake_server, step, done=done)
        with pytest.raises(Ended):
            update(store)
    monkeypatch.setattr(server_generations, "_runs", lambda process: False)
    with open_server(fake_server.url) as store:
        published = ["POST /collections/aliases", "DELETE /collections/[^/]+"]
        moved = step == published[1] or (step == published[0] and done)
        assert same(stored(store), AFTER if moved else {point.id: point for point in BEFORE})
        update(store)
        assert same(stored(store), AFTER)
        assert kept_tidy(fake_server)


def end_at(patch: pytest.MonkeyPatch, fake_server: FakeServer, step: str, *, done: bool) -> None:
    """End the client before the first request of a step, or after it: nothing is sent any more."""
    send = ApiClient.send_inner
    ended = False
    fake_server.received.clear()

    def send_until_then(client: ApiClient, request: httpx.Request) -> httpx.Response:
        nonlocal ended
        if ended:
            raise Ended
        ended = bool(re.fullmatch(step, f"{request.method} {request.url.path}"))
        if ended and not done:
            raise Ended
        answer = send(client, request)
        if ended:
            raise Ended
        return answer

    patch.setattr(ApiClient, "send_inner", send_until_then)
