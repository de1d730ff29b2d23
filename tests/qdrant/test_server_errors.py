"""A server that is not there, busy, or will not: what is tried again, and what a person reads."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from qdrant.errors import (
    CollectionMissing,
    DiskFull,
    EngineError,
    StoreError,
)
from qdrant.server import connection as connections
from qdrant.server.connection import SEARCHING, Connection, connect
from qdrant.server.engine import ServerEngine
from qdrant.store import Store
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, ids, nearest, shop, vectors

pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")

QUERY = vectors(1, seed=99)[0]
SEARCH, UPSERT = "POST .*/query/batch", "PUT .*/points"


class Time:
    """A clock that pausing moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def timed(connection: Connection, time: Time) -> Store:
    connection.clock = lambda: time.now
    connection.pause = time.pause
    return Store(ServerEngine(connection))


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
    assert len(fake_server.client.get_collections().collections) == 2


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


def sentence_of(
    fake_server: FakeServer, key: str | None = None, act=lambda store: store.collections()
):
    with timed(connect(fake_server.url, key), Time()) as store, pytest.raises(StoreError) as caught:
        act(store)
    assert "\n" not in str(caught.value)
    assert key is None or key not in str(caught.value)
    return caught.value


def test_a_missing_key_is_reported():
    with FakeServer(api_key="all", read_only_key="some") as fake_server:
        error = sentence_of(fake_server)
        assert isinstance(error, EngineError)
        assert re.search("requires an API key; set QDRANT_API_KEY", str(error))


def test_a_wrong_key_is_reported_and_not_printed():
    with FakeServer(api_key="all", read_only_key="some") as fake_server:
        error = sentence_of(fake_server, "wrong-secret")
        assert isinstance(error, EngineError)
        assert "rejects the key of QDRANT_API_KEY" in str(error)


def test_a_key_that_may_only_read_reads_and_is_reported_when_it_should_write():
    with FakeServer(api_key="all", read_only_key="some-secret") as fake_server:
        with Store(ServerEngine(connect(fake_server.url, "all"))) as writer:
            writer.build(SPEC, shop(10))
        with Store(ServerEngine(connect(fake_server.url, "some-secret"))) as reader:
            assert reader.search("demo", QUERY)
            assert reader.facet("demo", "brand")
            assert list(reader.scroll("demo"))
        error = sentence_of(fake_server, "some-secret", lambda store: store.build(SPEC, shop(10)))
        assert isinstance(error, EngineError)
        assert "QDRANT_API_KEY may only read" in str(error)


def test_a_token_limited_to_the_alias_searches_and_notices_a_new_generation():
    with FakeServer(api_key="all") as fake_server:
        fake_server.tokens["some"] = "products_demo"
        connection = connect(fake_server.url, "some")
        connection.clock = lambda: 0.0  # what it knows never grows old
        with (
            Store(ServerEngine(connect(fake_server.url, "all"))) as writer,
            Store(ServerEngine(connection)) as reader,
        ):
            writer.build(SPEC, shop(10))
            assert ids(reader.search("demo", QUERY)[0]) == ids(writer.search("demo", QUERY)[0])
            assert reader.count("demo") == 10
            assert len(list(reader.scroll("demo"))) == 10
            writer.build(SPEC, shop(20))
            assert reader.count("demo") == reader.collection("demo").points == 20
            with pytest.raises(EngineError, match="forbids this"):
                reader.build(SPEC, shop(5))


def test_other_errors_keep_the_servers_words(fake_server):
    fake_server.faults.append(Fault("GET .*", times=2, status=403, words="Forbidden: locked"))
    assert "forbids this: Forbidden: locked" in str(sentence_of(fake_server))


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
    assert len(fake_server.client.get_collections().collections) == 1


def test_vectors_of_another_length_are_reported(fake_server, store):
    words = "Wrong input: Vector dimension error: expected dim: 8, got 16"
    fake_server.faults.append(Fault(SEARCH, status=400, words=words))
    with pytest.raises(StoreError, match=r"expected dim: 8, got 16.*build it anew"):
        store.search("demo", QUERY)


