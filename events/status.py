"""What is in the log: counts by action, its age, and its size on the disk."""

from dataclasses import dataclass
from pathlib import Path

from events.database import Database
from events.records import LEVELS


@dataclass(frozen=True, slots=True)
class Status:
    """What is in a log.

    Attributes:
        searches: how many.
        clients: different client ids.
        events: how many, by action.
        first: when the oldest search was received, in milliseconds since 1970; None: there is none.
        last: when the latest one was.
        size: bytes on the disk.
    """

    searches: int
    clients: int
    events: dict[str, int]
    first: int | None
    last: int | None
    size: int


def read_status(home: Path) -> Status:
    """What is in the log of an installation.

    Raises:
        EventsError: there is none, or it cannot be read.
    """
    with Database(home, create=False) as database, database.errors():
        searches, clients, first, last = database.connection.execute(
            "SELECT count(*), count(DISTINCT nullif(client_id, '')), min(received), max(received) "
            "FROM search"
        ).fetchone()
        counts = dict(
            database.connection.execute("SELECT action, count(*) FROM event GROUP BY action")
        )
        size = sum(file.stat().st_size for file in database.folder.glob(f"{database.file.name}*"))
    events = {action: counts.get(action, 0) for action in LEVELS}
    return Status(searches, clients, events, first, last, size)
