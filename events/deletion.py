"""Deletion from the log, safe beside its writers: by age, by client, or of everything.

A search goes with its events, and what was deleted is overwritten.
"""

from events.database import BUSY_TIMEOUT, Database

AT_ONCE = 5_000  # searches of a transaction, for which writers wait
READERS = 1.0  # seconds to wait for readers of the write-ahead log


def forget_older(database: Database, before: int) -> int:
    """Delete searches from before a time, with their events; returns how many searches.

    They are deleted some thousand at a time, so that writers do not wait long. Stopped at any
    instant and called again, it ends as an unbroken call would.

    Args:
        database: of the log.
        before: milliseconds since 1970, by the clock of the server that received them.

    Raises:
        EventsError: not all of them can be deleted.
    """
    deleted, count = 0, AT_ONCE
    while count == AT_ONCE:
        with database.transaction() as connection:
            count = connection.execute(
                "DELETE FROM search WHERE id IN "
                "(SELECT id FROM search WHERE received < ? ORDER BY received LIMIT ?)",
                (before, AT_ONCE),
            ).rowcount
        deleted += count
    if deleted:
        _give_back(database)
    return deleted


def forget_client(database: Database, client_id: str) -> tuple[int, int]:
    """Delete a client's searches with all their events, and its events on other searches.

    Returns:
        Number of searches, and of events on searches of others.

    Raises:
        EventsError: nothing is deleted.
    """
    with database.transaction() as connection:
        searches = connection.execute(
            "DELETE FROM search WHERE client_id = ?", (client_id,)
        ).rowcount
        events = connection.execute("DELETE FROM event WHERE client_id = ?", (client_id,)).rowcount
    _give_back(database)
    return searches, events


def forget_all(database: Database) -> int:
    """Delete everything; returns how many searches there were.

    Raises:
        EventsError: nothing is deleted.
    """
    with database.transaction() as connection:
        connection.execute("DELETE FROM event")
        deleted = connection.execute("DELETE FROM search").rowcount
    _give_back(database)
    return deleted


def _give_back(database: Database) -> None:
    """Shorten the file by what is free, and empty the write-ahead log, which has deleted pages.

    Where a reader is at work, the next deletion does it.
    """
    execute = database.connection.execute
    with database.transaction():
        execute("PRAGMA incremental_vacuum").fetchall()
    with database.errors():
        execute(f"PRAGMA busy_timeout = {READERS * 1000:.0f}")
        execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT * 1000:.0f}")
