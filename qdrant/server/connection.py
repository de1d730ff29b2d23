"""One connection to a Qdrant server: calls are retried, and failures become the store's errors.

The client itself retries nothing but uploads through its own uploader, so every call goes through
`Connection.call`. Of a cluster several nodes may be named: a node that does not answer is left for
the next, and what only a certain node can do is called on that node (`Connection.nodes`).
"""

import importlib.metadata
import ipaddress
import logging
import random
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from qdrant_client import QdrantClient

from qdrant.errors import EngineError, StoreError
from qdrant.server.errors import EXCEPTIONS, Server, retry_after, store_error
from qdrant.server.settings import answer_seconds, grpc_port
from vitrine import Closing

T = TypeVar("T")

log = logging.getLogger(__name__)
# The oldest version of a server that has all that is asked of it: `mapping.STRICT` needs this.
OLDEST = (1, 18)
# Seconds that the server has for one answer. Those that write may wait for a disk.
ANSWER = 10
WRITE = 60
# Pauses between tries, seconds: doubled each time, and anything from half to the whole of it, so
# that many clients of a server that comes back do not come all at once.
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
# Connections kept open. Without a number of its own the client opens a new one for every request
# to a local server; 100 is httpx's own bound of connections.
CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=50)
# States of a shard's copy: it answers searches; it is being copied from another node. A copy of a
# node that is lost is neither.
ACTIVE = "Active"
TRANSFERRED = {"Initializing", "Partial", "PartialSnapshot", "Recovery"}
# A compressed answer comes in several writes, and Nagle's algorithm delays the second until the
# client's delayed ACK: 44 ms for a search instead of 1.5.
HEADERS = {"accept-encoding": "identity"}  # in lower case, as gRPC has it


@dataclass(frozen=True)
class RetryLimit:
    """How long a call may be retried.

    Attributes:
        seconds: in all, from the first try to the last.
        stop: ends the waiting at once when set.
    """

    seconds: float
    stop: threading.Event | None = None


# A person waits for a search. A build outlasts a restart of the server, which loads its
# collections before it answers.
SEARCHING = RetryLimit(15)
BUILDING = RetryLimit(600)


