"""When a generation on a server may be published: graphs made and points there, in every copy."""

from typing import Any

from qdrant_client import models

from qdrant import layout
from qdrant.errors import BuildFailed, EngineError, NotFound
from qdrant.model import Spec
from qdrant.server.connection import BUILDING, WRITE, Connection, RetryLimit
from qdrant.server.generations import Generations
from qdrant.server.shards import complete, copies, counts

# Seconds between two requests for the status of a server that builds graphs.
POLL = 0.5
# Seconds without change after which the graphs count as made. A server from 1.19 on applies changed
# settings in the background, and a node of a cluster when it hears of them: it is green before it
# begins, too.
STILL = 5
# Seconds for which a complete, idle collection may still count points that it has acknowledged.
SETTLE = 30
# The server applies changed settings after its current optimisation: for a large collection, hours.
OPTIMISING = RetryLimit(24 * 3600)


def change(
    connection: Connection,
    name: str,
    limit: RetryLimit = OPTIMISING,
    **changes: Any,  # noqa: ANN401
) -> None:
    """Change the settings or the metadata of a server collection."""
    connection.call(lambda client: client.update_collection(name, timeout=WRITE, **changes), limit)


def wait_until_ready(
    generations: Generations, connection: Connection, name: str, spec: Spec, points: int
) -> None:
    """Wait until every copy of every shard has its graph, and every point is counted.

    Args:
        generations: those of its variant.
        connection: to the server.
        name: of the server collection.
        spec: what it holds.
        points: how many there must be.

    Raises:
        BuildFailed: the server could not make it, or lacks points.
        NotFound: it was removed meanwhile.
    """
    # A collection below the threshold of a segment gets no graph.
    still = 0 if layout.scan_all(points, spec.dim) else STILL
    indexed: int | None = None
    changed = 0.0
    complete_until: float | None = None
    while True:
        info = generations.get(name, BUILDING).info
        states = {info.status.value}
        if still:  # the collection's own status is that of one copy of each shard
            states |= connection.replica_states(name, BUILDING)
        time = connection.clock()
        if "red" in states:
            raise BuildFailed(
                f"The Qdrant server could not make {name}: "
                f"{getattr(info.optimizer_status, 'error', info.optimizer_status)}; see its "
                "log. What was published is untouched."
            )
        if "grey" in states:  # a restart stopped the optimiser
            change(connection, name, optimizers_config=models.OptimizersConfigDiff())
        if states != {"green"} or info.indexed_vectors_count != indexed:
            indexed, changed = info.indexed_vectors_count, time
        if states == {"green"} and time - changed >= still:
            fault = _fault(connection, name, points)
            if not fault:
                return
            complete_until = complete_until or time + SETTLE
            if time > complete_until:
                raise BuildFailed(
                    f"The Qdrant server {fault}; what was published is untouched: run this again."
                )
        connection.pause(POLL)


def _fault(connection: Connection, name: str, points: int) -> str:
    """Return what its points lack; empty for nothing."""
    counted = connection.call(lambda client: client.count(name, exact=True), BUILDING).count
    if counted != points:
        return f"counts {counted} points in {name}, and {points} were sent"
    return "" if _copies_agree(connection, name) else f"has copies of {name} that differ"


def _copies_agree(connection: Connection, name: str) -> bool:
    """Whether all copies of each shard on the named nodes are active and count the same."""
    if not connection.remote:
        return True
    try:
        found = copies(connection, name)
    except NotFound:
        raise
    except EngineError:  # a key that may not see it
        return True
    return complete(found, counts(found))
