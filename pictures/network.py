"""Connections to public machines, for httpx.

The check of addresses sits at the one place where a socket is opened, so that nothing gets round
it: not a redirect, not another spelling of 127.0.0.1, not a name whose answer changes between the
check and the connection, because the address that was checked is the address that is connected to.

The request itself still carries the name, so `Host`, SNI and the certificate are those of the name,
and a connection is only used again for the name that it was opened for.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import httpcore
import httpx

from pictures.addresses import is_allowed, is_numeric
from pictures.errors import PictureError

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Takes a name and a port, gives numeric addresses; raises OSError for a name without any."""

# httpcore looks at every idle connection whenever a request begins or ends: those that a burst left
# over cost more than opening a few anew.
IDLE_SECONDS = 3.0
MAX_TRIED = 4  # addresses of one name that are tried in turn: as browsers do, and no more
RESOLVER_THREADS = 16  # a name whose server is silent holds a thread for seconds


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
                return _Connection(
                    await self._network.connect_tcp(
                        tried[-left], port, share, local_address, socket_options
                    )
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if left == 1:
                    raise
        raise AssertionError("a name without addresses was let through")

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        if is_numeric(host):
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


class _Connection(httpcore.AsyncNetworkStream):
    """A connection that is closed when its way to TLS is called off; httpcore leaves it open."""

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
            keepalive_expiry=IDLE_SECONDS,
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