class Connection(Closing):
    """A client whose calls are retried; threads may share it.

    Args:
        client: the connection, or `QdrantClient(":memory:")` in tests.
        server: what it is connected to; None for local mode.
        others: further nodes of its cluster.
        grpc: send points by gRPC.
        clock: monotonic seconds.
        pause: waits some seconds.
        rng: draws from 0 to 1.

    Attributes:
        remote: whether there is a server; False in local mode.
        grpc: whether points are sent by gRPC.
    """

    def __init__(
        self,
        client: QdrantClient,
        server: Server | None = None,
        *,
        others: Sequence[tuple[QdrantClient, Server]] = (),
        grpc: bool = False,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] = time.sleep,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self.remote = server is not None
        self.grpc = grpc
        self.clock = clock
        self.pause = pause
        self._nodes = [(client, server or Server()), *others]
        self._current = 0
        self._rng = rng
        self._answered = not self.remote  # local mode is always there
        self._version = ""

    @property
    def client(self) -> QdrantClient:
        """The client of the node in use."""
        return self._nodes[self._current][0]

    @property
    def server(self) -> Server:
        """The node in use."""
        return self._nodes[self._current][1]

    def nodes(self) -> list["Connection"]:
        """Return a connection to each node that is named, for what only that node can do."""
        nodes = [
            Connection(client, server, clock=self.clock, pause=self.pause, rng=self._rng)
            for client, server in self._nodes
        ]
        for node in nodes:
            node._answered = self._answered
        return nodes

    def call(self, function: Callable[[QdrantClient], T], limit: RetryLimit = SEARCHING) -> T:
        """Return what the function returns, retried while the server is busy or away.

        A call may reach the server twice, so it must be idempotent.

        Raises:
            StoreError: for the last failure.
        """
        if not self._answered:
            self.version(limit)
        return self._retry(function, limit)

    def version(self, limit: RetryLimit = SEARCHING) -> str:
        """Return the server's version, requested once.

        Raises:
            EngineError: the server is too old.
        """
        if not self._version:
            version = self._retry(lambda client: client.info(), limit).version
            self._check_version(version)
            self._version, self._answered = version, True
        return self._version

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each server collection as the server estimates them.

        Empty where it does not answer: its telemetry is not for every key, and not guaranteed.
        """
        try:
            found = self._read_json("/telemetry")["collections"]["collections"]
            return {each["id"]: _bytes(each["shards"]) for each in found}
        except (StoreError, KeyError, TypeError, AttributeError):
            return {}

    def replica_states(self, name: str, limit: RetryLimit) -> set[str]:
        """Return the states of all copies of a server collection's shards, on all nodes.

        `green`, `yellow`, `grey` or `red` of each copy that answers searches, and `yellow` of one
        that is being transferred. Empty where there is no cluster, or the key may not read it.
        """
        try:
            found = self._read_json("/cluster/telemetry", limit)["collections"][name]["shards"]
            copies = [copy for shard in found for copy in shard["replicas"]]
        except (StoreError, KeyError, TypeError):
            return set()
        return {
            "yellow" if copy.get("state") in TRANSFERRED else copy["status"]
            for copy in copies
            if copy.get("state") in TRANSFERRED
            or (copy.get("state") == ACTIVE and copy.get("status"))
        }

    def request(
        self,
        method: str,
        path: str,
        names: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        limit: RetryLimit = SEARCHING,
        seconds: float = ANSWER,
    ) -> Any:  # noqa: ANN401
        """Return the result of a request that needs more time than the client's own calls have.

        Args:
            method: of HTTP.
            path: with the names of its parts in braces.
            names: the parts.
            body: sent as JSON.
            limit: how long it may be retried.
            seconds: for one answer.
        """
        return self.call(
            lambda client: client.http.client.request(
                type_=dict[str, Any],
                method=method,
                url=path,
                path_params=dict(names),
                params={"wait": "true"},
                json=body,
                timeout=seconds,
            ),
            limit,
        )["result"]

    def close(self) -> None:
        """Close the connection."""
        for client, _ in self._nodes:
            client.close()

    def _read_json(self, path: str, limit: RetryLimit = SEARCHING) -> Any:  # noqa: ANN401
        """Return the result of a path of the server's telemetry; empty in local mode.

        The client's own models of telemetry refuse the answers of servers of its own version.
        """
        if not self.remote:
            return {}
        return self.call(
            lambda client: client.http.client.request(
                type_=dict[str, Any], method="GET", url=path, params={"details_level": "4"}
            ),
            limit,
        )["result"]

    def _retry(self, function: Callable[[QdrantClient], T], limit: RetryLimit) -> T:
        end = self.clock() + limit.seconds
        longest = FIRST_PAUSE
        silent = 0  # nodes that have failed one after the other
        while True:
            client, server = self._nodes[self._current]
            try:
                return function(client)
            except EXCEPTIONS as error:
                silent += 1
                if silent % len(self._nodes) and retry_after(error, answered=True) is not None:
                    self._current = (self._current + 1) % len(self._nodes)
                    continue
                pause = retry_after(error, answered=self._answered)
                wait = max(longest * (1 + self._rng()) / 2, pause or 0)
                stopped = limit.stop is not None and limit.stop.is_set()
                if pause is None or stopped or self.clock() + wait > end:
                    raise store_error(error, server) from None
            (limit.stop.wait if limit.stop else self.pause)(wait)
            longest = min(2 * longest, LONGEST_PAUSE)

    def _check_version(self, version: str) -> None:
        """Refuse a server that is too old, and warn of one that is not of the client's range.

        Qdrant's own range: the same major version, and minor versions at most one apart.
        """
        ours = importlib.metadata.version("qdrant-client")
        try:
            (major, minor), (their_major, their_minor) = (
                tuple(map(int, each.split(".")[:2])) for each in (ours, version)
            )
        except ValueError:  # a development build: unknown
            return
        if (their_major, their_minor) < OLDEST:
            raise EngineError(
                f"The Qdrant server at {self.server.address} is version {version}; Vitrine needs "
                "1.18 or later, which limits the searches of one request (search_max_batchsize); "
                f"run qdrant/qdrant:v{major}.{minor}.0."
            )
        if major != their_major or abs(minor - their_minor) > 1:
            log.warning(
                "The Qdrant server at %s is version %s; qdrant-client %s is made for versions "
                "%d.%d to %d.%d.",
                *(self.server.address, version, ours, major, minor - 1, major, minor + 1),
            )


def connect(urls: str, api_key: str | None = None) -> Connection:
    """Return a connection to the server at an address such as `http://localhost:6333`.

    Nothing is sent before the first call.

    Args:
        urls: its address; of a cluster those of its nodes, divided by commas.
        api_key: its key.

    Raises:
        StoreError: one is no address, or lacks the scheme; or QDRANT_TIMEOUT or
            QDRANT_GRPC_PORT is no number.
    """
    addresses = [address for part in urls.split(",") if (address := part.strip())] or [urls]
    (client, server), *others = (_node(address, api_key) for address in addresses)
    return Connection(client, server, others=others, grpc=bool(grpc_port()))


def _node(url: str, api_key: str | None) -> tuple[QdrantClient, Server]:
    if not url.startswith(("http://", "https://")):
        raise StoreError(f"QDRANT_URL is '{url}': it must start with http:// or https://.")
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        with warnings.catch_warnings():
            if _is_local(host):
                warnings.filterwarnings("ignore", message="Api key is used with an insecure")
            client = QdrantClient(
                url=url,
                api_key=api_key,
                timeout=answer_seconds(ANSWER),
                limits=CONNECTIONS,
                headers=HEADERS,
                grpc_port=grpc_port() or 6334,
                check_compatibility=False,  # it only warns; `Connection.version` raises
            )
    except ValueError as error:
        raise StoreError(f"QDRANT_URL is '{url}', which is no address ({error}).") from None
    shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()  # without a password
    return client, Server(shown, url, api_key or "")


def _is_local(host: str) -> bool:
    """Whether the host is this machine, or a container beside it: a name without a dot."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return "." not in host


def _bytes(shards: list[dict[str, Any]]) -> int:
    """Return the bytes of a server collection's shards on the node that answered."""
    local = [shard.get("local") or {} for shard in shards]
    return sum(
        shard.get(part) or 0
        for shard in local
        for part in ("vectors_size_bytes", "payloads_size_bytes")
    )
