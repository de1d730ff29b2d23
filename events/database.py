"""The file of the log: its tables, transactions, and SQLite's errors as sentences.

SQLite, and not lines of JSON: an event's id is unique over all processes, a deletion is one
transaction beside writers, and a killed process leaves no torn record. Lines of JSON are written
some five times as fast, and one commit for all that waits makes thousands of events a second of
either.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from events import EventsError
from vitrine import Closing
from vitrine.folder_lock import locked

FOLDER, FILE = "events", "events.sqlite"
VERSION = 1
BUSY_TIMEOUT = 30.0  # seconds to wait for another process, where the folder's lock does not
MAX_BYTES = 16 * 2**30  # of the file; some hundred million events
CACHE_KIB = 8_192

TABLES = """
CREATE TABLE search (
    id INTEGER PRIMARY KEY,
    query_id TEXT NOT NULL UNIQUE,
    received INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    application TEXT NOT NULL,
    text TEXT NOT NULL,
    key TEXT NOT NULL,
    is_plain INTEGER NOT NULL,
    attributes TEXT NOT NULL,
    variant TEXT NOT NULL,
    generation TEXT NOT NULL,
    first INTEGER NOT NULL,
    shown TEXT NOT NULL
) STRICT;
CREATE INDEX search_received ON search (received);
CREATE INDEX search_client ON search (client_id) WHERE client_id <> '';
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    event_id TEXT UNIQUE,
    search INTEGER NOT NULL REFERENCES search ON DELETE CASCADE,
    received INTEGER NOT NULL,
    happened INTEGER,
    client_id TEXT NOT NULL,
    action TEXT NOT NULL,
    product TEXT NOT NULL,
    position INTEGER
) STRICT;
CREATE INDEX event_search ON event (search);
CREATE INDEX event_client ON event (client_id) WHERE client_id <> '';
"""

FULL = (
    "The log of events cannot be written, since the disk is full or the log has reached "
    f"{MAX_BYTES // 2**30} GiB: free some space, or delete old events with `vitrine events forget "
    "--older-than 90d`."
)
MISSING = "There is no log of events in {home}: `vitrine serve --events` keeps one."
DAMAGED = "{file} is damaged ({error}): move the folder away; a new log is begun."
INACCESSIBLE = (
    "The log of events {file} cannot be read and written ({error}): check its permissions and its "
    "disk, or leave the log off."
)
LOCKED = (
    f"{{file}} has been locked by another process for over {BUSY_TIMEOUT:.0f} s: try again when "
    "that has ended."
)
SENTENCES = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: FULL,
    sqlite3.SQLITE_IOERR_WRITE: FULL,
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CANTOPEN: INACCESSIBLE,
    sqlite3.SQLITE_READONLY: INACCESSIBLE,
    sqlite3.SQLITE_PERM: INACCESSIBLE,
    sqlite3.SQLITE_IOERR: INACCESSIBLE,
}


class Database(Closing):
    """A connection to the log, used by one thread at a time.

    Args:
        home: the installation's folder.
        create: make the file where it is missing; else it is only read.

    Raises:
        EventsError: it is missing and not made, or cannot be used.
    """

    def __init__(self, home: Path, *, create: bool) -> None:
        self.folder = home / FOLDER
        self.file = self.folder / FILE
        if create:
            self._make_folder()
        elif not self.file.exists():
            raise EventsError(MISSING.format(home=home))
        with self.errors():
            self.connection = sqlite3.connect(
                f"{self.file.absolute().as_uri()}?mode={'rwc' if create else 'rw'}",
                uri=True,
                timeout=BUSY_TIMEOUT,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self.errors():
                self._prepare(create=create)
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _make_folder(self) -> None:
        try:
            # for this user alone: it has what people searched for
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EventsError(
                f"The folder {self.folder} cannot be made ({error.strerror}): make room for it, "
                "or leave the log of events off."
            ) from None

    def _prepare(self, *, create: bool) -> None:
        execute = self.connection.execute
        if create:
            with locked(self.folder):  # SQLite does not wait for a switch to WAL
                self._make_tables()
        version = execute("PRAGMA user_version").fetchone()[0]
        if version == 0:  # its maker was killed before
            raise EventsError(MISSING.format(home=self.folder.parent))
        if version != VERSION:
            raise EventsError(
                f"{self.file} has version {version} of the log of events, and this release reads "
                f"version {VERSION}: use the release that wrote it, or move the folder away."
            )
        execute("PRAGMA foreign_keys = ON")
        execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        page = execute("PRAGMA page_size").fetchone()[0]
        execute(f"PRAGMA max_page_count = {MAX_BYTES // page}")

    def _make_tables(self) -> None:
        execute = self.connection.execute
        if not execute("PRAGMA user_version").fetchone()[0]:
            execute("PRAGMA auto_vacuum = INCREMENTAL")
            self.connection.executescript(
                f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;"
            )
        execute("PRAGMA journal_mode = WAL")

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Commit all writes inside, or none; processes take turns.

        Args:
            durable: what is committed, and all that was before, survives a power cut, too. Else it
                survives the end of the process.
        """
        with self.errors(), locked(self.folder):
            execute = self.connection.execute
            execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            execute("BEGIN IMMEDIATE")
            try:
                yield self.connection
                execute("COMMIT")
            except BaseException:
                if self.connection.in_transaction:  # a full disk has ended it already
                    execute("ROLLBACK")
                raise

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise SQLite's errors, and those of the folder's lock, as sentences."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0)
            sentence = SENTENCES.get(code) or SENTENCES.get(code & 0xFF)
            if sentence is None:
                raise
            raise EventsError(sentence.format(file=self.file, error=error)) from error
        except OSError as error:
            reason = INACCESSIBLE.format(file=self.file, error=error.strerror)
            raise EventsError(reason) from error
