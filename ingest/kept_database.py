"""A database that repeats what is kept elsewhere, so that it may be made anew at any time."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest import IngestError
from vitrine import Closing


class KeptDatabase(Closing):
    """A database in one file; made anew where it is missing, damaged, or of another state.

    What is written is one transaction until `commit`; a process that is killed leaves the state of
    the last one.

    Args:
        path: of the file.
        schema: the statements that make its tables.
        state: of what it repeats: a file of another one is made anew.
        anew: make it anew in any case.

    Raises:
        IngestError: in every method, where the file cannot be read or written.
    """

    def __init__(
        self, path: Path, schema: Sequence[str], state: str, *, anew: bool = False
    ) -> None:
        self.path = path
        self._database = sqlite3.connect(":memory:")
        if anew or not self._opened(state):
            self._make(schema, state)

    @property
    def in_transaction(self) -> bool:
        """Whether something was written since the last `commit`."""
        return self._database.in_transaction

    def run(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """Execute a statement; its rows."""
        try:
            self._begin(query)
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise self._error(error) from error

    def run_many(self, query: str, rows: Sequence[Sequence[object]]) -> None:
        """Execute a statement with each of some rows of values."""
        try:
            self._begin(query)
            self._database.executemany(query, rows)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def stream(self, query: str, values: Sequence[object] = ()) -> Iterator[Any]:
        """The rows of a query, few of them in memory; nothing may be written meanwhile."""
        try:
            yield from self._database.execute(query, values)
        except sqlite3.Error as error:
            raise self._error(error) from error

    def commit(self) -> None:
        """Complete the transaction, if there is one."""
        if self._database.in_transaction:
            self.run("COMMIT")

    def close(self) -> None:
        """Close the file; a transaction that is not complete has no effect."""
        self._database.close()

    def _opened(self, state: str) -> bool:
        """Open the file; False where there is none of this state that can be read."""
        if not self.path.exists():
            return False
        try:
            self._database = _connect(self.path)
            return self._database.execute("SELECT state FROM made").fetchall() == [(state,)]
        except sqlite3.DatabaseError:
            return False

    def _make(self, schema: Sequence[str], state: str) -> None:
        self._database.close()
        try:
            for path in self.path.parent.glob(f"{self.path.name}*"):
                path.unlink()
            self._database = _connect(self.path)
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error
        for statement in ("CREATE TABLE made (state TEXT)", *schema):
            self.run(statement)
        self.run("INSERT INTO made VALUES (?)", (state,))
        self.commit()

    def _begin(self, query: str) -> None:
        if not self._database.in_transaction and not query.startswith("SELECT"):
            self._database.execute("BEGIN")

    def _error(self, error: Exception) -> IngestError:
        return IngestError(
            f"{self.path} cannot be read and written ({error}): free some space or delete the "
            "file, then run the same command again."
        )


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA journal_mode = WAL")
    # The last transactions may be lost where the machine stops; the file stays whole.
    database.execute("PRAGMA synchronous = NORMAL")
    return database
