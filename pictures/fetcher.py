"""The one guarded fetcher of pictures from the web.

It fetches from public machines only (`pictures.network`), follows a few redirects and checks each,
caps bytes and time, asks again where that helps and as politely as it was told, and gives every
failure one reason of a closed list:

    refused address      not http(s), a name and password inside, or not a public machine
    unknown host         the name has no address
    connection failed    no answer, a broken one, or one cut off
    tls                  the certificate is not the name's, or no secure connection came about
    timeout              one of the time limits was reached
    too many redirects   a loop, or more than the cap
    http NNN             the answer's status, where it is not 200
    too large            more bytes than the cap, as sent or unpacked
    not a picture        the first bytes are those of no picture format
    empty                no bytes at all

Exceptions: `FetchError`, a `PictureError` that also says how often the address was asked.
"""

import asyncio
import email.utils
import random
import ssl
import time
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Self

import httpcore
import httpx

from pictures.addresses import web_address
from pictures.download import Download
from pictures.errors import PictureError, shorten
from pictures.fetch_settings import FetchSettings
from pictures.network import GuardedNetwork, GuardedTransport, Resolver, SystemResolver

OK = 200
TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address gave.

    Attributes:
        data: The bytes, unpacked.
        address: Where they lay in the end, after redirects.
        content_type: What the server calls them; to be believed by nobody.
        attempts: How often they were asked for.
    """

    data: bytes
    address: str
    content_type: str
    attempts: int


class FetchError(PictureError):
    """A picture could not be fetched; `attempts` says how often it was asked for."""

    def __init__(self, reason: str, sentence: str, attempts: int) -> None:
        super().__init__(reason, sentence)
        self.attempts = attempts


class _TransientError(PictureError):
    """A failure that may pass; `retry_after` is what the server says about when."""

    def __init__(self, reason: str, sentence: str, retry_after: str = "") -> None:
        super().__init__(reason, sentence)
        self.retry_after = retry_after


@dataclass
class _Effort:
    """What one picture has cost so far."""

    left: float  # seconds
    retries: int = 0


class Fetcher:
    """Fetches pictures over shared connections; an async context manager for one event loop."""

    def __init__(
        self,
        settings: FetchSettings | None = None,
        *,
        resolve: Resolver | None = None,
        tls: ssl.SSLContext | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Make a fetcher.

        Args:
            settings: Limits and manners.
            resolve: Looks names up; the operating system by default.
            tls: Whom to trust; by default certifi's list or what SSL_CERT_FILE names.
            sleep: Waits some seconds before an address is asked again.
            now: The time in seconds since 1970, which a Retry-After date is compared to.
        """
        self.settings = settings or FetchSettings()
        self._resolve = resolve
        self._tls = tls or httpx.create_ssl_context()
        self._sleep = sleep
        self._now = now

    async def __aenter__(self) -> Self:
        settings = self.settings
        self._system_resolver = SystemResolver()
        network = GuardedNetwork(
            self._resolve or self._system_resolver, allow_loopback=settings.allow_loopback
        )
        self._free = asyncio.Semaphore(settings.concurrency)
        self._free_by_host = weakref.WeakValueDictionary[str, asyncio.Semaphore]()
        self._client = httpx.AsyncClient(
            transport=GuardedTransport(network, self._tls, idle=settings.concurrency),
            headers={
                "User-Agent": settings.user_agent,
                "Accept": "image/*",
                "Accept-Encoding": "identity",
            },
            timeout=httpx.Timeout(settings.read, connect=settings.connect, pool=None),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
            trust_env=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()
        self._system_resolver.close()

    async def fetch(self, address: str) -> Fetched:
        """Fetch the picture at an address.

        Args:
            address: An http or https address.

        Raises:
            FetchError: With one reason of the module's list.
        """
        effort = _Effort(left=self.settings.total)
        try:
            url = web_address(address)
            for _ in range(self.settings.redirects + 1):
                answer = await self._ask(url, effort)
                if isinstance(answer, Fetched):
                    return answer
                url = answer
            raise PictureError(
                "too many redirects",
                f"{shorten(address)} leads on and on: more than {self.settings.redirects} times.",
            )
        except PictureError as error:
            raise FetchError(error.reason, error.sentence, effort.retries + 1) from error

    async def _ask(self, url: httpx.URL, effort: _Effort) -> Fetched | httpx.URL:
        """Ask one address, again where that helps. Gives the picture, or where it has gone.

        The host's place is kept while waiting, so that a host that wants to be left alone is.
        """
        host = self._free_by_host.setdefault(url.host, asyncio.Semaphore(self.settings.per_host))
        async with host:
            while True:
                try:
                    async with self._free:
                        return await self._exchange(url, effort)
                except _TransientError as error:
                    wait = self._wait(error, effort)
                    if wait is None:
                        raise
                effort.retries += 1
                effort.left -= wait
                await self._sleep(wait)

    def _wait(self, error: _TransientError, effort: _Effort) -> float | None:
        """Seconds to wait before asking again; None when that is no use."""
        settings = self.settings
        if effort.retries >= settings.retries:
            return None
        wait = _seconds(error.retry_after, self._now())
        if wait is None:
            longest = min(settings.longest_wait, settings.backoff * 2**effort.retries)
            wait = longest * random.uniform(0.5, 1.0)
        return wait if wait <= settings.longest_wait and wait < effort.left else None

    async def _exchange(self, url: httpx.URL, effort: _Effort) -> Fetched | httpx.URL:
        """One request and its answer; every way to fail becomes a reason here."""
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with asyncio.timeout(effort.left), self._client.stream("GET", url) as response:
                return await self._read(response, effort)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise PictureError("timeout", f"{shorten(url)} took too long to answer.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # httpx could not read a redirect
            raise PictureError(
                "refused address", f"{shorten(url)} leads to something that is no web address."
            ) from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            if _is_tls(error):
                raise PictureError(
                    "tls", f"{url.host} could not prove that it is {url.host}."
                ) from error
            raise _TransientError(
                "connection failed", f"The connection to {url.host} failed or broke off."
            ) from error
        finally:
            effort.left -= clock() - started

    async def _read(self, response: httpx.Response, effort: _Effort) -> Fetched | httpx.URL:
        status, headers = response.status_code, response.headers
        if response.next_request is not None:
            return web_address(str(response.next_request.url))
        if status != OK:
            reason, sentence = f"http {status}", f"{shorten(response.url)} answered {status}."
            if status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS:
                raise _TransientError(reason, sentence, headers.get("retry-after", ""))
            raise PictureError(reason, sentence)
        body = Download(response, self.settings.max_bytes)
        async for chunk in response.aiter_raw():
            body.add(chunk)
        return Fetched(
            data=body.picture(),
            address=str(response.url),
            content_type=headers.get("content-type", ""),
            attempts=effort.retries + 1,
        )


def fetch_picture(address: str, settings: FetchSettings | None = None) -> Fetched:
    """Fetch one picture that a person waits for; for callers outside an event loop.

    Args:
        address: An http or https address.
        settings: By default tighter limits than those for a whole catalogue: 10 seconds in all.

    Raises:
        FetchError: With one reason of the module's list.
    """

    async def fetch() -> Fetched:
        async with Fetcher(settings) as fetcher:
            return await fetcher.fetch(address)

    settings = settings or FetchSettings(connect=3.0, read=5.0, total=10.0, retries=1)
    return asyncio.run(fetch())


def _seconds(retry_after: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, by number or date; None if it is unreadable."""
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        date = email.utils.parsedate_to_datetime(retry_after)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_tls(error: BaseException | None) -> bool:
    """Whether a secure connection's own failure lies at the bottom of an error.

    httpcore's pool wipes out the cause of what it raises; the context stays.
    """
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
