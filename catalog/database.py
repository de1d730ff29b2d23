"""The one SQLite file: transactions, pages of rows, and SQLite's errors as sentences."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from rich.text import Text

from catalog import CatalogError, schema
from catalog.damage import DamagedText, decode
from vitrine import Closing
from vitrine.command import messages
from vitrine.text import printable

FILE = "catalog.sqlite"
BUSY_TIMEOUT = 60.0  # seconds to wait for another process's transaction; ours last under one
BUSY_PAUSE = 0.01  # seconds between tries where SQLite itself does not wait
# Rows, and characters of their texts, held in memory while a table is iterated over.
PAGE_ROWS = 500
PAGE_SIZE = 8 * 2**20

# What a user can do about an error of SQLite, by its extended or its primary code.
INACCESSIBLE = (
    "{file} cannot be read and written ({error}); check its permissions and its disk, or name "
    "another folder in VITRINE_HOME."
)
LOCKED = (
    f"{{file}} has been locked by another process for over {BUSY_TIMEOUT:.0f} s; wait until that "
    "ends, then run the same command again."
)
DAMAGED = (
    "{file} is damaged ({error}); restore a copy of it, or move it away and run "
    "`vitrine ingest products` again."
)
UNMERGED_LOG = (
    "{file} cannot be read where its disk is read-only, since a stopped job left {file}-wal: run "
    "`vitrine ingest status` once where the folder can be written, which merges it."
)
FULL = (
    "The disk is full: {file} could not be written. Its content is unchanged; free some space and "
    "run the same command again."
)
SENTENCES = {
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR_SHMSIZE: FULL,  # the index of the log could not grow
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_CORRUPT: DAMAGED,
    sqlite3.SQLITE_NOTADB: DAMAGED,
    sqlite3.SQLITE_CANTOPEN: INACCESSIBLE,
    sqlite3.SQLITE_READONLY: INACCESSIBLE,
    sqlite3.SQLITE_PERM: INACCESSIBLE,
    sqlite3.SQLITE_IOERR: INACCESSIBLE,
}

Row = tuple[Any, ...]
T = TypeVar("T")


class Database(Closing):
    """The catalogue's file: one connection, used by one thread at a time.

    Every write is one transaction: it is complete or, where the process is killed, absent. Reads
    see a snapshot and never wait for another process's writes (WAL).

    In a folder that cannot be written, as on a read-only disk, an existing file can be read; one of
    an earlier version through a copy in a temporary file.

    Attributes:
        damaged: The damaged rows that were left out while reading, with a sentence for each, by
            the id that begins the row. They are named on stderr when the file is closed.
    """

    def __init__(self, home: Path, *, create: bool = True) -> None:
        self.home = home
        self.file = home / FILE
        self.damaged: dict[str, str] = {}
        self._lock = threading.RLock()
        if create:
            try:
                home.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CatalogError(
                    f"The folder {home} cannot be made: {error.strerror}; "
                    "name another one in VITRINE_HOME."
                ) from error
        elif not self.file.exists():
            raise self._missing()
        self._writable = os.access(home, os.W_OK) and (
            not self.file.exists() or os.access(self.file, os.W_OK)
        )
        try:
            self._connection = sqlite3.connect(
                self._uri(),
                uri=True,
                timeout=BUSY_TIMEOUT,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as error:
            raise self._translated(error) from error
        try:
            self._prepare(create=create)
        except BaseException:
            self._connection.close()
            raise

    def _uri(self) -> str:
        """The file's address for SQLite.

        SQLite writes beside the file even to read it, except where the file is immutable. It is not
        while another process has it open, which mounts the folder to be written: then there is a
        log, whose index that process keeps.
        """
        address = self.file.absolute().as_uri()
        if self._writable:
            return address
        return f"{address}?mode=ro" if self._has_log() else f"{address}?immutable=1"

    def _has_log(self) -> bool:
        """Whether a log beside the file has what is not in it yet, or a process may write there."""
        log, index = (self.file.with_name(f"{FILE}-{kind}") for kind in ("wal", "shm"))
        return log.exists() and (log.stat().st_size > 0 or index.exists())

    def close(self) -> None:
        """Close the file; name the damaged rows that were left out."""
        with self._lock:
            self._connection.close()
        if damage := self.damage():
            left_out = f"{damage['count']:,} damaged rows of {self.file} were left out"
            messages.print(Text(printable(f"{left_out}: {damage['example']}")), soft_wrap=True)

    def damage(self) -> dict[str, Any]:
        """The damaged rows that were left out: `count`, and an `example`; empty without any."""
        if not self.damaged:
            return {}
        return {"count": len(self.damaged), "example": next(iter(self.damaged.values()))}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all writes inside, or none; other writers wait."""
        with self._lock, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk has ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def _select(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        return self._read(query, values, sqlite3.Cursor.fetchall)

    def _read(
        self, query: str, values: Sequence[object], read: Callable[[sqlite3.Cursor], list[Row]]
    ) -> list[Row]:
        """The rows of a query; text that is not UTF-8 becomes `DamagedText`."""
        with self._lock, self._errors():
            try:
                return read(self._connection.execute(query, values))
            except sqlite3.OperationalError as error:
                if hasattr(error, "sqlite_errorcode"):  # SQLite's own
                    raise
            self._connection.text_factory = decode
            try:
                return read(self._connection.execute(query, values))
            finally:
                self._connection.text_factory = str

    def _intact(self, rows: Iterable[Row], parse: Callable[[Row], T]) -> Iterator[tuple[Row, T]]:
        """Rows with what they hold. A damaged one is left out and recorded in `damaged`.

        Args:
            rows: Each begins with an id.
            parse: Takes a row; raises `CatalogError` where it is damaged.
        """
        for row in rows:
            try:
                parsed = parse(row)
            except CatalogError as error:
                self.damaged[str(row[0])] = str(error)
            else:
                if self.damaged:
                    self.damaged.pop(row[0], None)
                yield row, parsed

    def _pages(self, query: str, values: Sequence[object], after: str) -> Iterator[Row]:
        """Iterate over rows by their first column, an id; writes may go on meanwhile.

        Args:
            query: Ends in conditions; "AND product.id > ?", order and limit are appended.
            values: For the query's own parameters.
            after: Begin after this id.
        """
        query = f"{query} AND product.id > CAST(? AS TEXT) ORDER BY product.id LIMIT {PAGE_ROWS}"
        last = after.encode()
        while rows := self._read(query, (*values, last), _page):
            for row in rows:
                key = row[0].raw if isinstance(row[0], DamagedText) else str(row[0]).encode()
                if key <= last:
                    error = f"the id {row[0]!r} is out of order"
                    raise CatalogError(DAMAGED.format(file=self.file, error=error))
                last = key
                yield row

    def check(self) -> None:
        """Read the whole file and compare its tables with their indexes.

        Raises:
            CatalogError: It is damaged.
        """
        ((found,),) = self._select("PRAGMA integrity_check(1)")
        if found != "ok":
            raise CatalogError(DAMAGED.format(file=self.file, error=found))

    def _prepare(self, *, create: bool) -> None:
        with self._errors():
            version = schema.version_of(self._connection, self.file)
            if version == 0 and not create:
                raise self._missing()
            self._connection.execute("PRAGMA foreign_keys = ON")
            if not self._writable:
                if 0 < version < max(schema.MIGRATIONS):
                    self._migrate_copy()
                return
            self._keep_log()
            if version < max(schema.MIGRATIONS):
                self._migrate()

    def _keep_log(self) -> None:
        """Switch to WAL, which the file then keeps.

        While another process reads a new file, SQLite refuses the switch at once, without the
        connection's timeout: https://sqlite.org/c3ref/busy_handler.html.
        """
        deadline = time.monotonic() + BUSY_TIMEOUT
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
            time.sleep(BUSY_PAUSE)

    def _migrate(self) -> None:
        with self._transaction() as connection:
            # again: another process may have migrated
            schema.migrate(connection, schema.version_of(connection, self.file))

    def _migrate_copy(self) -> None:
        """Read on from a migrated copy in a temporary file, which cannot be written to."""
        copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._connection.backup(copy)
        self._connection.close()
        self._connection = copy
        self._migrate()
        copy.execute("PRAGMA query_only = ON")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # of a message with a damaged name
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error | UnicodeDecodeError) -> Exception:
        """An error that a user can put right, as a sentence; any other stays as it is."""
        code = getattr(error, "sqlite_errorcode", 0)
        sentence = SENTENCES.get(code) or SENTENCES.get(code & 0xFF)
        if code == sqlite3.SQLITE_CANTOPEN and not self._writable and self._has_log():
            sentence = UNMERGED_LOG
        if sentence is None and schema.is_damaged(self._connection):
            sentence = DAMAGED
        return CatalogError(sentence.format(file=self.file, error=error)) if sentence else error

    def _missing(self) -> CatalogError:
        return CatalogError(
            f"There is no catalogue in {self.home}; make one with "
            "`vitrine ingest products FILE`, or name its folder in VITRINE_HOME."
        )


def _page(cursor: sqlite3.Cursor) -> list[Row]:
    """The first rows of a query, one at least, as many as `PAGE_SIZE` holds."""
    rows: list[Row] = []
    size = 0
    for row in cursor:
        rows.append(row)
        size += sum([len(value) for value in row if isinstance(value, str)])  # a list: faster
        if size >= PAGE_SIZE:
            break
    return rows
