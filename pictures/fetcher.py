"""The one guarded fetcher of pictures from the web.

It connects to public machines only (`pictures.network`), follows a few redirects and checks each,
caps bytes and time, and retries where that can help, no sooner than the server says. Every failure
has one reason of a closed list:

    refused address      not http(s), a user name inside, or not a public machine
    unknown host         the name has no address
    connection failed    no answer, a malformed one, or one cut off
    tls                  the certificate is not the name's, or the handshake failed
    timeout              one of the time limits was reached
    too many redirects   a loop, or more than the cap
    http NNN             the response's status, where it is not 200
    too large            more bytes than the cap, as sent or decompressed
    truncated            compressed, and cut off
    not a picture        the first bytes are those of no picture format
    empty                no bytes at all
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
from typing import Self

import httpcore
import httpx

from pictures.addresses import parse_address
from pictures.download import Download
from pictures.errors import PictureError, shorten
from pictures.fetch_settings import FetchSettings
from pictures.limit import CallLimit
from pictures.network import Resolver, SystemResolver, guarded_pool

OK = 200
REDIRECTS = (301, 302, 303, 307, 308)
TOO_MANY_REQUESTS = 429
SERVER_ERRORS = 500


class _TransientError(PictureError):
    """A failure that a retry may not meet.

    Attributes:
        retry_after: The server's Retry-After header.
    """

    def __init__(self, reason: str, sentence: str, retry_after: str = "") -> None:
        super().__init__(reason, sentence)
        self.retry_after = retry_after


@dataclass
class _Budget:
    """What is left for one picture."""

    seconds: float
    retries: int = 0  # used so far


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
            settings: Limits and politeness.
            resolve: Resolves names; the operating system by default.
            tls: Trusted certificates; by default certifi's list or the file of SSL_CERT_FILE.
            sleep: Waits some seconds before a retry.
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
        self._pool = guarded_pool(
            self._resolve or self._system_resolver,
            self._tls,
            idle=settings.concurrency,
            allow_loopback=settings.allow_loopback,
        )
        self._free = asyncio.Semaphore(settings.concurrency)
        self._free_by_host = weakref.WeakValueDictionary[str, asyncio.Semaphore]()
        self._headers = [
            ("User-Agent", settings.user_agent),
            ("Accept", "image/*"),
            ("Accept-Encoding", "identity"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()
        self._system_resolver.close()

    async def fetch(self, address: str) -> bytes:
        """Fetch the bytes of the picture at an address, decompressed.

        Args:
            address: An http or https address.

        Raises:
            PictureError: With a reason of the module's list.
        """
        budget = _Budget(seconds=self.settings.total)
        url = parse_address(address)
        for _ in range(self.settings.redirects + 1):
            result = await self._request(url, budget)
            if isinstance(result, bytes):
                return result
            url = result
        raise PictureError(
            "too many redirects",
            f"{shorten(address)} redirects more than {self.settings.redirects} times.",
        )

    async def _request(self, url: httpx.URL, budget: _Budget) -> bytes | httpx.URL:
        """Request one address, with retries; the picture's bytes, or the address of a redirect.

        The host's semaphore is held while waiting, so that a host that asks for a pause gets one.
        """
        host = self._free_by_host.setdefault(url.host, asyncio.Semaphore(self.settings.per_host))
        async with host:
            while True:
                try:
                    async with self._free:
                        return await self._attempt(url, budget)
                except _TransientError as error:
                    wait = self._backoff(error, budget)
                    if wait is None:
                        raise
                budget.retries += 1
                budget.seconds -= wait
                await self._sleep(wait)

    def _backoff(self, error: _TransientError, budget: _Budget) -> float | None:
        """Seconds to wait before the next retry; None when there is no retry."""
        settings = self.settings
        if budget.retries >= settings.retries:
            return None
        wait = _seconds(error.retry_after, self._now())
        if wait is None:
            longest = min(settings.longest_wait, settings.backoff * 2**budget.retries)
            wait = longest * random.uniform(0.5, 1.0)  # jitter
        return wait if wait <= settings.longest_wait and wait < budget.seconds else None

    async def _attempt(self, url: httpx.URL, budget: _Budget) -> bytes | httpx.URL:
        """One request and its response; every failure becomes a reason here."""
        clock = asyncio.get_running_loop().time
        started = clock()
        target = httpcore.URL(
            scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
        )
        read, connect = self.settings.read, self.settings.connect
        limits = {"connect": connect, "read": read, "write": read}
        try:
            async with (
                asyncio.timeout(budget.seconds),
                self._pool.stream(
                    "GET", target, headers=self._headers, extensions={"timeout": limits}
                ) as response,
            ):
                return await self._read(url, response)
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise PictureError("timeout", f"{shorten(url)} took too long to answer.") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
            if _is_tls(error):
                raise PictureError(
                    "tls", f"{url.host} could not prove that it is {url.host}."
                ) from error
            raise _TransientError(
                "connection failed", f"The connection to {url.host} failed or was cut off."
            ) from error
        finally:
            budget.seconds -= clock() - started

    async def _read(self, url: httpx.URL, response: httpcore.Response) -> bytes | httpx.URL:
        status, headers = response.status, httpx.Headers(response.headers)
        if status in REDIRECTS and "location" in headers:
            return parse_address(headers["location"], base=url)
        if status != OK:
            reason, sentence = f"http {status}", f"{shorten(url)} answered {status}."
            if status == TOO_MANY_REQUESTS or status >= SERVER_ERRORS:
                raise _TransientError(reason, sentence, headers.get("retry-after", ""))
            raise PictureError(reason, sentence)
        body = Download(shorten(url), headers, self.settings.max_bytes)
        async for chunk in response.aiter_stream():
            body.add(chunk)
        return body.picture()


# Of pictures that people wait for: each has an event loop and a thread of its caller's.
AT_ONCE = 16
_limit = CallLimit(AT_ONCE, f"{AT_ONCE} pictures are being fetched; try again in a moment.")


def fetch_picture(address: str, settings: FetchSettings | None = None) -> bytes:
    """Fetch one picture that a person waits for; for callers outside an event loop.

    Args:
        address: An http or https address.
        settings: By default tighter limits than those for a whole catalogue: 10 seconds in all.

    Raises:
        PictureError: With a reason of the module's list.
        Busy: `AT_ONCE` pictures are being fetched.
    """

    async def fetch() -> bytes:
        async with Fetcher(settings) as fetcher:
            return await fetcher.fetch(address)

    settings = settings or FetchSettings(connect=3.0, read=5.0, total=10.0, retries=1)
    with _limit:
        return asyncio.run(fetch())


def _seconds(retry_after: str, now: float) -> float | None:
    """Seconds that a Retry-After header specifies, by number or date; None if unreadable."""
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        date = email.utils.parsedate_to_datetime(retry_after)
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


def _is_tls(error: BaseException | None) -> bool:
    """Whether an error was caused by a TLS failure.

    httpcore's pool drops the cause of what it raises; the context stays.
    """
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
