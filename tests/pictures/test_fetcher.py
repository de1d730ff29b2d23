import asyncio
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetched, Fetcher, FetchError
from tests.hostile_responses import JPEG
from tests.hostile_server import HostileServer
from tests.pictures.fetching import (
    HURRIED,
    NAME,
    PATIENT,
    PUBLIC,
    SMALL,
    Names,
    failure,
    fetch,
    fetching,
    trusting,
)


@pytest.fixture
def web() -> Iterator[HostileServer]:
    with HostileServer() as web:
        yield web


def test_a_picture_arrives_unchanged_with_its_address_and_label(web: HostileServer) -> None:
    fetched = fetch(web.address("/picture.jpg#top"))

    assert fetched == Fetched(JPEG, web.address("/picture.jpg"), "image/jpeg", attempts=1)


@pytest.mark.parametrize("page", ["/picture-called-text", "/unlabelled", "/packed-picture"])
def test_a_real_picture_under_a_wrong_label_or_packed_unasked_is_taken(
    web: HostileServer, page: str
) -> None:
    assert fetch(web.address(page)).data == JPEG


HOSTILE = [
    ("/hang", HURRIED, "timeout"),
    ("/hang-in-body", HURRIED, "timeout"),
    ("/dribble", HURRIED, "timeout"),
    ("/dribble-headers", HURRIED, "timeout"),
    ("/promises-forever", HURRIED, "timeout"),
    ("/endless-headers", PATIENT, "connection failed"),
    ("/garbage", PATIENT, "connection failed"),
    ("/two-lengths", PATIENT, "connection failed"),
    ("/cut-off", PATIENT, "connection failed"),
    ("/hang-up", PATIENT, "connection failed"),
    ("/upgrade", PATIENT, "connection failed"),
    ("/endless", SMALL, "too large"),
    ("/declared-large", SMALL, "too large"),
    ("/gzip-bomb", SMALL, "too large"),
    ("/deflate-bomb", SMALL, "too large"),
    ("/endless-packed-nothing", SMALL, "too large"),
    ("/loop", PATIENT, "too many redirects"),
    ("/redirect-nowhere", PATIENT, "http 302"),
    ("/redirect?to=file:///etc/passwd", PATIENT, "refused address"),
    ("/redirect?to=data:image/png,x", PATIENT, "refused address"),
    ("/redirect?to=http://user:secret@127.0.0.1/", PATIENT, "refused address"),
    ("/redirect?to=http://10.0.0.1/", PATIENT, "refused address"),
    ("/redirect?to=//169.254.169.254/latest/meta-data", PATIENT, "refused address"),
    ("/redirect?to=http://[::ffff:192.168.0.1]/", PATIENT, "refused address"),
    ("/redirect?to=http://[::1", PATIENT, "refused address"),
    ("/redirect?to=http://127.0.0.1:99999/", PATIENT, "refused address"),
    ("/redirect?to=mailto:x", PATIENT, "refused address"),
    ("/html", PATIENT, "not a picture"),
    ("/html-called-jpeg", PATIENT, "not a picture"),
    ("/svg", PATIENT, "not a picture"),
    ("/brotli", PATIENT, "not a picture"),
    ("/gzip-twice", PATIENT, "not a picture"),
    ("/broken-gzip", PATIENT, "not a picture"),
    ("/empty", PATIENT, "empty"),
    ("/empty-packed", PATIENT, "empty"),
    ("/status?is=204", PATIENT, "http 204"),
    ("/status?is=206", PATIENT, "http 206"),
    ("/status?is=403", PATIENT, "http 403"),
    ("/nowhere", PATIENT, "http 404"),
    ("/status?is=429", PATIENT, "http 429"),
    ("/status?is=500", PATIENT, "http 500"),
]


@pytest.mark.parametrize(
    ("page", "settings", "reason"), HOSTILE, ids=[page for page, *_ in HOSTILE]
)
def test_each_hostility_ends_as_one_reason(
    web: HostileServer, page: str, settings: FetchSettings, reason: str
) -> None:
    error = failure(web.address(page), settings)

    assert error.reason == reason
    assert error.attempts == 1
    assert error.sentence.endswith(".")
    assert "secret" not in error.sentence


def test_a_host_that_falls_silent_is_waited_for_no_longer_than_the_read_limit(
    web: HostileServer,
) -> None:
    settings = replace(PATIENT, read=0.1, total=600)

    assert failure(web.address("/hang-in-body"), settings).reason == "timeout"


def test_one_fetcher_survives_every_hostility_at_once(web: HostileServer) -> None:
    settings = replace(SMALL, read=0.5, total=1.0, per_host=50, concurrency=50)

    async def storm(fetcher: Fetcher) -> list[Any]:
        pages = (fetcher.fetch(web.address(page)) for page, *_ in HOSTILE)
        ends = await asyncio.gather(*pages, return_exceptions=True)
        return [*ends, await fetcher.fetch(web.address("/picture.jpg"))]

    *ends, last = fetching(storm, settings)
    assert {type(end) for end in ends} == {FetchError}
    assert last.data == JPEG


