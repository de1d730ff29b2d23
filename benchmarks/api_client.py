"""A client of the HTTP API on many connections, in a process of its own.

    python -m benchmarks.api_client 8000 100 60 100000 < requests.jsonl

Port, connections, and what ends it: seconds, or a number of requests. Each connection sends its
next request when the last one is answered. Bodies are taken in the order of the file, from the
beginning again after its end. Of an answer only the status and the length are read, so that the
client needs little of the processors that the server runs on.
"""

import asyncio
import itertools
import json
import sys
from collections import Counter
from collections.abc import Iterator
from time import perf_counter

import uvloop

HEAD = (
    "POST /v1/search HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    "Content-Length: {}\r\n\r\n"
)


class Client:
    """Counts answers by status, and their times.

    Args:
        port: of the server, on this machine.
        bodies: of the requests.
        ends: when no further request is sent, as `perf_counter` counts.
    """

    def __init__(self, port: int, bodies: Iterator[bytes], ends: float) -> None:
        self._port = port
        self._bodies = bodies
        self._ends = ends
        self.seconds: list[float] = []
        self.outcomes: Counter[str] = Counter()

    async def run(self) -> None:
        """Send requests on one connection until the end; one that breaks ends it, too."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            for body in self._bodies:
                started = perf_counter()
                if started > self._ends:
                    break
                writer.write(HEAD.format(len(body)).encode() + body)
                self.outcomes[await _status(reader)] += 1
                self.seconds.append(perf_counter() - started)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.outcomes[type(error).__name__] += 1
        finally:
            writer.close()


async def _status(reader: asyncio.StreamReader) -> str:
    """Read an answer; returns its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, _, length = head.partition(b"content-length: ")
    await reader.readexactly(int(length.partition(b"\r\n")[0]))
    return head.split(b" ", 2)[1].decode()


async def _run(port: int, connections: int, seconds: int, most: int) -> dict[str, object]:
    lines = [line.rstrip(b"\n") for line in sys.stdin.buffer]
    bodies = itertools.islice(itertools.cycle(lines), most)
    started = perf_counter()
    client = Client(port, bodies, started + seconds)
    await asyncio.gather(*(client.run() for _ in range(connections)))
    return {
        "elapsed": perf_counter() - started,
        "outcomes": client.outcomes,
        "seconds": [round(each, 5) for each in client.seconds],
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(_run(*map(int, sys.argv[1:])))))  # noqa: T201
