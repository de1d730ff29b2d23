"""Which machines a picture may come from: public ones, and nothing else.

Addresses of pictures are written by strangers. Whoever connects where they point can be made to
knock on doors behind the firewall: the router, a database, the cloud's metadata service. The check
sits at the one place where a socket is opened, so that nothing gets round it: not a redirect, not
another spelling of 127.0.0.1, not a name whose answer changes between the check and the connection,
because the address that was checked is the address that is connected to.

The request itself still carries the name, so `Host`, SNI and the certificate are those of the name,
and a connection is only used again for the name that it was opened for.
"""

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpcore
import httpx

from catalog.errors import PictureError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a name and a port, gives numeric addresses; raises OSError for a name without any."""

# A well-formed name: dot-separated labels of at most 63 letters, digits, hyphens, underscores
# (RFC 1035; underscores occur in practice). Anything else confuses resolvers and TLS.
HOST_NAME = re.compile(
    r"(?!.{254})[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
    r"(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*\.?",
    re.IGNORECASE,
)

# `is_global` knows most of the IANA special-purpose registries, but less in older Pythons:
# multicast and 6to4 count as global there. These are refused whatever it says.
NEVER_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "224.0.0.0/4",  # multicast
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.88.99.0/24",  # relays of 6to4, withdrawn by RFC 7526
        "168.63.129.16/32",  # Azure's metadata and name service, public in looks only
        "2001::/23",  # protocol assignments; Teredo, which carries an IPv4 address inside
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address inside
        "3fff::/20",  # documentation
    )
)
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")  # the only IPv6 space handed out to the public
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: how IPv6-only networks see IPv4

PORTS = range(1, 2**16)
MAX_NAMED = 120  # characters of an address that a sentence repeats
MAX_TRIED = 4  # addresses of one name that are tried in turn: as browsers do, and no more
RESOLVER_THREADS = 16  # a name whose server is silent holds a thread for seconds


def web_address(text: str) -> httpx.URL:
    """Read the address of a picture; whatever is wrong with it that needs no lookup is refused.

    Raises:
        PictureError: "refused address".
    """
    try:
        url = httpx.URL(text.strip())
    except httpx.InvalidURL as error:
        raise PictureError("refused address", f"{short(text)} is no web address.") from error
    if url.scheme not in ("http", "https"):
        raise PictureError(
            "refused address", f"{short(text)} begins with neither http:// nor https://."
        )
    if url.userinfo:
        raise PictureError(
            "refused address", f"The address at {url.host} carries a user name; leave that out."
        )
    host = url.raw_host.decode("ascii")
    named = _is_numeric(host) or HOST_NAME.fullmatch(host)
    if not named or not (url.port is None or url.port in PORTS):
        raise PictureError("refused address", f"{short(text)} names no possible machine.")
    return url.copy_with(fragment=None)


def short(address: str | httpx.URL) -> str:
    """An address, short enough for a sentence."""
    text = str(address)
    return text if len(text) <= MAX_NAMED else text[: MAX_NAMED - 1] + "…"


def is_allowed(text: str, *, allow_loopback: bool = False) -> bool:
    """Whether a numeric address may be connected to: public, looking through embedded IPv4.

    Args:
        text: An IPv4 or IPv6 address. Whatever does not read as one is not allowed.
        allow_loopback: Allow this machine's own loopback too; for tests.
    """
    try:
        address = _reached(ipaddress.ip_address(text))
    except ValueError:
        return False
    if address.is_loopback:
        return allow_loopback
    if isinstance(address, ipaddress.IPv6Address) and address not in GLOBAL_UNICAST:
        return False
    return address.is_global and not any(address in network for network in NEVER_PUBLIC)


def _reached(address: Address) -> Address:
    """The IPv4 machine behind an IPv6 spelling of it, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


class SystemResolver:
    """Looks names up as the operating system does, in threads of its own.

    A lookup cannot be called off; with threads of its own a slow one delays neither the event
    loop's other work nor its end.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Give every address of a name. Raises OSError or UnicodeError when there is none."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

    def close(self) -> None:
        """Let go of the threads without waiting for lookups under way."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class GuardedNetwork(httpcore.AsyncNetworkBackend):
    """Opens connections for httpcore, to checked addresses only."""

    def __init__(self, resolve: Resolver, *, allow_loopback: bool = False) -> None:
        self._resolve = resolve
        self._allow_loopback = allow_loopback
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve a name once, check every address, connect to the first that answers.

        Args:
            host: Name or numeric address.
            port: 1 to 65535.
            timeout: Seconds for lookup and connection together.
            local_address: Passed on.
            socket_options: Passed on.

        Raises:
            PictureError: "unknown host" or "refused address".
            httpcore.ConnectError: No address answers.
            httpcore.ConnectTimeout: No address answers in time.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        try:
            async with asyncio.timeout_at(end):
                addresses = await self._checked(host, port)
        except TimeoutError as late:
            raise httpcore.ConnectTimeout(f"looking up {host} took too long") from late
        tried = addresses[:MAX_TRIED]
        for left in range(len(tried), 0, -1):
            share = None if end is None else max(0.0, end - loop.time()) / left
            try:
                return await self._network.connect_tcp(
                    tried[-left], port, share, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("a name without addresses was let through")

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        if _is_numeric(host):
            addresses: Sequence[str] = [host]
        else:
            try:
                addresses = await self._resolve(host, port)
            except (OSError, UnicodeError) as failure:
                if isinstance(failure, TimeoutError):
                    raise
                raise PictureError(
                    "unknown host", f"No machine is known by the name {host}. Check its spelling."
                ) from failure
        if not addresses:
            raise PictureError("unknown host", f"The name {host} has no address.")
        for address in addresses:
            if not is_allowed(address, allow_loopback=self._allow_loopback):
                raise PictureError(
                    "refused address",
                    f"{host} leads to {address}, which is not a public address. "
                    "Pictures are fetched from the public web only.",
                )
        return addresses


class GuardedTransport(httpx.AsyncBaseTransport):
    """httpx's way to a connection pool whose every connection is guarded.

    httpx's own transport takes no network backend, so this one stands in for it. It knows no
    proxies. Failures to connect or read are httpcore's exceptions.
    """

    def __init__(self, network: GuardedNetwork, tls: ssl.SSLContext, idle: int) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,  # the fetcher bounds them
            max_keepalive_connections=idle,
            keepalive_expiry=30.0,
            network_backend=network,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request over a new or an idle connection to its host."""
        url = request.url
        response = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=cast(httpx.AsyncByteStream, request.stream),
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Stream(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()


class _Stream(httpx.AsyncByteStream):
    """The body of an httpcore answer, as httpx wants it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()