def test_a_collection_that_was_dropped_is_reported(fake_server, store):
    store.count("demo")
    for collection in fake_server.client.get_collections().collections:
        fake_server.client.delete_collection(collection.name)
    with pytest.raises(CollectionMissing, match="make it with `vitrine ingest vectors"):
        store.search("demo", QUERY)


@pytest.mark.parametrize("version", ["1.17.1", "1.9.0", "0.11.0"])
def test_a_server_without_what_is_asked_of_it_is_refused(fake_server, version):
    fake_server.version = version
    error = str(sentence_of(fake_server))
    assert f"is version {version}; Vitrine needs 1.18 or later, which limits" in error
    assert "run qdrant/qdrant:v1.20.0" in error


@pytest.mark.parametrize("version", ["1.18.2", "1.22.0", "2.20.0"])
def test_a_server_that_the_client_was_not_made_for_is_used_with_a_warning(
    fake_server, caplog, version
):
    fake_server.version = version
    with Store(ServerEngine(connect(fake_server.url))) as store:
        store.collections()
        store.build(SPEC, shop(10))
    [warning] = caplog.messages
    assert f"is version {version}; qdrant-client" in warning
    assert "is made for versions 1.19 to 1.21." in warning


@pytest.mark.parametrize("version", ["1.19.0", "1.20.3", "1.21.0", "1.21.0-dev", "unknown"])
def test_a_server_of_the_clients_range_is_used_without(fake_server, caplog, version):
    fake_server.version = version
    with Store(ServerEngine(connect(fake_server.url))) as store:
        assert store.collections() == []
    assert caplog.messages == []


def test_https_to_a_server_without_tls_is_reported(fake_server):
    with (
        Store(ServerEngine(connect(fake_server.url.replace("http:", "https:")))) as store,
        pytest.raises(EngineError, match="does not speak TLS; write http:// in QDRANT_URL"),
    ):
        store.collections()


@pytest.fixture
def tls_port() -> Iterator[int]:
    """A server that speaks TLS, with a certificate that nobody signed."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(Path(__file__).parent.parent / "hostile_server.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def test_http_to_a_server_with_tls_is_reported(tls_port):
    with (
        Store(ServerEngine(connect(f"http://127.0.0.1:{tls_port}"))) as store,
        pytest.raises(EngineError, match="if it requires TLS, write https:// in QDRANT_URL"),
    ):
        store.collections()


def test_a_certificate_that_nobody_signed_is_reported(tls_port):
    with (
        Store(ServerEngine(connect(f"https://127.0.0.1:{tls_port}"))) as store,
        pytest.raises(EngineError, match=r"certificate of https.* is not trusted"),
    ):
        store.collections()


def test_what_is_no_qdrant_server_is_reported(fake_server):
    page = "<html><h1>Welcome to nginx!</h1></html>"
    fake_server.faults.append(Fault("GET /", status=200, page=page))
    assert "is not a Qdrant server: its answer is not JSON" in str(sentence_of(fake_server))
    fake_server.faults.append(Fault("GET /", status=404, page=page))
    assert "has one at another path (Welcome to nginx!)" in str(sentence_of(fake_server))


def test_a_wrong_path_behind_a_proxy_is_reported_though_its_answer_is_empty(fake_server):
    """A Qdrant server answers a path that it does not have with 404 and nothing else."""
    fake_server.faults.append(Fault("GET /", status=404, page=""))
    error = str(sentence_of(fake_server))
    assert "at another path (404 Not Found without a text); set QDRANT_URL to the server" in error


@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_refusal_without_a_text_has_its_status_in_the_sentence(fake_server, status):
    fake_server.faults.append(Fault("GET /", status=status, page=""))
    assert f"{status} " in str(sentence_of(fake_server))


@pytest.mark.parametrize("url", ["localhost:6333", "qdrant", "ftp://qdrant:6333"])
def test_an_address_without_a_scheme_is_an_error(url):
    with pytest.raises(StoreError, match=f"QDRANT_URL is '{url}': it must start with http://"):
        connect(url)


def test_a_password_in_the_address_is_not_printed():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with (
            Store(ServerEngine(connect(f"http://user:secret@127.0.0.1:{port}"))) as store,
            pytest.raises(EngineError) as caught,
        ):
            store.collections()
    assert "secret" not in str(caught.value)
    assert f"http://127.0.0.1:{port}" in str(caught.value)
