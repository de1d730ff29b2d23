import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pictures.errors import PictureError
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetcher, fetch_picture
from tests.hostile_responses import JPEG
from tests.hostile_server import HostileServer
from tests.pictures.fetching import (
    HOST,
    LONG_TIMEOUTS,
    SHORT_TIMEOUTS,
    FakeResolver,
    RecordedSleeps,
    fetch,
    fetch_error,
    fetching,
)
from vitrine import VitrineError

FAR = "&after=Sun,%2006%20Nov%20" + "9" * 30 + "%2008:49:37%20GMT"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with HostileServer() as server:
        yield server


def test_a_busy_host_is_retried_after_the_seconds_of_its_retry_after(server: HostileServer) -> None:
    sleeps = RecordedSleeps()
    address = server.address("/busy?status=429&times=2&after=7")

    fetched = fetch(address, replace(LONG_TIMEOUTS, retries=2), sleep=sleeps)

    assert (fetched, len(server.requests)) == (JPEG, 3)
    assert sleeps == [7.0, 7.0]


def test_retry_after_may_be_a_date(server: HostileServer) -> None:
    sleeps = RecordedSleeps()
    date = "Sun,%2006%20Nov%201994%2008:49:37%20GMT"  # RFC 9110's example: 784111777

    for now in (784111777 - 9, 784111777 + 9):
        server.reset_counts()
        address = server.address(f"/busy?status=503&times=1&after={date}")
        fetch(address, replace(LONG_TIMEOUTS, retries=1), sleep=sleeps, now=lambda now=now: now)

    assert sleeps == [9.0, 0.0]


@pytest.mark.parametrize("after", ["3600", "9" * 5000, "15"])
@pytest.mark.parametrize(("total", "longest_wait"), [(14, 30), (60, 14)])
def test_a_host_whose_retry_after_exceeds_the_limits_is_not_retried(
    server: HostileServer, after: str, total: float, longest_wait: float
) -> None:
    sleeps = RecordedSleeps()
    settings = replace(LONG_TIMEOUTS, retries=2, total=total, longest_wait=longest_wait)

    error = fetch_error(
        server.address(f"/busy?status=429&times=1&after={after}"), settings, sleep=sleeps
    )

    assert (error.reason, len(server.requests), sleeps) == ("http 429", 1, [])


@pytest.mark.parametrize("after", ["", "&after=soon", "&after=-1", FAR])
def test_without_a_readable_retry_after_the_backoff_doubles_with_jitter(
    server: HostileServer, after: str
) -> None:
    sleeps = RecordedSleeps()
    settings = replace(LONG_TIMEOUTS, retries=4, backoff=1.0, longest_wait=3.0)

    error = fetch_error(server.address(f"/busy?status=502&times=9{after}"), settings, sleep=sleeps)

    assert (error.reason, len(server.requests)) == ("http 502", 5)
    for wait, longest in zip(sleeps, (1.0, 2.0, 3.0, 3.0), strict=True):
        assert longest / 2 <= wait <= longest
    assert sleeps != [1.0, 2.0, 3.0, 3.0]


def test_waits_count_towards_the_total(server: HostileServer) -> None:
    sleeps = RecordedSleeps()
    settings = replace(LONG_TIMEOUTS, retries=9, total=200, longest_wait=100)

    error = fetch_error(server.address("/busy?status=429&times=9&after=80"), settings, sleep=sleeps)

    assert (error.reason, sleeps) == ("http 429", [80.0, 80.0])


def test_attempts_count_towards_the_total(server: HostileServer) -> None:
    settings = replace(LONG_TIMEOUTS, retries=10**9, backoff=0, total=0.3)

    error = fetch_error(server.address("/hang-up"), settings, sleep=RecordedSleeps())

    assert error.reason in ("timeout", "connection failed")  # as it happens to be when time is up


@pytest.mark.parametrize(("page", "requests"), [("/hang-up", 3), ("/cut-off", 3), ("/nowhere", 1)])
def test_broken_connections_are_retried_and_client_errors_are_not(
    server: HostileServer, page: str, requests: int
) -> None:
    fetch_error(server.address(page), replace(LONG_TIMEOUTS, retries=2), sleep=RecordedSleeps())

    assert len(server.requests) == requests


def test_a_timeout_is_not_retried(server: HostileServer) -> None:
    sleeps = RecordedSleeps()

    error = fetch_error(server.address("/hang"), replace(SHORT_TIMEOUTS, retries=3), sleep=sleeps)

    assert (error.reason, sleeps) == ("timeout", [])
    assert server.connections <= 1  # none where time was up before the server accepted it


