"""Connections to public machines only: the guard against SSRF and DNS rebinding.

The check of addresses is in the one place where a socket is opened, so that nothing bypasses it:
not a redirect, not another spelling of 127.0.0.1, and not a name whose answer changes between the
check and the connection (DNS rebinding), because the address that was checked is the address that
is connected to. Proxies are never used.

The request itself carries the name, so `Host`, SNI and the certificate are those of the name, and
a connection is reused only for the name that it was opened for.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore

from pictures.addresses import is_allowed, is_numeric
from pictures.errors import HostNotPublic

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a name and a port, returns numeric addresses; raises OSError for a name without any."""

# httpcore checks every idle connection whenever a request begins or ends: those that a burst left
# over cost more than opening a few anew.
IDLE_SECONDS = 3.0
MAX_ADDRESSES = 4  # of one name that are tried in turn, as browsers do
RESOLVER_THREADS = 16  # a name whose server does not answer blocks a thread for seconds


class SystemResolver:
    """Resolves names as the operating system does, in threads of its own.

    A lookup cannot be cancelled; in threads of its own a slow one delays neither the event loop's
    other work nor its end.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return every address of a name. Raises OSError or UnicodeError when there is none."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

    def close(self) -> None:
        """Release the threads without waiting for lookups in progress."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def guarded_pool(
    resolve: Resolver, tls: ssl.SSLContext, *, idle: int, allow_loopback: bool = False
) -> httpcore.AsyncConnectionPool:
    """A pool of connections that are opened by `GuardedNetwork`.

    Args:
        resolve: Resolves names.
        tls: Which certificates are trusted.
        idle: How many unused connections are kept open.
        allow_loopback: Allow this machine's loopback too; for tests.
    """
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=None,  # the fetcher bounds them
        max_keepalive_connections=idle,
        keepalive_expiry=IDLE_SECONDS,
        network_backend=GuardedNetwork(resolve, allow_loopback=allow_loopback),
    )


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
            HostNotPublic: "unknown host" or "refused address".
            httpcore.ConnectError: No address answers.
            httpcore.ConnectTimeout: No address answers in time.
        """
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        try:
            async with asyncio.timeout_at(end):
                addresses = (await self._checked(host, port))[:MAX_ADDRESSES]
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"looking up {host} took too long") from error
        for left in range(len(addresses), 0, -1):
            share = None if end is None else max(0.0, end - loop.time()) / left
            try:
                return _Connection(
                    await self._network.connect_tcp(
                        addresses[-left], port, share, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("_checked returns at least one address")

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """The addresses of a host, at least one and every one of them public."""
        try:
            addresses = [host] if is_numeric(host) else await self._resolve(host, port)
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise HostNotPublic(
                "unknown host", f"The name {host} cannot be resolved. Check its spelling."
            ) from error
        if not addresses:
            raise HostNotPublic("unknown host", f"The name {host} has no address.")
        for address in addresses:
            if not is_allowed(address, allow_loopback=self._allow_loopback):
                raise HostNotPublic(
                    "refused address",
                    f"{host} resolves to an address that is not public. "
                    "Pictures are fetched from the public web only.",
                )
        return addresses


class _Connection(httpcore.AsyncNetworkStream):
    """A connection that is closed when its TLS handshake is cancelled; httpcore leaves it open."""

    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except asyncio.CancelledError:
            await self._stream.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - the signature is httpcore's
        return self._stream.get_extra_info(info)
