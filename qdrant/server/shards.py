"""A server collection copied within the server, shard by shard, by snapshots of its shards.

A single server has one shard, and answers these requests as a cluster does. A snapshot is made on a
node that has the shard, and recovered on a node that has the same shard of the other collection:
points are divided by a hash of their ids and the number of shards alone. The server then repairs
the other copies of that shard by itself. Meanwhile a copy may be `Active` with no points, so a copy
of a collection is complete when every copy of every shard is active and counts the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from qdrant_client import models

from qdrant.errors import EngineError, NotFound
from qdrant.server.connection import ACTIVE, BUILDING, Connection, RetryLimit

SNAPSHOTS = "/collections/{collection}/shards/{shard}/snapshots"
# Seconds that a snapshot of a shard, or its recovery, may take: both read and write all of it.
# 100,000 points of 3 x 512 dimensions took 3.7 and 2.3 s on 2 cores.
SECONDS = 3600.0
# Seconds between two requests for the states of the copies.
POLL = 0.5
# Seconds without any change after which copies that are not complete count as failed.
STALLED = 600
# A node that is lost is not waited for.
ONCE = RetryLimit(0)


class CopyImpossible(EngineError):
    """The server cannot copy the collection within itself; it has to be sent."""


@dataclass(frozen=True)
class Copy:
    """One copy of a shard, on a node that answers.

    Attributes:
        shard: its number.
        node: that it is on.
        active: whether it answers searches.
        points: that it counts, by the server's estimate: exact when it is idle.
    """

    shard: int
    node: Connection
    active: bool
    points: int


def copies(connection: Connection, name: str) -> list[Copy]:
    """Return the copies of a server collection's shards on all nodes that are named and answer.

    Raises:
        NotFound: no node has the collection.
    """
    return [
        Copy(each.shard_id, node, each.state.value == ACTIVE, each.points_count)
        for node, info in _nodes(connection, name)
        for each in info.local_shards
    ]


def _nodes(
    connection: Connection, name: str
) -> list[tuple[Connection, models.CollectionClusterInfo]]:
    """Return the named nodes that answer, and what each has of a server collection."""
    nodes = connection.nodes()
    found: list[tuple[Connection, models.CollectionClusterInfo]] = []
    failed: EngineError | None = None
    for node in nodes:
        try:
            info = node.call(
                lambda client: client.collection_cluster_info(name),
                ONCE if len(nodes) > 1 else BUILDING,
            )
        except EngineError as error:
            failed = error
            continue
        found.append((node, info))
    if not found and failed:
        raise failed
    return found


def counts(copies: Iterable[Copy]) -> dict[int, int]:
    """Return the number of points of each shard that has an active copy: the most of its copies."""
    found: dict[int, int] = {}
    for copy in copies:
        if copy.active:
            found[copy.shard] = max(copy.points, found.get(copy.shard, 0))
    return found


def complete(copies: Iterable[Copy], wanted: Mapping[int, int]) -> bool:
    """Whether every copy is active and counts as many points as its shard must have."""
    found = list(copies)
    return {copy.shard for copy in found} >= set(wanted) and all(
        copy.active and copy.points == wanted.get(copy.shard) for copy in found
    )


def snapshots(connection: Connection, name: str) -> list[str]:
    """Return the names of the snapshots of a server collection's shards, on nodes that answer."""
    found = copies(connection, name)
    return [each for copy in found for each in _snapshots(copy.node, name, copy.shard)]


def delete_snapshots(connection: Connection, name: str, kept: Iterable[str]) -> bool:
    """Delete the snapshots of a server collection's shards but those with these names.

    Returns:
        whether every named node answered: one that did not may have some left.
    """
    spared = set(kept)
    nodes = _nodes(connection, name)
    for node, info in nodes:
        for shard in (each.shard_id for each in info.local_shards):
            for snapshot in _snapshots(node, name, shard):
                if snapshot not in spared:
                    _delete(node, name, shard, snapshot)
    return len(nodes) == len(connection.nodes())


def copy_collection(connection: Connection, source: str, target: str) -> None:
    """Replace the points of a server collection by those of another, and wait until it is complete.

    Snapshots are left to `delete_snapshots`.

    Args:
        connection: to the server.
        source: is not written to meanwhile.
        target: has as many shards, and the same parameters.

    Raises:
        CopyImpossible: a node that has a shard is not named, or does not answer; or the server
            cannot read its own snapshot.
        NotFound: one of them was removed meanwhile.
    """
    from_ = copies(connection, source)
    info = connection.call(lambda client: client.get_collection(source), BUILDING)
    for shard in range(info.config.params.shard_number or 1):
        owner = _owner([copy for copy in from_ if copy.active], source, shard)
        receiver = _owner(copies(connection, target), target, shard)
        made = owner.node.request(
            "POST", SNAPSHOTS, _names(source, shard), limit=BUILDING, seconds=SECONDS
        )
        path = SNAPSHOTS.format(collection=quote(source, safe=""), shard=shard)
        location = f"{owner.node.server.url.rstrip('/')}{path}/{quote(made['name'], safe='')}"
        key = owner.node.server.key
        receiver.node.request(
            "PUT",
            SNAPSHOTS + "/recover",
            _names(target, shard),
            body={
                "location": location,
                "priority": models.SnapshotPriority.SNAPSHOT.value,
                **({"checksum": made["checksum"]} if made.get("checksum") else {}),
                **({"api_key": key} if key else {}),
            },
            limit=BUILDING,
            seconds=SECONDS,
        )
    _wait(connection, target, counts(from_))


def _wait(connection: Connection, target: str, wanted: Mapping[int, int]) -> None:
    """Wait until every copy of every shard has its points."""
    seen: object = None
    changed = connection.clock()
    while not complete(found := copies(connection, target), wanted):
        now = [(copy.shard, copy.active, copy.points) for copy in found]
        if now != seen:
            seen, changed = now, connection.clock()
        if connection.clock() > changed + STALLED:
            raise CopyImpossible(
                f"The Qdrant server at {connection.server.address} has not completed the copies of "
                f"{target} for {STALLED} seconds."
            )
        connection.pause(POLL)


def _owner(found: Iterable[Copy], name: str, shard: int) -> Copy:
    for copy in found:
        if copy.shard == shard:
            return copy
    raise CopyImpossible(
        f"No node that is named in QDRANT_URL has an active copy of shard {shard} of {name}; name "
        "every node of the cluster there, divided by commas."
    )


def _snapshots(node: Connection, name: str, shard: int) -> list[str]:
    listed = node.request("GET", SNAPSHOTS, _names(name, shard), limit=BUILDING)
    return [each["name"] for each in listed]


def _delete(node: Connection, name: str, shard: int, snapshot: str) -> None:
    try:
        node.request(
            "DELETE",
            SNAPSHOTS + "/{snapshot}",
            {**_names(name, shard), "snapshot": snapshot},
            limit=BUILDING,
        )
    except NotFound:  # by a try whose answer was lost
        return


def _names(collection: str, shard: int) -> dict[str, str]:
    return {"collection": collection, "shard": str(shard)}
