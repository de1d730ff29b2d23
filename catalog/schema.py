"""The schema of the catalogue's file: its version, its migrations, and whether it is damaged."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from catalog import CatalogError

MIGRATIONS = {  # number → file
    int(path.name.partition("_")[0]): path
    for path in (Path(__file__).parent / "migrations").glob("*.sql")
}
APPLICATION_ID = 0x56495452  # "VITR", which the first migration writes

# One statement: another process may write the schema between two.
VERSION = """
    SELECT (SELECT COUNT(*) FROM sqlite_schema), user_version, application_id
    FROM pragma_user_version, pragma_application_id
"""


def version_of(connection: sqlite3.Connection, file: Path) -> int:
    """The schema's version; 0 of an empty file.

    Raises:
        CatalogError: The file is another program's, or a newer Vitrine's.
    """
    ((tables, version, application),) = connection.execute(VERSION)
    if application != APPLICATION_ID and (version or tables):
        raise CatalogError(
            f"{file} belongs to another program; name another folder in VITRINE_HOME."
        )
    if version > max(MIGRATIONS):
        raise CatalogError(
            f"{file} was written by a newer Vitrine (schema {version}, this one reads "
            f"up to {max(MIGRATIONS)}); update Vitrine, or name another folder in VITRINE_HOME."
        )
    return int(version)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a schema from a version to the newest one, within the caller's transaction."""
    for number in range(version + 1, max(MIGRATIONS) + 1):
        for statement in statements(MIGRATIONS[number].read_text(encoding="utf-8")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {number}")


def is_damaged(connection: sqlite3.Connection) -> bool:
    """Whether a table, index or trigger differs from what the migrations made."""
    query = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
    try:
        ((version,),) = connection.execute("PRAGMA user_version")
        found = set(connection.execute(query))
    except (sqlite3.Error, UnicodeDecodeError):
        return True
    with closing(sqlite3.connect(":memory:")) as sound:
        for number in range(1, version + 1):
            sound.executescript(MIGRATIONS[number].read_text(encoding="utf-8"))
        return not found.issuperset(sound.execute(query))


def statements(script: str) -> Iterator[str]:
    """The statements of a script; Python's own executescript would commit before the first."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
