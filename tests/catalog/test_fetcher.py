import asyncio
import ssl
import tracemalloc
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace
from typing import Any

import pytest

from catalog.errors import CatalogError
from catalog.fetch_settings import FetchSettings
from catalog.fetcher import Fetched, Fetcher, FetchError, fetch_picture
from tests.hostile_web import CERTIFICATE, JPEG, HostileWeb

NAME = "pictures.test"  # a name that exists nowhere: only a fake resolver leads to the web
PUBLIC = "3ffe::1"  # in the public's space, but given to nobody, should a test get as far
PATIENT = FetchSettings(connect=10, read=10, total=20, allow_loopback=True, retries=0)
HURRIED = replace(PATIENT, read=0.15, total=0.4)
SMALL = replace(PATIENT, max_bytes=100_000)


class Sleeps(list[float]):
    """Stands in for waiting; remembers how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Names:
    """A fake resolver: for each name the answers in turn, the last one again and again."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        given = self.answers[host]
        return given.pop(0) if len(given) > 1 else given[0]


@pytest.fixture
def web() -> Iterator[HostileWeb]:
    with HostileWeb() as web:
        yield web


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


def fetching(
    work: Callable[[Fetcher], Coroutine[Any, Any, Any]],
    settings: FetchSettings = PATIENT,
    **given: Any,
) -> Any:
    async def run() -> Any:
        async with Fetcher(settings, **given) as fetcher:
            return await work(fetcher)

    return asyncio.run(run())


def fetch(address: str, settings: FetchSettings = PATIENT, **given: Any) -> Fetched:
    return fetching(lambda fetcher: fetcher.fetch(address), settings, **given)


def failure(address: str, settings: FetchSettings = PATIENT, **given: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(address, settings, **given)
    return caught.value


def test_a_picture_arrives_unchanged_with_its_address_and_label(web: HostileWeb) -> None:
    fetched = fetch(web.address("/picture.jpg#top"))

    assert fetched == Fetched(JPEG, web.address("/picture.jpg"), "image/jpeg", attempts=1)


@pytest.mark.parametrize("page", ["/picture-called-text", "/unlabelled", "/packed-picture"])
def test_a_real_picture_under_a_wrong_label_or_packed_unasked_is_taken(
    web: HostileWeb, page: str
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
    web: HostileWeb, page: str, settings: FetchSettings, reason: str
) -> None:
    error = failure(web.address(page), settings)

    assert error.reason == reason
    assert error.attempts == 1
    assert error.sentence.endswith(".")
    assert "secret" not in error.sentence


def test_one_fetcher_survives_every_hostility_at_once(web: HostileWeb) -> None:
    settings = replace(SMALL, read=0.5, total=1.0, per_host=50, concurrency=50)

    async def storm(fetcher: Fetcher) -> list[Any]:
        pages = (fetcher.fetch(web.address(page)) for page, *_ in HOSTILE)
        ends = await asyncio.gather(*pages, return_exceptions=True)
        return [*ends, await fetcher.fetch(web.address("/picture.jpg"))]

    *ends, last = fetching(storm, settings)
    assert {type(end) for end in ends} == {FetchError}
    assert last.data == JPEG


def test_a_bomb_is_never_unpacked_beyond_the_cap(web: HostileWeb) -> None:
    cap = 2**20  # the bomb is eight times as large
    tracemalloc.start()
    try:
        error = failure(web.address("/gzip-bomb"), replace(PATIENT, max_bytes=cap))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert error.reason == "too large"
    assert peak < 5 * cap


def test_a_refused_connection_is_one_reason(web: HostileWeb) -> None:
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
def test_no_spelling_of_this_machine_is_connected_to(web: HostileWeb, host: str) -> None:
    error = failure(web.address("/picture.jpg", host=host), FetchSettings(retries=0))

    assert error.reason == "refused address"
    assert web.connections == 0


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "127.0.0.1"], ["127.0.0.1", PUBLIC], ["::1"], ["fe80::1%eth0"], ["?"]],
)
def test_a_name_is_refused_unless_every_address_is_public(
    web: HostileWeb, addresses: list[str]
) -> None:
    names = Names(pictures_test=[addresses])

    error = failure(web.address("/picture.jpg", host=NAME), FetchSettings(), resolve=names)

    assert error.reason == "refused address"
    assert error.attempts == 1
    assert web.connections == 0


