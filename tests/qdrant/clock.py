"""A store's own time, so that no test waits for a retry."""

from qdrant.server.connection import Connection
from qdrant.server.engine import ServerEngine
from qdrant.store import Store


class Time:
    """A clock that pausing moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


def timed(connection: Connection, time: Time) -> Store:
    """A store whose connection reads that clock, and pauses on it."""
    connection.clock = lambda: time.now
    connection.pause = time.pause
    return Store(ServerEngine(connection))