def test_a_host_that_is_waited_for_gets_no_other_request_meanwhile(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(busy_test=[["127.0.0.1"]], quick_test=[["127.0.0.1"]])
    settings = replace(LONG_TIMEOUTS, retries=1, per_host=1, concurrency=1)

    async def work() -> list[str]:
        waiting, over = asyncio.Event(), asyncio.Event()

        async def sleep(seconds: float) -> None:
            waiting.set()
            await over.wait()

        async with Fetcher(settings, resolve=resolver, sleep=sleep) as fetcher:
            busy = server.address("/busy?status=429&times=1&after=5", host="busy.test")
            first = asyncio.create_task(fetcher.fetch(busy))
            await waiting.wait()
            second = asyncio.create_task(
                fetcher.fetch(server.address("/packed-picture", host="busy.test"))
            )
            await fetcher.fetch(server.address("/picture.jpg", host="quick.test"))
            over.set()
            await asyncio.gather(first, second)
        return [request.path for request in server.requests]

    assert asyncio.run(work()) == ["/busy", "/picture.jpg", "/busy", "/packed-picture"]


async def concurrent_requests(
    fetcher: Fetcher, server: HostileServer, addresses: list[str], expected: int
) -> tuple[int, list[bytes]]:
    """Request everything at once; how many requests arrived when all that can have arrived."""
    tasks = [asyncio.create_task(fetcher.fetch(address)) for address in addresses]
    await asyncio.to_thread(server.wait_for_concurrent, expected)
    async with Fetcher(
        LONG_TIMEOUTS
    ) as other:  # requests on their way arrive before these round trips
        for _ in range(3):
            await other.fetch(server.address("/picture.jpg"))
    arrived = server.concurrent
    server.open_gate()
    return arrived, await asyncio.gather(*tasks)


def test_concurrent_requests_to_one_host_stay_below_its_limit(server: HostileServer) -> None:
    settings = replace(LONG_TIMEOUTS, per_host=3, concurrency=20)
    addresses = [server.address("/gate")] * 12

    arrived, fetched = fetching(lambda f: concurrent_requests(f, server, addresses, 3), settings)

    assert arrived == server.max_concurrent == 3
    assert len(fetched) == 12


def test_concurrent_requests_to_all_hosts_stay_below_the_limit(
    server: HostileServer,
) -> None:
    resolver = FakeResolver(**{f"shop{n}_test": [["127.0.0.1"]] for n in range(6)})
    settings = replace(LONG_TIMEOUTS, per_host=3, concurrency=4)
    addresses = [server.address("/gate", host=f"shop{n}.test") for n in range(6)] * 2

    arrived, fetched = fetching(
        lambda f: concurrent_requests(f, server, addresses, 4), settings, resolve=resolver
    )

    assert arrived == server.max_concurrent == 4
    assert len(fetched) == 12


def test_a_host_that_hangs_does_not_delay_the_others(server: HostileServer) -> None:
    resolver = FakeResolver(slow_test=[["127.0.0.1"]], quick_test=[["127.0.0.1"]])
    settings = replace(LONG_TIMEOUTS, per_host=2, concurrency=3)

    async def work(fetcher: Fetcher) -> bytes:
        slow = server.address("/hang", host="slow.test")
        hanging = [asyncio.create_task(fetcher.fetch(slow)) for _ in range(10)]
        fetched = await fetcher.fetch(server.address("/picture.jpg", host="quick.test"))
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return fetched

    assert fetching(work, settings, resolve=resolver) == JPEG


def test_waiting_for_a_connection_does_not_count_towards_the_total(
    server: HostileServer,
) -> None:
    settings = replace(LONG_TIMEOUTS, total=1.5, per_host=1)

    async def work(fetcher: Fetcher) -> list[Any]:
        hanging = fetcher.fetch(server.address("/hang"))
        last = fetcher.fetch(server.address("/picture.jpg"))
        return await asyncio.gather(hanging, last, return_exceptions=True)

    hanging, last = fetching(work, settings)
    assert hanging.reason == "timeout"
    assert last == JPEG


def test_a_cancelled_fetch_frees_its_connection(server: HostileServer) -> None:
    async def work(fetcher: Fetcher) -> bytes:
        task = asyncio.create_task(fetcher.fetch(server.address("/gate")))
        await asyncio.to_thread(server.wait_for_concurrent, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await fetcher.fetch(server.address("/picture.jpg"))

    assert fetching(work, replace(LONG_TIMEOUTS, per_host=1, concurrency=1)) == JPEG


def test_connections_are_reused(server: HostileServer) -> None:
    resolver = FakeResolver(pictures_test=[["127.0.0.1"]])
    address = server.address("/picture.jpg", host=HOST)

    async def work(fetcher: Fetcher) -> None:
        for _ in range(5):
            await fetcher.fetch(address)
        await asyncio.gather(*(fetcher.fetch(address) for _ in range(40)))

    fetching(work, replace(LONG_TIMEOUTS, per_host=4), resolve=resolver)
    assert [request.connection for request in server.requests[:5]] == [1] * 5
    assert len(server.requests) == 45
    assert server.connections <= 4
    assert len(resolver.asked) == server.connections


def test_cookies_are_not_kept(server: HostileServer) -> None:
    async def work(fetcher: Fetcher) -> None:
        await fetcher.fetch(server.address("/cookie"))
        await fetcher.fetch(server.address("/picture.jpg"))

    fetching(work)
    assert "cookie" not in server.requests[-1].headers


def test_requests_carry_the_user_agent_and_accept_no_compression(
    server: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VITRINE_USER_AGENT", raising=False)
    fetch(server.address("/picture.jpg"), FetchSettings(allow_loopback=True))
    monkeypatch.setenv("VITRINE_USER_AGENT", "Shop/2 (me@example.com)")
    fetch(server.address("/picture.jpg"), FetchSettings(allow_loopback=True))

    first, second = (request.headers for request in server.requests)
    assert first["user-agent"].startswith("Vitrine/")
    assert second["user-agent"] == "Shop/2 (me@example.com)"
    assert first["accept-encoding"] == "identity"


def test_a_user_agent_that_cannot_be_sent_is_an_error_with_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRINE_USER_AGENT", "Shop\r\nX-Evil: 1")
    with pytest.raises(VitrineError, match="VITRINE_USER_AGENT"):
        FetchSettings()


def test_one_picture_can_be_fetched_without_an_event_loop(server: HostileServer) -> None:
    assert fetch_picture(server.address("/picture.jpg"), LONG_TIMEOUTS) == JPEG
    with pytest.raises(PictureError) as caught:
        fetch_picture(server.address("/picture.jpg"))
    assert caught.value.reason == "refused address"
