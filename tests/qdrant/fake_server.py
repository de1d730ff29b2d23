"""A fake Qdrant server on loopback: its REST through the client's own models.

Requests are parsed by the models of `qdrant-client` and answered by its local mode, in memory or,
so that it survives being killed, in a folder: `python -m tests.qdrant.fake_server PORT [FOLDER]`.
It proves that what we send is well formed and that we read what is answered. It proves nothing of
what local mode leaves out: quantisation, graphs, shards; tests assert those on the captured
requests. Like the real server it compresses its answers for clients that accept that, and refuses
what a collection's strict mode forbids, and requests beyond 32 MiB.
"""

import contextlib
import gzip
import json
import re
import socket
import sys
import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import pydantic_core
from qdrant_client import QdrantClient, models

from tests.qdrant.fake_errors import HttpError
from tests.qdrant.fake_routes import perform
from tests.qdrant.fake_shards import Shards

# What is longer is counted, not kept.
KEPT_BODY = 1 << 20
# Bytes of a request that the server reads, by default.
LARGEST = 32 << 20
# Bytes of one chunk of a compressed answer.
CHUNK = 1024


@dataclass
class Fault:
    """What goes wrong with the next requests of a kind.

    Attributes:
        request: pattern of the method and path, as "PUT .*/points".
        times: how many requests it affects.
        status: answer this status instead, with `words` and `headers`, without doing anything.
        page: the body of that answer instead of Qdrant's, as a proxy's page of HTML.
        lose: do nothing and break the connection off ("request"), do a half of it and then
            ("half"), or all of it ("answer").
        kill: and break all others off too, and start again: what was stored is there again.
        cut: send half of the answer, then break off.
        hold: wait for this event before anything else.
    """

    request: str
    times: int = 1
    status: int = 0
    words: str = "out of order"
    headers: dict[str, str] = field(default_factory=dict)
    page: str | None = None
    lose: str = ""
    kill: bool = False
    cut: bool = False
    hold: threading.Event | None = None


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    method: str
    path: str
    parameters: dict[str, str]
    body: Any
    size: int
    headers: dict[str, str]


