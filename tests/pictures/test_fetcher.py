import asyncio
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from pictures import fetcher
from pictures.errors import PictureError
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetcher, fetch_picture
from pictures.limit import Busy
from tests.hostile_responses import JPEG
from tests.hostile_server import HostileServer
from tests.pictures.fetching import (
    HOST,
    LONG_TIMEOUTS,
    PUBLIC,
    SHORT_TIMEOUTS,
    SMALL_CAP,
    FakeResolver,
    fetch,
    fetch_error,
    fetching,
    trusting,
)


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def test_a_picture_arrives_unchanged_with_its_address_and_label(server: HostileServer) -> None:
    fetched = fetch(server.address("/picture.jpg#top"))

    assert fetched == JPEG


@pytest.mark.parametrize("page", ["/picture-called-text", "/unlabelled", "/packed-picture"])
def test_a_picture_with_a_wrong_label_or_unrequested_compression_is_accepted(
    server: HostileServer, page: str
) -> None:
    assert fetch(server.address(page)) == JPEG


HOSTILE = [
    ("/hang", SHORT_TIMEOUTS, "timeout"),
    ("/hang-in-body", SHORT_TIMEOUTS, "timeout"),
    ("/slow", SHORT_TIMEOUTS, "timeout"),
    ("/slow-headers", SHORT_TIMEOUTS, "timeout"),
    ("/promises-forever", SHORT_TIMEOUTS, "timeout"),
    ("/endless-headers", LONG_TIMEOUTS, "connection failed"),
    ("/garbage", LONG_TIMEOUTS, "connection failed"),
    ("/two-lengths", LONG_TIMEOUTS, "connection failed"),
    ("/cut-off", LONG_TIMEOUTS, "connection failed"),
    ("/hang-up", LONG_TIMEOUTS, "connection failed"),
    ("/upgrade", LONG_TIMEOUTS, "connection failed"),
    ("/endless", SMALL_CAP, "too large"),
    ("/declared-large", SMALL_CAP, "too large"),
    ("/gzip-bomb", SMALL_CAP, "too large"),
    ("/deflate-bomb", SMALL_CAP, "too large"),
    ("/endless-packed-nothing", SMALL_CAP, "too large"),
    ("/loop", LONG_TIMEOUTS, "too many redirects"),
    ("/redirect-nowhere", LONG_TIMEOUTS, "http 302"),
    ("/redirect?to=file:///etc/passwd", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=data:image/png,x", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=http://user:secret@127.0.0.1/", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=http://10.0.0.1/", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=//169.254.169.254/latest/meta-data", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=http://[::ffff:192.168.0.1]/", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=http://[::1", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=http://127.0.0.1:99999/", LONG_TIMEOUTS, "refused address"),
    ("/redirect?to=mailto:x", LONG_TIMEOUTS, "refused address"),
    ("/html", LONG_TIMEOUTS, "not a picture"),
    ("/html-called-jpeg", LONG_TIMEOUTS, "not a picture"),
    ("/svg", LONG_TIMEOUTS, "format not read"),
    ("/brotli", LONG_TIMEOUTS, "not a picture"),
    ("/gzip-twice", LONG_TIMEOUTS, "not a picture"),
    ("/broken-gzip", LONG_TIMEOUTS, "not a picture"),
    ("/empty", LONG_TIMEOUTS, "empty"),
    ("/empty-packed", LONG_TIMEOUTS, "empty"),
    ("/status?is=204", LONG_TIMEOUTS, "http 204"),
    ("/status?is=206", LONG_TIMEOUTS, "http 206"),
    ("/status?is=403", LONG_TIMEOUTS, "http 403"),
    ("/nowhere", LONG_TIMEOUTS, "http 404"),
    ("/status?is=429", LONG_TIMEOUTS, "http 429"),
    ("/status?is=500", LONG_TIMEOUTS, "http 500"),
]


@pytest.mark.parametrize(
    ("page", "settings", "reason"), HOSTILE, ids=[page for page, *_ in HOSTILE]
)
def test_each_hostile_response_ends_as_one_reason(
    server: HostileServer, page: str, settings: FetchSettings, reason: str
) -> None:
    error = fetch_error(server.address(page), settings)

    assert error.reason == reason
    assert error.sentence.endswith(".")
    assert "secret" not in error.sentence


def test_a_host_that_stops_sending_is_a_timeout_after_the_read_limit(
    server: HostileServer,
) -> None:
    settings = replace(LONG_TIMEOUTS, read=0.1, total=600)

    assert fetch_error(server.address("/hang-in-body"), settings).reason == "timeout"


def test_one_fetcher_survives_every_hostile_response_at_once(server: HostileServer) -> None:
    settings = replace(SMALL_CAP, read=1.5, total=2.0, per_host=50, concurrency=50)

    async def storm(fetcher: Fetcher) -> list[Any]:
        pages = (fetcher.fetch(server.address(page)) for page, *_ in HOSTILE)
        ends = await asyncio.gather(*pages, return_exceptions=True)
        return [*ends, await fetcher.fetch(server.address("/picture.jpg"))]

    *ends, last = fetching(storm, settings)
    assert all(isinstance(end, PictureError) for end in ends)
    assert last == JPEG


def test_a_decompression_bomb_is_never_decompressed_beyond_the_cap(server: HostileServer) -> None:
    cap = 2**20  # the bomb is eight times as large
    tracemalloc.start()
    try:
        error = fetch_error(server.address("/gzip-bomb"), replace(LONG_TIMEOUTS, max_bytes=cap))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert error.reason == "too large"
    assert peak < 5 * cap


def test_a_refused_connection_is_one_reason(server: HostileServer) -> None:
    address = server.address("/picture.jpg")
    server.__exit__(None, None, None)
    try:
        assert fetch_error(address).reason == "connection failed"
    finally:
        server.__enter__()


@pytest.mark.parametrize(
    "address",
    [
        "ftp://example.com/x.jpg",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:image/png;base64,AAAA",
        "//example.com/x.jpg",
        "example.com/x.jpg",
        "/etc/passwd",
        "",
        "http://",
        "http:///x.jpg",
        "http://user@example.com/x.jpg",
        "http://user:secret@example.com/x.jpg",
        "https://example.com\\@127.0.0.1/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://a..b/",
        "http://./",
        "http://%31%32%37.0.0.1/",
        "http://[::1]:80:80/",
        "http://x\x00y/",
        "http://" + "a" * 64 + ".com/",
        "http://" + "a." * 200 + "com/",
        "http://example.com/" + "x" * 100_000,
    ],
)
def test_what_is_no_plain_web_address_is_rejected_before_any_lookup(address: str) -> None:
    resolver = FakeResolver()

    error = fetch_error(address, resolve=resolver)

    assert error.reason == "refused address"
    assert resolver.asked == []
    assert len(error.sentence) < 300
    assert "secret" not in error.sentence


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "127.1",
        "0",
        "0.0.0.0",  # noqa: S104 - is connected to, or rather not
        "[::ffff:127.0.0.1]",
    ],
)
def test_no_spelling_of_loopback_is_connected_to(server: HostileServer, host: str) -> None:
    error = fetch_error(server.address("/picture.jpg", host=host), FetchSettings(retries=0))

    assert error.reason == "refused address"
    assert server.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], ["fe80::1%eth0"], ["?"]],
)
def test_a_name_is_rejected_unless_every_address_is_public(
    server: HostileServer, addresses: list[str]
) -> None:
    resolver = FakeResolver(pictures_test=[addresses])

    error = fetch_error(
        server.address("/picture.jpg", host=HOST), FetchSettings(), resolve=resolver
    )

    assert error.reason == "refused address"
    assert server.connections == 0


