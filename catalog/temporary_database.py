"""A database in a temporary file, for what has to be kept while a feed is read."""

import sqlite3
from collections.abc import Sequence


def open_temporary(cache: int, schema: Sequence[str]) -> sqlite3.Connection:
    """Open an empty database in a temporary file, which is deleted when it is closed.

    Nothing in it outlasts the process, so nothing is journalled or synchronised, and all writes are
    one transaction.

    Args:
        cache: KiB of it that are kept in memory; the rest spills to disk.
        schema: the statements that make its tables.
    """
    database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    for statement in (
        f"PRAGMA cache_size = -{cache}",
        "PRAGMA journal_mode = OFF",
        "PRAGMA synchronous = OFF",
        *schema,
        "BEGIN",
    ):
        database.execute(statement)
    return database
