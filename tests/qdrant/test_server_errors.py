"""Errors of a server: those that pass are waited for, the others are one sentence."""

import socket
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from qdrant.errors import (
    CollectionMissing,
    DiskFull,
    EngineError,
    StoreError,
)
from qdrant.server import connection as connections
from qdrant.server.connection import SEARCHING, connect
from qdrant.store import Store
from tests.qdrant.clock import Time, timed
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, ids, nearest, shop, vectors

QUERY = vectors(1, seed=99)[0]


SEARCH, UPSERT = "POST .*/query/batch", "PUT .*/points"


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def store(fake_server: FakeServer, time: Time) -> Iterator[Store]:
    """A store with a shop, on the test's own clock."""
    with timed(connect(fake_server.url), time) as opened:
        opened.build(SPEC, shop(20))
        time.pauses.clear()
        yield opened


PASSING = {
    "429": {"status": 429},
    "503": {"status": 503},
    "408": {"status": 408},
    "502": {"status": 502},
    "the request is lost": {"lose": "request"},
    "the answer is lost": {"lose": "answer"},
    "the answer is cut": {"cut": True},
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_search_outlasts_what_passes(fake_server, store, time, fault):
    wanted = nearest(shop(20), QUERY, "fused", 10)
    fake_server.faults.append(Fault(SEARCH, times=3, **PASSING[fault]))
    assert ids(store.search("demo", QUERY)[0]) == wanted
    first, second, third = time.pauses
    assert 0.05 <= first <= 0.1 <= second <= 0.2 <= third <= 0.4


@pytest.mark.parametrize("fault", PASSING)
@pytest.mark.parametrize(
    "asked",
    [
        "PUT /collections/[^/]+",
        "PUT .*/index",
        "PUT .*/points",
        "PATCH .*",
        "POST .*/count",
        "POST /collections/aliases",
        "DELETE .*",
        "GET .*",
    ],
)
def test_a_build_retries_transient_failures_of_every_request(fake_server, store, asked, fault):
    store.build(SPEC, shop(25))
    fake_server.faults.append(Fault(asked, times=1, **PASSING[fault]))
    store.build(SPEC, shop(30))
    assert fake_server.faults[0].times == 0
    assert store.count("demo") == store.collection("demo").points == 30
    assert store.rollback("demo").points == 25
    assert len(fake_server.names()) == 2


def test_the_server_sets_the_pause_before_a_retry(fake_server, store, time):
    fake_server.faults.append(Fault(SEARCH, status=429, headers={"Retry-After": "7"}))
    fake_server.faults.append(Fault(SEARCH, status=503, headers={"Retry-After": "3"}))
    assert store.search("demo", QUERY)
    assert time.pauses == [7, 3]


def test_a_retry_after_that_is_a_date_is_no_reason_to_give_up(fake_server, store):
    date = {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}
    fake_server.faults.append(Fault(SEARCH, status=429, headers=date))
    assert store.search("demo", QUERY)


def test_a_wait_beyond_the_limit_is_reported_at_once(fake_server, store, time):
    fake_server.faults.append(Fault(SEARCH, status=429, headers={"Retry-After": "60"}))
    with pytest.raises(EngineError, match=r"too busy to answer .*out of order.*; try again later"):
        store.search("demo", QUERY)
    assert time.pauses == []


def test_a_search_gives_up_within_its_limit(fake_server, store, time):
    fake_server.faults.append(Fault(SEARCH, times=1000, status=503))
    began = time.now
    with pytest.raises(EngineError, match=r"too busy to answer \(503, out of order\)"):
        store.search("demo", QUERY)
    assert SEARCHING.seconds / 2 < time.now - began <= SEARCHING.seconds


def test_a_permanent_failure_is_not_retried(fake_server, store, time):
    fake_server.faults.append(Fault(SEARCH, times=9, status=500, words="panicked"))
    with pytest.raises(EngineError, match=r"http://127\S+ refused \(500\): panicked\."):
        store.search("demo", QUERY)
    assert (fake_server.faults[0].times, time.pauses) == (8, [])


def test_an_answer_that_does_not_come_is_reported(fake_server, time, monkeypatch):
    released = threading.Event()
    with timed(connect(fake_server.url), time) as builder:
        builder.build(SPEC, shop(5))
    monkeypatch.setattr(connections, "ANSWER", 1)
    with timed(connect(fake_server.url), time) as store:
        # The first try takes all the time there is.
        store.engine.connection.clock = count(0, SEARCHING.seconds).__next__
        fake_server.faults.append(Fault(SEARCH, hold=released))
        with pytest.raises(EngineError, match="did not answer in time"):
            store.search("demo", QUERY)
        released.set()


def test_a_server_that_never_answered_is_not_waited_for(time):
    with socket.socket() as unused:  # bound, never listening: a connection is refused
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with (
            timed(connect(url), time) as store,
            pytest.raises(EngineError, match=f"No Qdrant server answers at {url} .*set QDRANT_URL"),
        ):
            store.collections()
    assert time.pauses == []


def test_one_that_goes_away_is(fake_server, store, time):
    fake_server.stop()

    def pause(seconds: float) -> None:
        time.pause(seconds)
        if len(time.pauses) == 4:
            fake_server.start()

    store.engine.connection.pause = pause
    assert store.search("demo", QUERY)
    assert len(time.pauses) == 4


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (500, "Service internal error: No space left on device: WAL buffer size exceeds"),
        (507, "Insufficient storage"),
    ],
)
def test_a_full_disk_is_reported_and_nothing_published_is_touched(
    fake_server, store, status, words
):
    fake_server.faults.append(Fault(UPSERT, times=99, status=status, words=words))
    with pytest.raises(DiskFull, match=r"disk of the Qdrant server at .* is full; free some space"):
        store.build(SPEC, shop(30))
    assert store.count("demo") == 20
    assert len(fake_server.names()) == 1


def test_vectors_of_another_length_are_reported(fake_server, store):
    words = "Wrong input: Vector dimension error: expected dim: 8, got 16"
    fake_server.faults.append(Fault(SEARCH, status=400, words=words))
    with pytest.raises(StoreError, match=r"expected dim: 8, got 16.*build it anew"):
        store.search("demo", QUERY)


def test_a_collection_that_was_dropped_is_reported(fake_server, store):
    store.count("demo")
    for name in fake_server.names():
        fake_server.client.delete_collection(name)
    with pytest.raises(CollectionMissing, match="make it with `vitrine ingest vectors"):
        store.search("demo", QUERY)
