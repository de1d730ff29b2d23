"""A web on loopback that does to a fetcher everything that the real one does.

    with HostileServer() as web:
        web.address("/gzip-bomb")           # http, on 127.0.0.1
        web.address("/picture.jpg", host="pictures.test", tls=True)   # a fake resolver's task

It runs in a thread of its own and speaks HTTP by hand, since no proper server misbehaves enough.
Nothing in it waits for time to pass but what dribbles; what hangs, hangs until the web is closed.
"""

import asyncio
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.hostile_responses import PAGES, Visit

CERTIFICATE = Path(__file__).with_suffix(".pem")  # of pictures.test, signed by itself
PATIENCE = 20.0  # seconds after which a test that waits for the web is broken


@dataclass(frozen=True)
class Request:
    """One request as the web saw it: connections count from 1, TLS asked for the name `sni`."""

    path: str
    headers: dict[str, str]
    connection: int
    sni: str | None


class HostileServer:
    """The server; what it has seen lies in `requests` and the counts."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.open = 0  # connections that neither side has closed
        self.at_once = 0  # requests behind the gate now
        self.most_at_once = 0
        self._changed = threading.Condition()
        self._asked: dict[str, int] = {}
        self._sni: dict[ssl.SSLObject, str | None] = {}

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(ready)), daemon=True, name="hostile web"
        )
        self._thread.start()
        assert ready.wait(PATIENCE)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._closed.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def address(self, path: str, *, host: str = "127.0.0.1", tls: bool = False) -> str:
        """The address of a path, under any name that a resolver leads here."""
        scheme, port = ("https", self.tls_port) if tls else ("http", self.port)
        return f"{scheme}://{host}:{port}{path}"

    def wait_until_at_once(self, count: int) -> None:
        """Block until so many requests stand at the gate."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.at_once >= count, PATIENCE)

    def wait_until_left(self) -> None:
        """Block until every connection has ended."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.open == 0, PATIENCE)

    def forget(self) -> None:
        """Let /busy begin its count anew."""
        self._asked.clear()

    def open_gate(self) -> None:
        """Let every request at the gate, and all that come, have its picture."""
        self._loop.call_soon_threadsafe(self._gate.set)

    async def _serve(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed, self._gate = asyncio.Event(), asyncio.Event()
        self._visits: set[asyncio.Task[None]] = set()
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(CERTIFICATE)
        tls.sni_callback = lambda wire, name, _: self._sni.update({wire: name})
        plain = await asyncio.start_server(self._visit, "127.0.0.1", 0)
        secure = await asyncio.start_server(self._visit, "127.0.0.1", 0, ssl=tls)
        self.port = plain.sockets[0].getsockname()[1]
        self.tls_port = secure.sockets[0].getsockname()[1]
        ready.set()
        await self._closed.wait()
        plain.close()
        secure.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    async def _visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        self.connections += 1
        self.open += 1
        connection = self.connections
        sni = self._sni.get(writer.get_extra_info("ssl_object"))
        try:
            while await self._answer(reader, writer, connection, sni):
                pass
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the visitor has had enough, or the web is closing
        finally:
            writer.transport.abort() if self._closed.is_set() else writer.close()
            self._visits.discard(task)
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
        asked = {name: values[0] for name, values in parse_qs(target.query).items()}
        visit = Visit(self, writer, target.path, asked)
        stays = await PAGES.get(target.path, Visit.missing)(visit)
        await writer.drain()
        return stays
