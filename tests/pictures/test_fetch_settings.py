import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetched, Fetcher, FetchError, fetch_picture
from tests.hostile_responses import JPEG
from tests.hostile_server import HostileServer
from tests.pictures.fetching import HURRIED, NAME, PATIENT, Names, Sleeps, failure, fetch, fetching
from vitrine import VitrineError

FAR = "&after=Sun,%2006%20Nov%20" + "9" * 30 + "%2008:49:37%20GMT"


@pytest.fixture
def web() -> Iterator[HostileServer]:
    with HostileServer() as web:
        yield web


def test_a_busy_host_is_asked_again_as_soon_as_it_said_and_no_sooner(web: HostileServer) -> None:
    sleeps = Sleeps()
    address = web.address("/busy?status=429&times=2&after=7")

    fetched = fetch(address, replace(PATIENT, retries=2), sleep=sleeps)

    assert fetched.attempts == 3
    assert sleeps == [7.0, 7.0]


def test_a_host_may_say_by_date_when_to_come_back(web: HostileServer) -> None:
    sleeps = Sleeps()
    date = "Sun,%2006%20Nov%201994%2008:49:37%20GMT"  # RFC 9110's example: 784111777

    for now in (784111777 - 9, 784111777 + 9):
        web.forget()
        address = web.address(f"/busy?status=503&times=1&after={date}")
        fetch(address, replace(PATIENT, retries=1), sleep=sleeps, now=lambda now=now: now)

    assert sleeps == [9.0, 0.0]


@pytest.mark.parametrize("after", ["3600", "9" * 5000, "15"])
@pytest.mark.parametrize(("total", "longest_wait"), [(14, 30), (60, 14)])
def test_a_host_that_wants_a_longer_wait_than_there_is_time_for_is_left_alone(
    web: HostileServer, after: str, total: float, longest_wait: float
) -> None:
    sleeps = Sleeps()
    settings = replace(PATIENT, retries=2, total=total, longest_wait=longest_wait)

    error = failure(web.address(f"/busy?status=429&times=1&after={after}"), settings, sleep=sleeps)

    assert (error.reason, error.attempts, sleeps) == ("http 429", 1, [])


@pytest.mark.parametrize("after", ["", "&after=soon", "&after=-1", FAR])
def test_without_a_readable_retry_after_the_waits_double_with_some_chance(
    web: HostileServer, after: str
) -> None:
    sleeps = Sleeps()
    settings = replace(PATIENT, retries=4, backoff=1.0, longest_wait=3.0)

    error = failure(web.address(f"/busy?status=502&times=9{after}"), settings, sleep=sleeps)

    assert (error.reason, error.attempts, len(web.requests)) == ("http 502", 5, 5)
    for wait, longest in zip(sleeps, (1.0, 2.0, 3.0, 3.0), strict=True):
        assert longest / 2 <= wait <= longest
    assert sleeps != [1.0, 2.0, 3.0, 3.0]


def test_waits_count_towards_the_total(web: HostileServer) -> None:
    sleeps = Sleeps()
    settings = replace(PATIENT, retries=9, total=20)

    error = failure(web.address("/busy?status=429&times=9&after=8"), settings, sleep=sleeps)

    assert (error.reason, sleeps) == ("http 429", [8.0, 8.0])


def test_tries_count_towards_the_total(web: HostileServer) -> None:
    settings = replace(PATIENT, retries=10**9, backoff=0, total=0.3)

    error = failure(web.address("/hang-up"), settings, sleep=Sleeps())

    assert error.reason in ("timeout", "connection failed")  # as it happens to be when time is up


@pytest.mark.parametrize(("page", "asked"), [("/hang-up", 3), ("/cut-off", 3), ("/nowhere", 1)])
def test_broken_connections_are_tried_again_and_plain_refusals_are_not(
    web: HostileServer, page: str, asked: int
) -> None:
    error = failure(web.address(page), replace(PATIENT, retries=2), sleep=Sleeps())

    assert error.attempts == len(web.requests) == asked


def test_what_took_too_long_is_not_tried_again(web: HostileServer) -> None:
    error = failure(web.address("/hang"), replace(HURRIED, retries=3), sleep=Sleeps())

    assert (error.reason, error.attempts, len(web.requests)) == ("timeout", 1, 1)


def test_a_host_that_wants_to_be_left_alone_is_asked_for_nothing_else_meanwhile(
    web: HostileServer,
) -> None:
    names = Names(busy_test=[["127.0.0.1"]], quick_test=[["127.0.0.1"]])
    settings = replace(PATIENT, retries=1, per_host=1, concurrency=1)

    async def work() -> list[str]:
        waiting, over = asyncio.Event(), asyncio.Event()

        async def sleep(seconds: float) -> None:
            waiting.set()
            await over.wait()

        async with Fetcher(settings, resolve=names, sleep=sleep) as fetcher:
            busy = web.address("/busy?status=429&times=1&after=5", host="busy.test")
            first = asyncio.create_task(fetcher.fetch(busy))
            await waiting.wait()
            second = asyncio.create_task(
                fetcher.fetch(web.address("/packed-picture", host="busy.test"))
            )
            await fetcher.fetch(web.address("/picture.jpg", host="quick.test"))
            over.set()
            await asyncio.gather(first, second)
        return [request.path for request in web.requests]

    assert asyncio.run(work()) == ["/busy", "/picture.jpg", "/busy", "/packed-picture"]


