"""The one SQLite file: migrations, transactions, and SQLite's errors as sentences."""

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from catalog import CatalogError
from vitrine import Closing

FILE = "catalog.sqlite"
MIGRATIONS = {  # number → file
    int(path.name.partition("_")[0]): path
    for path in (Path(__file__).parent / "migrations").glob("*.sql")
}
APPLICATION_ID = 0x56495452  # "VITR", which the first migration writes

BUSY_TIMEOUT = 60.0  # seconds to wait for another process's transaction; ours last under one
# Rows, and characters of their texts, held in memory while a table is iterated over.
PAGE_ROWS = 500
PAGE_SIZE = 8 * 2**20

# What a user can do about an error of SQLite, by its primary code.
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
SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk is full: {file} could not be written. Its content is unchanged; "
    "free some space and run the same command again.",
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


class Database(Closing):
    """The catalogue's file: one connection, used by one thread at a time.

    Every write is one transaction: it is complete or, where the process is killed, absent. Reads
    see a snapshot and never wait for another process's writes (WAL).

    In a folder that cannot be written, as on a read-only disk, an existing file can be read.
    """

    def __init__(self, home: Path, *, create: bool = True) -> None:
        self.home = home
        self.file = home / FILE
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
        log = self.file.with_name(f"{FILE}-wal")
        return f"{address}?mode=ro" if log.exists() else f"{address}?immutable=1"

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

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
        with self._lock, self._errors():
            return self._connection.execute(query, values).fetchall()

    def _pages(self, query: str, values: Sequence[object], after: str) -> Iterator[Row]:
        """Iterate over rows by their first column, an id; writes may go on meanwhile.

        Args:
            query: Ends in conditions; "AND product.id > ?", order and limit are appended.
            values: For the query's own parameters.
            after: Begin after this id.
        """
        query = f"{query} AND product.id > ? ORDER BY product.id LIMIT {PAGE_ROWS}"
        while rows := self._page(query, (*values, after)):
            yield from rows
            after = rows[-1][0]

    def _page(self, query: str, values: Sequence[object]) -> list[Row]:
        """The first rows of a query, one at least, as many as `PAGE_SIZE` holds."""
        rows: list[Row] = []
        size = 0
        with self._lock, self._errors():
            for row in self._connection.execute(query, values):
                rows.append(row)
                size += sum(len(value) for value in row if isinstance(value, str))
                if size >= PAGE_SIZE:
                    break
        return rows

    def _prepare(self, *, create: bool) -> None:
        with self._errors():
            version = self._version()
            if version == 0 and not create:
                raise self._missing()
            self._connection.execute("PRAGMA foreign_keys = ON")
            if not self._writable and version == max(MIGRATIONS):
                return
            self._connection.execute("PRAGMA journal_mode = WAL")
            if version < max(MIGRATIONS):
                self._migrate()

    def _version(self) -> int:
        """The schema's version; other programs' and newer Vitrines' files are errors."""
        ((version,),) = self._select("PRAGMA user_version")
        ((application,),) = self._select("PRAGMA application_id")
        ((tables,),) = self._select("SELECT COUNT(*) FROM sqlite_schema")
        if application != APPLICATION_ID and (version or tables):
            raise CatalogError(
                f"{self.file} belongs to another program; name another folder in VITRINE_HOME."
            )
        if version > max(MIGRATIONS):
            raise CatalogError(
                f"{self.file} was written by a newer Vitrine (schema {version}, this one reads "
                f"up to {max(MIGRATIONS)}); update Vitrine, or name another folder in VITRINE_HOME."
            )
        return int(version)

    def _migrate(self) -> None:
        with self._transaction() as connection:
            version = self._version()  # again: another process may have migrated
            for number in range(version + 1, max(MIGRATIONS) + 1):
                for statement in _statements(MIGRATIONS[number].read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _translated(self, error: sqlite3.Error) -> Exception:
        """An error that a user can put right, as a sentence; any other stays as it is."""
        sentence = SENTENCES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        return CatalogError(sentence.format(file=self.file, error=error)) if sentence else error

    def _missing(self) -> CatalogError:
        return CatalogError(
            f"There is no catalogue in {self.home}; make one with "
            "`vitrine ingest products FILE`, or name its folder in VITRINE_HOME."
        )


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; Python's own executescript would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