def test_a_bomb_is_never_unpacked_beyond_the_cap(web: HostileServer) -> None:
    cap = 2**20  # the bomb is eight times as large
    tracemalloc.start()
    try:
        error = failure(web.address("/gzip-bomb"), replace(PATIENT, max_bytes=cap))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert error.reason == "too large"
    assert peak < 5 * cap


def test_a_refused_connection_is_one_reason(web: HostileServer) -> None:
    address = web.address("/picture.jpg")
    web.__exit__(None, None, None)
    try:
        assert failure(address).reason == "connection failed"
    finally:
        web.__enter__()


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
def test_what_is_no_plain_web_address_is_refused_before_any_lookup(address: str) -> None:
    names = Names()

    error = failure(address, resolve=names)

    assert error.reason == "refused address"
    assert names.asked == []
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
def test_no_spelling_of_this_machine_is_connected_to(web: HostileServer, host: str) -> None:
    error = failure(web.address("/picture.jpg", host=host), FetchSettings(retries=0))

    assert error.reason == "refused address"
    assert web.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], ["fe80::1%eth0"], ["?"]],
)
def test_a_name_is_refused_unless_every_address_is_public(
    web: HostileServer, addresses: list[str]
) -> None:
    names = Names(pictures_test=[addresses])

    error = failure(web.address("/picture.jpg", host=NAME), FetchSettings(), resolve=names)

    assert error.reason == "refused address"
    assert error.attempts == 1
    assert web.connections == 0


def test_a_private_address_beside_this_machines_own_is_refused_even_in_tests(
    web: HostileServer,
) -> None:
    names = Names(pictures_test=[["127.0.0.1", "10.0.0.1"]])

    assert failure(web.address("/", host=NAME), resolve=names).reason == "refused address"
    assert web.connections == 0


@pytest.mark.parametrize("resolve", [Names(), Names(pictures_test=[[]])])
def test_a_name_without_an_address_is_an_unknown_host(resolve: Names) -> None:
    error = failure(f"http://{NAME}/x.jpg", replace(PATIENT, retries=2), resolve=resolve)

    assert error.reason == "unknown host"
    assert error.attempts == 1
    assert NAME in error.sentence


def test_a_lookup_that_never_ends_is_a_timeout() -> None:
    async def silent(host: str, port: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    settings = replace(PATIENT, connect=0.05, total=600)
    assert failure(f"http://{NAME}/x.jpg", settings, resolve=silent).reason == "timeout"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.0.0.1"], ["10.0.0.1"]])

    fetched = fetch(web.address("/picture.jpg", host=NAME), resolve=names)

    assert fetched.data == JPEG
    assert names.asked == [NAME]
    assert web.requests[0].headers["host"] == f"{NAME}:{web.port}"


def test_a_name_that_turns_private_between_two_connections_is_refused(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.0.0.1"], ["10.0.0.1"]])
    away = web.address("/redirect?to=/picture.jpg", host=NAME)

    assert failure(away, resolve=names).reason == "refused address"
    assert [request.path for request in web.requests] == ["/redirect"]


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.1.2.3", "127.0.0.1"]])  # nobody listens on the first

    assert fetch(web.address("/picture.jpg", host=NAME), resolve=names).data == JPEG


def test_redirects_are_followed_to_another_name_which_is_looked_up_too(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.0.0.1"]], cdn_test=[["127.0.0.1"]])
    there = web.address("/picture.jpg", host="cdn.test")

    fetched = fetch(web.address(f"/redirect?to={there}", host=NAME), resolve=names)

    assert fetched.address == there
    assert names.asked == [NAME, "cdn.test"]


def test_proxies_of_the_environment_are_ignored(
    web: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert fetch(web.address("/picture.jpg")).data == JPEG


def test_a_secure_server_is_asked_and_judged_by_its_name(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    address = web.address("/picture.jpg", host=NAME, tls=True)

    assert fetch(address, resolve=names, tls=trusting()).data == JPEG
    assert web.requests[0].sni == NAME

    other = web.address("/picture.jpg", host="other.test", tls=True)
    assert failure(other, resolve=names, tls=trusting()).reason == "tls"
    assert failure(address, resolve=names).reason == "tls"  # nobody vouches for the certificate
    assert len(web.requests) == 1


def test_two_names_of_one_machine_do_not_share_a_secure_connection(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])

    async def both(fetcher: Fetcher) -> Fetched:
        await fetcher.fetch(web.address("/picture.jpg", host=NAME, tls=True))
        return await fetcher.fetch(web.address("/picture.jpg", host="other.test", tls=True))

    with pytest.raises(FetchError) as caught:
        fetching(both, resolve=names, tls=trusting())
    assert caught.value.reason == "tls"


def test_a_way_to_tls_that_ends_nowhere_is_a_timeout_and_leaves_no_connection(
    web: HostileServer,
) -> None:
    address = web.address("/picture.jpg").replace("http:", "https:")  # waits for plain words

    async def work(fetcher: Fetcher) -> str:
        with pytest.raises(FetchError) as caught:
            await fetcher.fetch(address)
        await asyncio.to_thread(web.wait_until_left)
        return caught.value.reason

    assert fetching(work, HURRIED) == "timeout"
    assert web.connections == 1