async def at_the_gate(
    fetcher: Fetcher, web: HostileServer, addresses: list[str], expected: int
) -> tuple[int, list[Fetched]]:
    """Ask for everything at once; count who stands at the gate when all that will come is there."""
    tasks = [asyncio.create_task(fetcher.fetch(address)) for address in addresses]
    await asyncio.to_thread(web.wait_until_at_once, expected)
    async with Fetcher(PATIENT) as other:  # whoever was on the way arrives before these round trips
        for _ in range(3):
            await other.fetch(web.address("/picture.jpg"))
    standing = web.at_once
    web.open_gate()
    return standing, await asyncio.gather(*tasks)


def test_one_host_is_asked_by_no_more_at_once_than_the_limit(web: HostileServer) -> None:
    settings = replace(PATIENT, per_host=3, concurrency=20)
    addresses = [web.address("/gate")] * 12

    standing, fetched = fetching(lambda f: at_the_gate(f, web, addresses, 3), settings)

    assert standing == web.most_at_once == 3
    assert len(fetched) == 12


def test_all_hosts_together_are_asked_by_no_more_at_once_than_the_limit(web: HostileServer) -> None:
    names = Names(**{f"shop{n}_test": [["127.0.0.1"]] for n in range(6)})
    settings = replace(PATIENT, per_host=3, concurrency=4)
    addresses = [web.address("/gate", host=f"shop{n}.test") for n in range(6)] * 2

    standing, fetched = fetching(
        lambda f: at_the_gate(f, web, addresses, 4), settings, resolve=names
    )

    assert standing == web.most_at_once == 4
    assert len(fetched) == 12


def test_a_host_that_hangs_does_not_hold_up_the_others(web: HostileServer) -> None:
    names = Names(slow_test=[["127.0.0.1"]], quick_test=[["127.0.0.1"]])
    settings = replace(PATIENT, per_host=2, concurrency=3)

    async def work(fetcher: Fetcher) -> bytes:
        slow = web.address("/hang", host="slow.test")
        hanging = [asyncio.create_task(fetcher.fetch(slow)) for _ in range(10)]
        fetched = await fetcher.fetch(web.address("/picture.jpg", host="quick.test"))
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)
        return fetched.data

    assert fetching(work, settings, resolve=names) == JPEG


def test_waiting_for_a_turn_does_not_use_up_the_time_of_a_picture(web: HostileServer) -> None:
    settings = replace(PATIENT, read=0.1, total=0.2, per_host=1)

    async def work(fetcher: Fetcher) -> list[Any]:
        hanging = [fetcher.fetch(web.address("/hang")) for _ in range(3)]
        last = fetcher.fetch(web.address("/picture.jpg"))
        return await asyncio.gather(*hanging, last, return_exceptions=True)

    *hanging, last = fetching(work, settings)
    assert [error.reason for error in hanging] == ["timeout"] * 3
    assert last.data == JPEG


def test_a_fetch_that_is_called_off_gives_its_turn_back(web: HostileServer) -> None:
    async def work(fetcher: Fetcher) -> bytes:
        task = asyncio.create_task(fetcher.fetch(web.address("/gate")))
        await asyncio.to_thread(web.wait_until_at_once, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await fetcher.fetch(web.address("/picture.jpg"))).data

    assert fetching(work, replace(PATIENT, per_host=1, concurrency=1)) == JPEG


def test_connections_are_used_again(web: HostileServer) -> None:
    names = Names(pictures_test=[["127.0.0.1"]])
    address = web.address("/picture.jpg", host=NAME)

    async def work(fetcher: Fetcher) -> None:
        for _ in range(5):
            await fetcher.fetch(address)
        await asyncio.gather(*(fetcher.fetch(address) for _ in range(40)))

    fetching(work, replace(PATIENT, per_host=4), resolve=names)
    assert [request.connection for request in web.requests[:5]] == [1] * 5
    assert len(web.requests) == 45
    assert web.connections <= 4
    assert len(names.asked) == web.connections


def test_cookies_are_not_kept(web: HostileServer) -> None:
    async def work(fetcher: Fetcher) -> None:
        await fetcher.fetch(web.address("/cookie"))
        await fetcher.fetch(web.address("/picture.jpg"))

    fetching(work)
    assert "cookie" not in web.requests[-1].headers


def test_the_fetcher_says_who_it_is_and_asks_for_nothing_packed(
    web: HostileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VITRINE_USER_AGENT", raising=False)
    fetch(web.address("/picture.jpg"), FetchSettings(allow_loopback=True))
    monkeypatch.setenv("VITRINE_USER_AGENT", "Shop/2 (me@example.com)")
    fetch(web.address("/picture.jpg"), FetchSettings(allow_loopback=True))

    first, second = (request.headers for request in web.requests)
    assert first["user-agent"].startswith("Vitrine/")
    assert second["user-agent"] == "Shop/2 (me@example.com)"
    assert first["accept-encoding"] == "identity"


def test_a_user_agent_that_cannot_be_sent_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("VITRINE_USER_AGENT", "Shop\r\nX-Evil: 1")
    with pytest.raises(VitrineError, match="VITRINE_USER_AGENT"):
        FetchSettings()


def test_one_picture_can_be_fetched_without_an_event_loop(web: HostileServer) -> None:
    assert fetch_picture(web.address("/picture.jpg"), PATIENT).data == JPEG
    with pytest.raises(FetchError) as caught:
        fetch_picture(web.address("/picture.jpg"))
    assert caught.value.reason == "refused address"
