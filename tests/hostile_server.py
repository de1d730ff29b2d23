"""A server on loopback with every malformed and hostile response of the web.

    with HostileServer() as server:
        server.address("/gzip-bomb")           # http, on 127.0.0.1
        server.address("/picture.jpg", host="pictures.test", tls=True)   # for a fake resolver

It runs in a thread of its own and writes HTTP itself, since no HTTP library sends such responses.
Only slow responses sleep; a response that hangs does so until the server is closed.
"""

import asyncio
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.hostile_responses import RESPONSES, Exchange

CERTIFICATE = Path(__file__).with_suffix(".pem")  # of pictures.test, signed by itself
TEST_TIMEOUT = 120.0  # seconds after which a test that waits for the server has failed


@dataclass(frozen=True)
class Request:
    """One request as received: connections count from 1, `sni` is the name of the handshake."""

    path: str
    headers: dict[str, str]
    connection: int
    sni: str | None


class HostileServer:
    """The server; `requests` and the counts hold what it received."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0  # connections that neither side has closed
        self.concurrent = 0  # requests waiting at /gate now
        self.max_concurrent = 0
        self._changed = threading.Condition()
        self._counts: dict[str, int] = {}
        self._sni: dict[ssl.SSLObject, str | None] = {}

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), daemon=True, name="hostile server"
        )
        self._thread.start()
        assert ready.wait(TEST_TIMEOUT)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join(TEST_TIMEOUT)
        assert not self._thread.is_alive()

    def address(self, path: str, *, host: str = "127.0.0.1", tls: bool = False) -> str:
        """The address of a path, under any name that a resolver resolves to this server."""
        scheme, port = ("https", self.tls_port) if tls else ("http", self.port)
        return f"{scheme}://{host}:{port}{path}"

    def wait_for_concurrent(self, count: int) -> None:
        """Block until so many requests wait at /gate."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.concurrent >= count, TEST_TIMEOUT)

    def wait_for_disconnect(self) -> None:
        """Block until every connection has ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open == 0, TEST_TIMEOUT)

    def reset_counts(self) -> None:
        """Reset the counts of /busy."""
        self._counts.clear()

    def open_gate(self) -> None:
        """Answer all requests at /gate, and all later ones, with a picture."""
        self._loop.call_soon_threadsafe(self._gate.set)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed, self._gate = asyncio.Event(), asyncio.Event()
        self._connections: set[asyncio.Task[None]] = set()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(CERTIFICATE)
        tls.sni_callback = lambda tls, name, _: self._sni.update({tls: name})
        plain = await asyncio.start_server(self._serve_connection, "127.0.0.1", 0)
        secure = await asyncio.start_server(self._serve_connection, "127.0.0.1", 0, ssl=tls)
        self.port = plain.sockets[0].getsockname()[1]
        self.tls_port = secure.sockets[0].getsockname()[1]
        ready.set()
        await self._closed.wait()
        plain.close()
        secure.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve_connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        self.connections += 1
        self.open += 1
        connection = self.connections
        sni = self._sni.get(writer.get_extra_info("ssl_object"))
        try:
            while await self._answer(reader, writer, connection, sni):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client or the server is closing
        finally:
            writer.transport.abort() if self._closed.is_set() else writer.close()
            self._connections.discard(task)
            with self._changed:
                self.open -= 1
                self._changed.notify_all()

    async def _answer(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        connection: int,
        sni: str | None,
    ) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        start, *lines = head.rstrip().split("\r\n")
        target = urlsplit(start.split(" ")[1])
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        self.requests.append(Request(target.path, headers, connection, sni))
        query = {name: values[0] for name, values in parse_qs(target.query).items()}
        exchange = Exchange(self, writer, target.path, query)
        keep_alive = await RESPONSES.get(target.path, Exchange.missing)(exchange)
        await writer.drain()
        return keep_alive
