"""The way to a server: keys, versions, TLS, addresses, and what is no Qdrant server."""

import re
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from qdrant.errors import (
    EngineError,
    StoreError,
)
from qdrant.server.connection import connect
from qdrant.server.engine import ServerEngine
from qdrant.store import Store
from tests.qdrant.clock import Time, timed
from tests.qdrant.fake_server import FakeServer, Fault
from tests.qdrant.shop import SPEC, ids, shop, vectors

QUERY = vectors(1, seed=99)[0]


def sentence_of(
    fake_server: FakeServer, key: str | None = None, act=lambda store: store.collections()
):
    with timed(connect(fake_server.url, key), Time()) as store, pytest.raises(StoreError) as caught:
        act(store)
    assert "\n" not in str(caught.value)
    assert key is None or key not in str(caught.value)
    return caught.value


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