def test_a_private_address_beside_loopback_is_rejected_even_in_tests(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1", "10.0.0.1"]])

    assert fetch_error(server.address("/", host=HOST), resolve=resolver).reason == "refused address"
    assert server.connections == 0


@pytest.mark.parametrize("resolve", [FakeResolver(), FakeResolver(pictures_test=[[]])])
def test_a_name_without_an_address_is_an_unknown_host(resolve: FakeResolver) -> None:
    error = fetch_error(f"http://{HOST}/x.jpg", replace(LONG_TIMEOUTS, retries=2), resolve=resolve)

    assert error.reason == "unknown host"
    assert HOST in error.sentence


def test_a_lookup_that_never_ends_is_a_timeout() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    settings = replace(LONG_TIMEOUTS, connect=0.05, total=600)
    assert fetch_error(f"http://{HOST}/x.jpg", settings, resolve=silent).reason == "timeout"


def test_dns_rebinding_after_the_check_has_no_effect(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1"], ["10.0.0.1"]])

    fetched = fetch(server.address("/picture.jpg", host=HOST), resolve=resolver)

    assert fetched == JPEG
    assert resolver.asked == [HOST]
    assert server.requests[0].headers["host"] == f"{HOST}:{server.port}"


def test_dns_rebinding_between_two_connections_is_rejected(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1"], ["10.0.0.1"]])
    away = server.address("/redirect?to=/picture.jpg", host=HOST)

    assert fetch_error(away, resolve=resolver).reason == "refused address"
    assert [request.path for request in server.requests] == ["/redirect"]


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(
        pictures_test=[["127.1.2.3", "127.0.0.1"]]
    )  # nobody listens on the first

    assert fetch(server.address("/picture.jpg", host=HOST), resolve=resolver) == JPEG


def test_redirects_are_followed_to_another_name_which_is_resolved_too(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1"]], cdn_test=[["127.0.0.1"]])
    there = server.address("/picture.jpg", host="cdn.test")

    fetched = fetch(server.address(f"/redirect?to={there}", host=HOST), resolve=resolver)

    assert fetched == JPEG
    assert server.requests[-1].headers["host"] == f"cdn.test:{server.port}"
    assert resolver.asked == [HOST, "cdn.test"]


def test_proxies_of_the_environment_are_ignored(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert fetch(server.address("/picture.jpg")) == JPEG


def test_sni_and_certificate_are_those_of_the_name(server: HostileServer) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    address = server.address("/picture.jpg", host=HOST, tls=True)

    assert fetch(address, resolve=resolver, tls=trusting()) == JPEG
    assert server.requests[0].sni == HOST

    other = server.address("/picture.jpg", host="other.test", tls=True)
    assert fetch_error(other, resolve=resolver, tls=trusting()).reason == "tls"
    assert (
        fetch_error(address, resolve=resolver).reason == "tls"
    )  # nobody vouches for the certificate
    assert len(server.requests) == 1


def test_two_names_of_one_address_do_not_share_a_tls_connection(server: HostileServer) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])

    async def both(fetcher: Fetcher) -> bytes:
        await fetcher.fetch(server.address("/picture.jpg", host=HOST, tls=True))
        return await fetcher.fetch(server.address("/picture.jpg", host="other.test", tls=True))

    with pytest.raises(PictureError) as caught:
        fetching(both, resolve=resolver, tls=trusting())
    assert caught.value.reason == "tls"


def test_a_tls_handshake_without_an_answer_is_a_timeout_and_leaves_no_connection(
    server: HostileServer,
) -> None:
    address = server.address("/picture.jpg").replace("http:", "https:")  # waits for plain words

    async def work(fetcher: Fetcher) -> str:
        with pytest.raises(PictureError) as caught:
            await fetcher.fetch(address)
        await asyncio.to_thread(server.wait_for_disconnect)
        return caught.value.reason

    assert fetching(work, SHORT_TIMEOUTS) == "timeout"
    assert server.connections == 1


def test_one_query_more_than_the_limit_is_refused_before_its_request(server: HostileServer) -> None:
    with ExitStack() as others:
        for _ in range(fetcher.AT_ONCE):
            others.enter_context(fetcher._limit)
        with pytest.raises(Busy, match="16 pictures are being fetched; try again in a moment"):
            fetch_picture(server.address("/picture.jpg"), LONG_TIMEOUTS)
    assert server.requests == []
    assert fetch_picture(server.address("/picture.jpg"), LONG_TIMEOUTS) == JPEG
