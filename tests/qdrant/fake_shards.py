"""The shards of the fake server's collections: on which nodes they are, and their snapshots.

All points of a collection are in one collection of local mode, which the nodes share; a shard is
those whose ids have a certain remainder. What the real server does is imitated as far as clients
see it: a snapshot of a shard is on the node that made it; a shard recovered on one node is active
there, and its other copies count as active with no points, then as dead and partial, until the
server has repaired them.
"""

import hashlib
import itertools
import threading
import urllib.error
import urllib.request
from collections import defaultdict, deque
from uuid import UUID

import pydantic_core
from pydantic import TypeAdapter
from qdrant_client import QdrantClient, models

from tests.qdrant.fake_errors import HttpError

REPAIR = (("Active", 0), ("Active", 0), ("Dead", 0), ("Partial", 1))
RECORDS = TypeAdapter(list[models.PointStruct])

States = deque[tuple[str, int]]  # that a copy goes through, and its points in each


class Shards:
    """Of all collections of a server, or of the nodes of a cluster."""

    def __init__(self) -> None:
        self.busy = threading.Lock()
        self.peers: list[int] = []
        self._placed: dict[str, list[dict[int, States]]] = {}
        self._files: dict[tuple[int, str, int], dict[str, bytes]] = defaultdict(dict)
        self._numbers = itertools.count(1)

    def join(self) -> int:
        """The id of another node."""
        self.peers.append(1000 + len(self.peers))
        return self.peers[-1]

    def place(self, name: str, shards: int, copies: int) -> None:
        """Spread a new collection over the nodes: each begins at another one."""
        if name in self._placed:
            return
        first = len(self._placed)
        count = len(self.peers)
        self._placed[name] = [
            {
                self.peers[(first + shard + copy) % count]: deque()
                for copy in range(min(copies, count))
            }
            for shard in range(shards)
        ]

    def of(self, name: str) -> list[dict[int, States]]:
        """The copies of each shard of a collection, by node."""
        if name not in self._placed:  # stored before the server was started
            self.place(name, 1, 1)
        return self._placed[name]

    def remove(self, name: str) -> None:
        """Forget a collection; as on a real server, its snapshots stay."""
        self._placed.pop(name, None)

    def info(self, client: QdrantClient, peer: int, name: str) -> dict[str, object]:
        """What a node answers of a collection's shards."""
        local, remote = [], []
        for shard, copies in enumerate(self.of(name)):
            for each, states in copies.items():
                state, points = states[0] if states else ("Active", None)
                if each != peer:
                    remote.append({"shard_id": shard, "peer_id": each, "state": state})
                    continue
                if states:
                    states.popleft()
                if points is None:
                    points = len(self._points(client, name, shard))
                local.append({"shard_id": shard, "points_count": points, "state": state})
        shards = {"local_shards": local, "remote_shards": remote}
        return {"peer_id": peer, "shard_count": len(self.of(name)), **shards, "shard_transfers": []}

    def listed(self, peer: int, name: str, shard: int) -> list[dict[str, object]]:
        """The snapshots of a shard on a node."""
        self._check(peer, name, shard)
        return [_described(each, file) for each, file in self._files[peer, name, shard].items()]

    def snapshot(self, client: QdrantClient, peer: int, name: str, shard: int) -> dict[str, object]:
        """Make a snapshot of a shard."""
        self._check(peer, name, shard)
        made = f"{name}-shard-{shard}-{next(self._numbers)}.snapshot"
        self._files[peer, name, shard][made] = pydantic_core.to_json(
            self._points(client, name, shard)
        )
        return _described(made, self._files[peer, name, shard][made])

    def file(self, peer: int, name: str, shard: int, snapshot: str) -> bytes:
        """The bytes of a snapshot."""
        try:
            return self._files[peer, name, shard][snapshot]
        except KeyError:
            raise HttpError(404, f"Not found: Snapshot {snapshot} not found") from None

    def delete(self, peer: int, name: str, shard: int, snapshot: str) -> bool:
        """Delete a snapshot."""
        self.file(peer, name, shard, snapshot)
        del self._files[peer, name, shard][snapshot]
        return True

    def all_snapshots(self) -> list[str]:
        """The names of all snapshots, on all nodes."""
        return sorted(name for files in self._files.values() for name in files)

    def recover(
        self, client: QdrantClient, peer: int, name: str, shard: int, file: bytes, *, half: bool
    ) -> bool:
        """Replace a shard by a snapshot, or do a half of that."""
        self._check(peer, name, shard)
        old = [point.id for point in self._points(client, name, shard)]
        if old:
            client.delete(name, models.PointIdsList(points=old))
        points = RECORDS.validate_json(file)
        if half:
            points = points[: len(points) // 2]
        if points:
            client.upsert(name, points)
        for each, states in self.of(name)[shard].items():
            states.clear()
            states.extend(REPAIR if each != peer else [("Partial", 0)] * half)
        return True

    def _check(self, peer: int, name: str, shard: int) -> None:
        shards = self.of(name)
        if shard >= len(shards) or peer not in shards[shard]:
            raise HttpError(400, f"Wrong input: Shard {shard} is not a local shard of {name}")

    def _points(self, client: QdrantClient, name: str, shard: int) -> list[models.PointStruct]:
        """The points of a shard, as they were stored."""
        found: list[models.PointStruct] = []
        offset = None
        while True:
            records, offset = client.scroll(name, limit=1000, offset=offset, with_vectors=True)
            found += [
                models.PointStruct(id=each.id, payload=each.payload, vector=each.vector)
                for each in records
                if _number(each.id) % len(self.of(name)) == shard
            ]
            if offset is None:
                return found


def checksum(file: bytes) -> str:
    """The SHA-256 of a snapshot, as the server reports it."""
    return hashlib.sha256(file).hexdigest()


def download(location: str, key: str | None) -> bytes:
    """The snapshot at an address, as the server reads it."""
    request = urllib.request.Request(location, headers={"api-key": key} if key else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.read()
    except urllib.error.URLError as error:
        words = f"Failed to download snapshot from {location}: {error}"
        raise HttpError(400, f"Wrong input: {words}") from None


def _described(name: str, file: bytes) -> dict[str, object]:
    return {
        "name": name,
        "creation_time": "2026-01-01T00:00:00",
        "size": len(file),
        "checksum": checksum(file),
    }


def _number(point: int | str) -> int:
    return point if isinstance(point, int) else UUID(str(point)).int
