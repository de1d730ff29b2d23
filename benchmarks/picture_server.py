"""A plain web server on loopback for measurements: files out of memory, after a set delay."""

import asyncio
import multiprocessing as mp
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

BACKLOG = 1024


@dataclass
class Served:
    """A server at work; `cpu` is the processor time it took, in seconds, once it has ended."""

    port: int
    cpu: float = 0.0

    def address(self, name: str) -> str:
        """The address of a file."""
        return f"http://127.0.0.1:{self.port}/{name}"


@contextmanager
def serving(folder: Path, latency: float) -> Iterator[Served]:
    """Serve a folder's files from a process of its own.

    Args:
        folder: the files; each is read when it is asked for.
        latency: seconds before each answer.
    """
    ours, theirs = mp.Pipe()
    process = mp.get_context("spawn").Process(target=_serve, args=(folder, latency, theirs))
    process.start()
    try:
        served = Served(ours.recv())
        yield served
        ours.send(None)
        served.cpu = ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(folder: Path, latency: float, parent: Connection) -> None:
    asyncio.run(_until_told(folder, latency, parent))


async def _until_told(folder: Path, latency: float, parent: Connection) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: _Visit(folder, latency), "127.0.0.1", 0, backlog=BACKLOG
    )
    started = time.process_time()
    parent.send(server.sockets[0].getsockname()[1])
    told = asyncio.Event()
    loop.add_reader(parent.fileno(), told.set)
    await told.wait()
    parent.send(time.process_time() - started)


class _Visit(asyncio.Protocol):
    """A connection that is kept alive; one request at a time, as clients send them."""

    def __init__(self, folder: Path, latency: float) -> None:
        self._folder = folder
        self._latency = latency
        self._asked = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport):
            raise AssertionError("a stream")
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._asked += data
        if self._asked.endswith(b"\r\n\r\n"):
            name = self._asked.split(b" ", 2)[1].decode().lstrip("/")
            self._asked = b""
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._answer, name)
            else:
                self._answer(name)

    def _answer(self, name: str) -> None:
        body = (self._folder / name).read_bytes()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: image/jpeg\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.writelines([head.encode(), body])
