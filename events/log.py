"""The writer of the log: what waits is committed together, and acknowledged after the commit."""

import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from events import EventsError
from events.database import Database
from events.deletion import forget_older
from events.records import Event, Search, key_of, mask
from vitrine import Closing

WAITING = 2_000  # searches and batches of events that may wait; they are bounded in bytes before
DAY = 86_400_000  # milliseconds
DELETE_EVERY = 3_600.0  # seconds between deletions of what is too old


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of a batch of events.

    Attributes:
        kept: events that are in the log now, and were not before.
        repeated: events whose `event_id` was in the log already.
        unknown: query ids that are those of no search of the log; their events are not kept.
    """

    kept: int
    repeated: int
    unknown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Waiting:
    record: Search | Sequence[Event]
    done: "Future[Any]"


class EventLog(Closing):
    """Writes searches and events of one process; threads may share it.

    A thread commits all that waits in one transaction. A search is acknowledged when it has been
    handed to the system, so that the end of this process does not lose it; an event when it, and
    every search before it, is on the disk.

    Args:
        home: the installation's folder.
        days: searches are deleted with their events when they are older; 0: never.

    Raises:
        EventsError: the file cannot be written.
    """

    def __init__(self, home: Path, *, days: float = 0.0) -> None:
        self._database = Database(home, create=True)
        self._days = days
        self._deleted = -DELETE_EVERY  # when old searches were deleted last, by the monotonic clock
        self._waiting: deque[_Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, then close the file."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        self._database.close()

    def add_search(self, search: Search) -> "Future[str]":
        """Keep a search; the result is its query id, once events may name it.

        Raises:
            EventsError: too much waits. The future raises it, too, where nothing can be written.
        """
        return self._add(search)

    def add_events(self, events: Sequence[Event]) -> "Future[Kept]":
        """Keep events; the result comes when they are on the disk.

        Raises:
            EventsError: too much waits. The future raises it, too, where nothing can be written.
        """
        return self._add(events)

    def _add(self, record: Search | Sequence[Event]) -> "Future[Any]":
        done: Future[Any] = Future()
        with self._changed:
            if self._closed or len(self._waiting) >= WAITING:
                raise EventsError("Too much waits to be written to the log of events: try again.")
            self._waiting.append(_Waiting(record, done))
            self._changed.notify()
        return done

    def _run(self) -> None:
        """Write until the log is closed and nothing waits; delete what is too old."""
        while True:
            self._delete_old()
            with self._changed:
                if not self._waiting and not self._closed:
                    self._changed.wait(DELETE_EVERY if self._days else None)
                batch = list(self._waiting)
                self._waiting.clear()
                ended = self._closed and not batch
            if ended:
                return
            if batch:
                self._answer(batch)

    def _answer(self, batch: Sequence[_Waiting]) -> None:
        try:
            outcomes = self._write([each.record for each in batch])
        except Exception as error:  # noqa: BLE001 - raised again where its caller waits
            for each in batch:
                each.done.set_exception(error)
            return
        for each, outcome in zip(batch, outcomes, strict=True):
            each.done.set_result(outcome)

    def _write(self, records: Sequence[Search | Sequence[Event]]) -> list[Any]:
        received = time.time_ns() // 1_000_000
        durable = not all(isinstance(record, Search) for record in records)
        with self._database.transaction(durable=durable) as connection:
            return [
                _insert_search(connection, record, received)
                if isinstance(record, Search)
                else _insert_events(connection, record, received)
                for record in records
            ]

    def _delete_old(self) -> None:
        if not self._days or time.monotonic() - self._deleted < DELETE_EVERY:
            return
        self._deleted = time.monotonic()
        with suppress(EventsError):  # tried again in an hour; the next write has the same problem
            forget_older(self._database, time.time_ns() // 1_000_000 - round(self._days * DAY))


def _insert_search(connection: Any, search: Search, received: int) -> str:  # noqa: ANN401
    text = mask(search.text)
    connection.execute(
        "INSERT INTO search (query_id, received, client_id, application, text, key, is_plain, "
        "attributes, variant, generation, first, shown) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        (
            search.query_id,
            received,
            search.client_id,
            search.application,
            text,
            key_of(text),
            search.is_plain,
            mask(json.dumps(dict(search.attributes), ensure_ascii=False)),
            search.variant,
            search.generation,
            search.first,
            json.dumps(list(search.shown), ensure_ascii=False),
        ),
    )
    return search.query_id


def _insert_events(connection: Any, events: Sequence[Event], received: int) -> Kept:  # noqa: ANN401
    kept = 0
    unknown: dict[str, None] = {}
    known: dict[str, int | None] = {}
    lost = 0
    for event in events:
        if event.query_id not in known:
            row = connection.execute(
                "SELECT id FROM search WHERE query_id = ?", (event.query_id,)
            ).fetchone()
            known[event.query_id] = row and row[0]
        search = known[event.query_id]
        if search is None:
            unknown[event.query_id] = None
            lost += 1
            continue
        kept += connection.execute(
            "INSERT OR IGNORE INTO event (event_id, search, received, happened, client_id, action, "
            "product, position) VALUES (?,?,?,?,?,?,?,?)",
            (
                event.event_id or None,
                search,
                received,
                event.happened,
                event.client_id,
                event.action,
                event.product,
                event.position,
            ),
        ).rowcount
    return Kept(kept, len(events) - kept - lost, tuple(unknown))
