"""The latest queries of the log, with their counts."""

import time
from dataclasses import dataclass
from pathlib import Path

from events.database import FILE, FOLDER, Database
from events.log import DAY
from events.records import IMPRESSION


@dataclass(frozen=True, slots=True)
class RecentQuery:
    """A query of one or more searches that differ in case and blanks alone.

    Attributes:
        text: as it was typed last.
        searches: how many.
        clicked: how many of them led to a click, a cart or a purchase.
        without_results: how many of them found nothing.
        last: when the last one was answered, in milliseconds since 1970.
    """

    text: str
    searches: int
    clicked: int
    without_results: int
    last: int


def has_log(home: Path) -> bool:
    """Whether an installation has a log, be it written now or not."""
    return (home / FOLDER / FILE).exists()


def recent_queries(
    home: Path, limit: int = 100, *, days: float = 30.0, by_count: bool = False
) -> list[RecentQuery]:
    """The latest different queries by words alone; none where there is no log.

    Args:
        home: the installation's folder.
        limit: how many at most.
        days: only searches of the last ones.
        by_count: the most frequent ones first, and not the latest.

    Raises:
        EventsError: the log cannot be read.
    """
    if not has_log(home):
        return []
    since = time.time_ns() // 1_000_000 - round(days * DAY)
    order = "searches DESC, last DESC" if by_count else "last DESC"
    with Database(home, create=False) as database, database.errors():
        rows = database.connection.execute(
            # A column beside max() is that of the row with the maximum: SQLite's own rule.
            f"""
            SELECT text, count(*) AS searches,
                   sum(EXISTS (SELECT 1 FROM event WHERE event.search = search.id
                               AND action <> '{IMPRESSION}')),
                   sum(shown = '[]'), max(received) AS last
            FROM search WHERE is_plain AND received >= ?
            GROUP BY key ORDER BY {order} LIMIT ?
            """,  # noqa: S608 - constants of this module
            (since, limit),
        ).fetchall()
    return [RecentQuery(*row) for row in rows]