def test_a_private_address_beside_this_machines_own_is_refused_even_in_tests(
    web: HostileWeb,
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

    settings = replace(PATIENT, connect=0.05)
    assert failure(f"http://{NAME}/x.jpg", settings, resolve=silent).reason == "timeout"


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(web: HostileWeb) -> None:
    names = Names(pictures_test=[["127.0.0.1"], ["10.0.0.1"]])

    fetched = fetch(web.address("/picture.jpg", host=NAME), resolve=names)

    assert fetched.data == JPEG
    assert names.asked == [NAME]
    assert web.requests[0].headers["host"] == f"{NAME}:{web.port}"


def test_a_name_that_turns_private_between_two_connections_is_refused(web: HostileWeb) -> None:
    names = Names(pictures_test=[["127.0.0.1"], ["10.0.0.1"]])
    away = web.address("/redirect?to=/picture.jpg", host=NAME)

    assert failure(away, resolve=names).reason == "refused address"
    assert [request.path for request in web.requests] == ["/redirect"]


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer(web: HostileWeb) -> None:
    names = Names(pictures_test=[["127.1.2.3", "127.0.0.1"]])  # nobody listens on the first

    assert fetch(web.address("/picture.jpg", host=NAME), resolve=names).data == JPEG


def test_redirects_are_followed_to_another_name_which_is_looked_up_too(web: HostileWeb) -> None:
    names = Names(pictures_test=[["127.0.0.1"]], cdn_test=[["127.0.0.1"]])
    there = web.address("/picture.jpg", host="cdn.test")

    fetched = fetch(web.address(f"/redirect?to={there}", host=NAME), resolve=names)

    assert fetched.address == there
    assert names.asked == [NAME, "cdn.test"]


def test_proxies_of_the_environment_are_ignored(
    web: HostileWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert fetch(web.address("/picture.jpg")).data == JPEG


def test_a_secure_server_is_asked_and_judged_by_its_name(web: HostileWeb) -> None:
    names = Names(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])
    address = web.address("/picture.jpg", host=NAME, tls=True)

    assert fetch(address, resolve=names, tls=trusting()).data == JPEG
    assert web.requests[0].sni == NAME

    other = web.address("/picture.jpg", host="other.test", tls=True)
    assert failure(other, resolve=names, tls=trusting()).reason == "tls"
    assert failure(address, resolve=names).reason == "tls"  # nobody vouches for the certificate
    assert len(web.requests) == 1


def test_two_names_of_one_machine_do_not_share_a_secure_connection(web: HostileWeb) -> None:
    names = Names(pictures_test=[["127.0.0.1"]], other_test=[["127.0.0.1"]])

    async def both(fetcher: Fetcher) -> Fetched:
        await fetcher.fetch(web.address("/picture.jpg", host=NAME, tls=True))
        return await fetcher.fetch(web.address("/picture.jpg", host="other.test", tls=True))

    with pytest.raises(FetchError) as caught:
        fetching(both, resolve=names, tls=trusting())
    assert caught.value.reason == "tls"


def test_plain_http_where_tls_was_expected_is_one_reason(web: HostileWeb) -> None:
    address = web.address("/picture.jpg").replace("http:", "https:")
    assert failure(address, HURRIED).reason in ("tls", "timeout")


def test_a_busy_host_is_asked_again_as_soon_as_it_said_and_no_sooner(web: HostileWeb) -> None:
    sleeps = Sleeps()
    address = web.address("/busy?status=429&times=2&after=7")

    fetched = fetch(address, replace(PATIENT, retries=2), sleep=sleeps)

    assert fetched.attempts == 3
    assert sleeps == [7.0, 7.0]


def test_a_host_may_say_by_date_when_to_come_back(web: HostileWeb) -> None:
    sleeps = Sleeps()
    date = "Sun,%2006%20Nov%201994%2008:49:37%20GMT"  # RFC 9110's example: 784111777

    for now in (784111777 - 9, 784111777 + 9):
        web.forget()
        address = web.address(f"/busy?status=503&times=1&after={date}")
        fetch(address, replace(PATIENT, retries=1), sleep=sleeps, now=lambda now=now: now)

    assert sleeps == [9.0, 0.0]


@pytest.mark.parametrize("after", ["3600", "9" * 5000, "15"])
def test_a_host_that_wants_a_longer_wait_than_there_is_time_for_is_left_alone(
    web: HostileWeb, after: str
) -> None:
    sleeps = Sleeps()
    settings = replace(PATIENT, retries=2, total=14, longest_wait=30)

    error = failure(web.address(f"/busy?status=429&times=1&after={after}"), settings, sleep=sleeps)

    assert (error.reason, error.attempts, sleeps) == ("http 429", 1, [])


@pytest.mark.parametrize("after", ["", "&after=soon", "&after=-1"])
def test_without_a_readable_retry_after_the_waits_double_with_some_chance(
    web: HostileWeb, after: str
) -> None:
    sleeps = Sleeps()
    settings = replace(PATIENT, retries=4, backoff=1.0, longest_wait=3.0)

    error = failure(web.address(f"/busy?status=502&times=9{after}"), settings, sleep=sleeps)

    assert (error.reason, error.attempts, len(web.requests)) == ("http 502", 5, 5)
    for wait, longest in zip(sleeps, (1.0, 2.0, 3.0, 3.0), strict=True):
        assert longest / 2 <= wait <= longest
    assert len(set(sleeps)) > 1


def test_waits_count_towards_the_total(web: HostileWeb) -> None:
    sleeps = Sleeps()
    settings = replace(PATIENT, retries=9, total=20)

    error = failure(web.address("/busy?status=429&times=9&after=8"), settings, sleep=sleeps)

    assert (error.reason, sleeps) == ("http 429", [8.0, 8.0])


@pytest.mark.parametrize(("page", "asked"), [("/hang-up", 3), ("/cut-off", 3), ("/nowhere", 1)])
def test_broken_connections_are_tried_again_and_plain_refusals_are_not(
    web: HostileWeb, page: str, asked: int
) -> None:
    error = failure(web.address(page), replace(PATIENT, retries=2), sleep=Sleeps())

    assert error.attempts == len(web.requests) == asked


def test_what_took_too_long_is_not_tried_again(web: HostileWeb) -> None:
    error = failure(web.address("/hang"), replace(HURRIED, retries=3), sleep=Sleeps())

    assert (error.reason, error.attempts, len(web.requests)) == ("timeout", 1, 1)


async def at_the_gate(
    fetcher: Fetcher, web: HostileWeb, addresses: list[str], expected: int
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


def test_one_host_is_asked_by_no_more_at_once_than_the_limit(web: HostileWeb) -> None:
    settings = replace(PATIENT, per_host=3, concurrency=20)
    addresses = [web.address("/gate")] * 12

    standing, fetched = fetching(lambda f: at_the_gate(f, web, addresses, 3), settings)

    assert standing == web.most_at_once == 3
    assert len(fetched) == 12


def test_all_hosts_together_are_asked_by_no_more_at_once_than_the_limit(web: HostileWeb) -> None:
    names = Names(**{f"shop{n}_test": [["127.0.0.1"]] for n in range(6)})
    settings = replace(PATIENT, per_host=3, concurrency=4)
    addresses = [web.address("/gate", host=f"shop{n}.test") for n in range(6)] * 2

    standing, fetched = fetching(
        lambda f: at_the_gate(f, web, addresses, 4), settings, resolve=names
    )

    assert standing == web.most_at_once == 4
    assert len(fetched) == 12


def test_a_host_that_hangs_does_not_hold_up_the_others(web: HostileWeb) -> None:
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


def test_waiting_for_a_turn_does_not_use_up_the_time_of_a_picture(web: HostileWeb) -> None:
    settings = replace(PATIENT, read=0.1, total=0.2, per_host=1)

    async def work(fetcher: Fetcher) -> list[Any]:
        hanging = [fetcher.fetch(web.address("/hang")) for _ in range(3)]
        last = fetcher.fetch(web.address("/picture.jpg"))
        return await asyncio.gather(*hanging, last, return_exceptions=True)

    *hanging, last = fetching(work, settings)
    assert [error.reason for error in hanging] == ["timeout"] * 3
    assert last.data == JPEG


def test_a_fetch_that_is_called_off_gives_its_turn_back(web: HostileWeb) -> None:
    async def work(fetcher: Fetcher) -> bytes:
        task = asyncio.create_task(fetcher.fetch(web.address("/gate")))
        await asyncio.to_thread(web.wait_until_at_once, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return (await fetcher.fetch(web.address("/picture.jpg"))).data

    assert fetching(work, replace(PATIENT, per_host=1, concurrency=1)) == JPEG


def test_connections_are_used_again(web: HostileWeb) -> None:
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


def test_cookies_are_not_kept(web: HostileWeb) -> None:
    async def work(fetcher: Fetcher) -> None:
        await fetcher.fetch(web.address("/cookie"))
        await fetcher.fetch(web.address("/picture.jpg"))

    fetching(work)
    assert "cookie" not in web.requests[-1].headers


def test_the_fetcher_says_who_it_is_and_asks_for_nothing_packed(
    web: HostileWeb, monkeypatch: pytest.MonkeyPatch
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
    with pytest.raises(CatalogError, match="VITRINE_USER_AGENT"):
        FetchSettings()


def test_one_picture_can_be_fetched_without_an_event_loop(web: HostileWeb) -> None:
    assert fetch_picture(web.address("/picture.jpg"), PATIENT).data == JPEG
    with pytest.raises(FetchError) as caught:
        fetch_picture(web.address("/picture.jpg"))
    assert caught.value.reason == "refused address"