class FakeServer:
    """A server on a port of loopback.

    Args:
        client: what answers; local mode in memory by default.
        port: 0 takes a free one.
        api_key: the key that may do everything; empty lets everybody in.
        read_only_key: the key that may only read.
        shards: of the cluster that it is a node of; the nodes share `client`, too.
    """

    def __init__(
        self,
        client: QdrantClient | None = None,
        port: int = 0,
        api_key: str = "",
        read_only_key: str = "",
        shards: Shards | None = None,
    ) -> None:
        self.client = client or QdrantClient(":memory:")
        self.port = port
        self.api_key, self.read_only_key = api_key, read_only_key
        self.tokens: dict[str, str] = {}  # each may read one collection or alias
        self.version = "1.20.0"
        self.faults: list[Fault] = []
        self.received: deque[Request] = deque(maxlen=2000)
        self.done: deque[Request] = deque(maxlen=2000)  # those that were carried out
        self.states: deque[str] = deque()  # of the next collection whose graphs are made
        self.replicas: deque[list[str]] = deque()  # then, of all copies: "green" or "Dead"
        self.proxy_limit = 0  # bytes of a request that a proxy before it lets through; 0: no proxy
        self.optimising = ""
        self.strict: dict[str, models.StrictModeConfig] = {}  # by server collection
        self.shards = shards or Shards()
        self.busy = self.shards.busy  # local mode is not for several threads
        self.peer = self.shards.join()
        self.half = False  # of what a request asks for
        self.connections = 0  # accepted so far
        self._faulty = threading.Lock()
        self._arrived = threading.Condition()
        self._server: ThreadingHTTPServer | None = None
        self._open: set[socket.socket] = set()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen; what was stored before is there again."""
        fake_server = self

        class Bound(Handler):
            server_of = fake_server

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Bound)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Stop listening, and break every connection off."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def names(self) -> list[str]:
        """The names of its collections, ascending."""
        return sorted(each.name for each in self.client.get_collections().collections)

    def requests(self, pattern: str, *, done: bool = False) -> list[Request]:
        """The requests whose method and path match, in their order; or those carried out."""
        noted = list(self.done if done else self.received)
        return [a for a in noted if re.fullmatch(pattern, f"{a.method} {a.path}")]

    def record(self, request: Request, *, done: bool = False) -> None:
        """Note that a request has come, its fault chosen, or that it was carried out."""
        with self._arrived:
            (self.done if done else self.received).append(request)
            self._arrived.notify_all()

    def wait_for(self, pattern: str, times: int = 1, *, done: bool = False) -> None:
        """Wait until so many matching requests have come, or were carried out."""

        def enough() -> bool:
            return len(self.requests(pattern, done=done)) >= times

        with self._arrived:
            assert self._arrived.wait_for(enough, timeout=120)

    def next_fault(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this request, if any."""
        with self._faulty:
            for fault in self.faults:
                if fault.times and re.fullmatch(fault.request, f"{method} {path}"):
                    fault.times -= 1
                    return fault
        return None


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # A head and a body that leave in two packets wait 40 ms for each other.
    wbufsize = -1
    disable_nagle_algorithm = True
    server_of: FakeServer

    def setup(self) -> None:
        """Remember the connection, so that `stop` can break it off."""
        super().setup()
        self.server_of._open.add(self.connection)
        self.server_of.connections += 1

    def finish(self) -> None:
        """Forget it."""
        self.server_of._open.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def handle(self) -> None:
        """Answer requests until the client leaves, or is left."""
        with contextlib.suppress(OSError):
            super().handle()

    def answer_request(self) -> None:
        """Read, note, perhaps fail, answer."""
        fake_server = self.server_of
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urlsplit(self.path)
        parameters = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        body = json.loads(raw) if raw and len(raw) <= KEPT_BODY else None
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parameters, body, len(raw), headers)
        fault = fake_server.next_fault(self.command, parts.path)
        fake_server.record(request)
        if fault and fault.hold:
            fault.hold.wait(120)
        if fault and fault.lose == "request":
            self._break_off(fault)
            return
        status, answer = 200, b""
        try:
            if fault and fault.status:
                raise HttpError(fault.status, fault.words)
            self._check_size(len(raw))
            self._check_key(parts.path)
            fake_server.half = bool(fault) and fault.lose == "half"
            result = perform(fake_server, self.command, parts.path, raw)
            fake_server.record(request, done=True)
            if isinstance(result, bytes | str):
                answer = result if isinstance(result, bytes) else result.encode()
            else:
                reply = {"result": result, "status": "ok", "time": 0.0}
                answer = pydantic_core.to_json(reply, exclude_none=True)
                if parts.path == "/":
                    answer = pydantic_core.to_json(result)
        except HttpError as refused:
            status = refused.status
            answer = json.dumps({"status": {"error": str(refused)}, "time": 0.0}).encode()
            if status == 413:
                answer = b"<html><center><h1>413 Request Entity Too Large</h1></center></html>"
            if fault and fault.page is not None:
                answer = fault.page.encode()
        if fault and fault.lose:
            self._break_off(fault)
            return
        self.send_response(status)
        for name, value in (fault.headers if fault else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        if "gzip" in headers.get("accept-encoding", ""):
            self._write_compressed(answer)
            return
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if fault and fault.cut:
            answer = answer[: len(answer) // 2]
            self.close_connection = True
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer_request  # noqa: N815

    def log_message(self, *arguments: object) -> None:
        """Keep quiet."""

    def _break_off(self, fault: Fault) -> None:
        self.close_connection = True
        self.server_of.half = False
        if fault.kill:
            self.server_of.stop()
            self.server_of.start()

    def _write_compressed(self, answer: bytes) -> None:
        """Send an answer in chunks, each in a write of its own.

        With Nagle's algorithm every write waits for the ACK of the one before, which a client on a
        kept connection delays by 40 ms.
        """
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        packed = gzip.compress(answer)
        for start in range(0, len(packed), CHUNK):
            chunk = packed[start : start + CHUNK]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _check_size(self, size: int) -> None:
        proxy = self.server_of.proxy_limit
        if proxy and size > proxy:
            raise HttpError(413, "Request Entity Too Large")
        if size > LARGEST:
            words = f"JSON payload ({size} bytes) is larger than allowed (limit: {LARGEST} bytes)."
            raise HttpError(400, f"Error in JSON body: {words}")

    def _check_key(self, path: str) -> None:
        fake_server = self.server_of
        if not fake_server.api_key or path in ("/", "/readyz", "/healthz", "/livez"):
            return
        key = self.headers.get("api-key")
        if not key:
            raise HttpError(401, "Must provide an API key or an Authorization bearer token")
        if key in fake_server.tokens:
            if not path.startswith(f"/collections/{fake_server.tokens[key]}"):
                raise HttpError(403, "Forbidden: Global access is required")
            if path.split("/")[2] != fake_server.tokens[key]:
                raise HttpError(
                    403, f"Forbidden: Access to collection {path.split('/')[2]} is required"
                )
        elif key not in (fake_server.api_key, fake_server.read_only_key):
            raise HttpError(401, "Invalid API key or JWT")
        reads = self.command == "GET" or re.search(
            r"/(points|scroll|count|facet|query|query/batch)$", path
        )
        if key != fake_server.api_key and not (reads and self.command in ("GET", "POST")):
            raise HttpError(403, "Forbidden: Global manage access is required")


def main() -> None:
    """Serve memory or a folder on a port until killed."""
    client = None
    if len(sys.argv) > 2:
        client = QdrantClient(path=sys.argv[2], force_disable_check_same_thread=True)
    with FakeServer(client, int(sys.argv[1])) as fake_server:
        fake_server.received = deque(maxlen=0)
        sys.stdout.write(f"{fake_server.url}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
