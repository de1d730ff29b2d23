"""The one SQLite file: opened, migrated, written in whole transactions; its errors as sentences."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from catalog.errors import CatalogueError

FILE = "catalog.sqlite"
MIGRATIONS = Path(__file__).parent / "migrations"
OURS = 0x56495452  # "VITR", which the first migration writes

# Seconds to wait for another process's transaction. Ours last well under a second each.
PATIENCE = 60.0
PAGE = 500  # rows held in memory while a table is walked through

Row = tuple[Any, ...]


class Database:
    """The catalogue's file: one connection, used by one thread at a time.

    Every write is one transaction: it is there as a whole or, whatever kills the process, not at
    all. Reads see the state at one instant and never wait for another process's writes.
    """

    def __init__(self, home: Path, *, create: bool = True) -> None:
        self.home = home
        self.file = home / FILE
        self._lock = threading.RLock()
        if create:
            try:
                home.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise CatalogueError(
                    f"The folder {home} cannot be made: {error.strerror}; "
                    "name another one in VITRINE_HOME."
                ) from error
        elif not self.file.exists():
            raise self._absent()
        try:
            self._connection = sqlite3.connect(
                self.file, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise self._explained(error) from error
        try:
            self._prepare(create=create)
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside happens, or nothing does; other writers wait."""
        with self._lock, self._errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # a full disk may have ended it already
                    self._connection.execute("ROLLBACK")
                raise

    def _select(self, query: str, values: Sequence[object] = ()) -> list[Row]:
        with self._lock, self._errors():
            return self._connection.execute(query, values).fetchall()

    def _pages(self, query: str, values: Sequence[object], after: str) -> Iterator[Row]:
        """Walk through rows by their first column, an id, while others may be writing.

        Args:
            query: Ends in conditions; "AND product.id > ?", order and limit are put behind it.
            values: Of the query's own question marks.
            after: The id to begin behind.
        """
        while True:
            rows = self._select(
                f"{query} AND product.id > ? ORDER BY product.id LIMIT {PAGE}", (*values, after)
            )
            yield from rows
            if len(rows) < PAGE:
                return
            after = rows[-1][0]

    def _prepare(self, *, create: bool) -> None:
        with self._errors():
            known = _migrations()
            version = self._version(known)
            if version == 0 and not create:
                raise self._absent()
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute("PRAGMA journal_mode = WAL")
            if version < max(known):
                self._migrate(known)

    def _version(self, known: dict[int, Path]) -> int:
        """The schema's number; refuses files that are not ours or are ahead of us."""
        ((version,),) = self._select("PRAGMA user_version")
        ((owner,),) = self._select("PRAGMA application_id")
        ((tables,),) = self._select("SELECT COUNT(*) FROM sqlite_schema")
        if owner != OURS and (version or tables):
            raise CatalogueError(
                f"{self.file} belongs to another program; name another folder in VITRINE_HOME."
            )
        if version > max(known):
            raise CatalogueError(
                f"{self.file} was written by a newer Vitrine (schema {version}, this one knows "
                f"{max(known)}); update Vitrine, or name another folder in VITRINE_HOME."
            )
        return int(version)

    def _migrate(self, known: dict[int, Path]) -> None:
        with self._transaction() as connection:
            version = self._version(known)  # again: another process may have been first
            for number in range(version + 1, max(known) + 1):
                for statement in _statements(known[number].read_text(encoding="utf-8")):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {number}")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error) -> Exception:
        """What a person can do about an error of SQLite; mistakes of ours stay as they are."""
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:
            case sqlite3.SQLITE_FULL:
                return CatalogueError(
                    f"The disk is full: {self.file} could not be written. What was there is "
                    "untouched; free some space and run the same command again."
                )
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                return CatalogueError(
                    f"{self.file} has been held by another process for over {PATIENCE:.0f} s; "
                    "wait until that is done, then run the same command again."
                )
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
                return CatalogueError(
                    f"{self.file} is damaged ({error}); put a copy of it back, or move it away and "
                    "run `vitrine ingest products` again."
                )
            case (
                sqlite3.SQLITE_CANTOPEN
                | sqlite3.SQLITE_READONLY
                | sqlite3.SQLITE_PERM
                | sqlite3.SQLITE_IOERR
            ):
                return CatalogueError(
                    f"{self.file} cannot be read and written ({error}); look at its permissions "
                    "and its disk, or name another folder in VITRINE_HOME."
                )
        return error

    def _absent(self) -> CatalogueError:
        return CatalogueError(
            f"There is no catalogue in {self.home}; make one with "
            "`vitrine ingest products FILE`, or name its folder in VITRINE_HOME."
        )


def _migrations() -> dict[int, Path]:
    """Number → file of every migration this Vitrine knows."""
    return {int(path.name.partition("_")[0]): path for path in MIGRATIONS.glob("*.sql")}


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; Python's own executescript would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
