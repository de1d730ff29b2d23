"""The responses of the hostile server: every way to be wrong, and a few right ones."""

import asyncio
import gzip
import io
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from tests.hostile_server import HostileServer

PIECE = 2**16
DRIP = 0.01  # seconds between two bytes of a slow response


def _jpeg() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((96, 72), 64).convert("RGB").save(file, "JPEG")
    return file.getvalue()


def _pixel_bomb() -> bytes:
    """A PNG of a few bytes whose header promises 20,000 × 20,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IEND", b"")


JPEG = _jpeg()
HTML = b"<!doctype html><title>Robot?</title><p>Prove that you are human.</p>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
BOMB = b"\xff\xd8\xff" + bytes(8 * 2**20)  # packs to a thousandth


class Exchange:
    """One request being answered; each response returns whether the connection stays open."""

    def __init__(
        self,
        server: "HostileServer",
        writer: asyncio.StreamWriter,
        path: str,
        query: dict[str, str],
    ) -> None:
        self.server, self.writer, self.path, self.query = server, writer, path, query

    def send(self, body: bytes = b"", status: int = 200, **headers: str) -> bool:
        """Send a valid response. Underscores in header names stand for hyphens."""
        headers = {"content_type": "image/jpeg", "content_length": str(len(body))} | headers
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {status} So", *lines, "", ""])
        self.writer.write(head.encode("latin-1") + body)
        return True

    async def forever(self, piece: bytes, pause: float = 0.0) -> bool:
        while not self.server._closed.is_set():
            self.writer.write(piece)
            await self.writer.drain()
            await asyncio.sleep(pause)
        return False

    async def missing(self) -> bool:
        return self.send(b"", 404)

    async def hang(self) -> bool:
        await self.server._closed.wait()
        return False

    async def hang_in_body(self) -> bool:
        self.send(JPEG[:100], content_length=str(len(JPEG)))
        return await self.hang()

    async def slow(self) -> bool:
        self.send(JPEG[:20], content_length="1000000")
        return await self.forever(b"\0", DRIP)

    async def slow_headers(self) -> bool:
        self.writer.write(b"HTTP/1.1 200 OK\r\n")
        return await self.forever(b"X: y\r\n", DRIP)

    async def endless_headers(self) -> bool:
        self.writer.write(b"HTTP/1.1 200 OK\r\nX: ")
        return await self.forever(b"y" * PIECE)

    async def promises_forever(self) -> bool:
        return await self.forever(b"HTTP/1.1 103 Early Hints\r\n\r\n", DRIP)

    async def endless(self) -> bool:
        self.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        self.writer.write(b"3\r\n\xff\xd8\xff\r\n")
        return await self.forever(b"10000\r\n" + bytes(PIECE) + b"\r\n")

    async def endless_packed_nothing(self) -> bool:
        """A gzip stream of empty blocks: endless bytes that decompress to none."""
        self.writer.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\n\r\n")
        self.writer.write(gzip.compress(b"")[:10])
        return await self.forever(b"\x00\x00\x00\xff\xff" * 10_000)

    async def redirect(self) -> bool:
        return self.send(status=int(self.query.get("status", "302")), location=self.query["to"])

    async def loop(self) -> bool:
        return self.send(status=302, location="/loop")

    async def redirect_nowhere(self) -> bool:
        return self.send(status=302)

    async def status(self) -> bool:
        return self.send(HTML, int(self.query["is"]), content_type="text/html")

    async def busy(self) -> bool:
        """`status` with the given Retry-After for the first `times`; then the picture."""
        seen = self.server._counts.get(self.path, 0)
        self.server._counts[self.path] = seen + 1
        if seen >= int(self.query["times"]):
            return self.send(JPEG)
        after = {"retry_after": self.query["after"]} if "after" in self.query else {}
        return self.send(b"", int(self.query["status"]), **after)

    async def cut_off(self) -> bool:
        self.send(JPEG[:-50], content_length=str(len(JPEG)))
        return False

    async def hang_up(self) -> bool:
        return False

    async def gate(self) -> bool:
        with self.server._changed:
            self.server.concurrent += 1
            self.server.max_concurrent = max(self.server.max_concurrent, self.server.concurrent)
            self.server._changed.notify_all()
        await self.server._gate.wait()
        with self.server._changed:
            self.server.concurrent -= 1
        return self.send(JPEG)


def _fixed(body: bytes, **headers: str) -> Callable[[Exchange], Awaitable[bool]]:
    async def page(exchange: Exchange) -> bool:
        return exchange.send(body, 200, **headers)

    return page


def _raw(answer: bytes) -> Callable[[Exchange], Awaitable[bool]]:
    async def page(exchange: Exchange) -> bool:
        exchange.writer.write(answer)
        return False

    return page


RESPONSES: dict[str, Callable[[Exchange], Awaitable[bool]]] = {
    "/picture.jpg": _fixed(JPEG),
    "/unlabelled": _raw(b"HTTP/1.0 200 OK\r\n\r\n" + JPEG),
    "/picture-called-text": _fixed(JPEG, content_type="text/plain"),
    "/packed-picture": _fixed(gzip.compress(JPEG), content_encoding="gzip"),
    "/cookie": _fixed(JPEG, set_cookie="visitor=1; Path=/"),
    "/html": _fixed(HTML, content_type="text/html; charset=utf-8"),
    "/html-called-jpeg": _fixed(HTML),
    "/svg": _fixed(SVG, content_type="image/svg+xml"),
    "/truncated.jpg": _fixed(JPEG[: len(JPEG) // 2]),
    "/pixel-bomb.png": _fixed(_pixel_bomb(), content_type="image/png"),
    "/empty": _fixed(b""),
    "/empty-packed": _fixed(gzip.compress(b""), content_encoding="gzip"),
    "/gzip-bomb": _fixed(gzip.compress(BOMB), content_encoding="gzip"),
    "/deflate-bomb": _fixed(zlib.compress(BOMB), content_encoding="deflate"),
    "/gzip-twice": _fixed(gzip.compress(gzip.compress(JPEG)), content_encoding="gzip, gzip"),
    "/broken-gzip": _fixed(b"\x1f\x8b" + JPEG, content_encoding="gzip"),
    "/brotli": _fixed(JPEG, content_encoding="br"),
    "/declared-large": _fixed(JPEG, content_length=str(2**40)),
    "/garbage": _raw(b"\x00\x01\x02 this is no HTTP\r\n\r\n"),
    "/two-lengths": _raw(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef"
    ),
    "/upgrade": _raw(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
}
RESPONSES |= {
    "/" + name.replace("_", "-"): getattr(Exchange, name)
    for name in (
        *("hang", "hang_in_body", "slow", "slow_headers", "endless_headers", "endless"),
        *("promises_forever", "endless_packed_nothing", "redirect", "redirect_nowhere", "status"),
        *("loop", "busy", "cut_off", "hang_up", "gate"),
    )
}
