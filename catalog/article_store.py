"""Articles, and variants that wait for theirs, in a temporary file."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

from catalog import CatalogError
from catalog.columns import Fields
from catalog.temporary_database import open_temporary

STORE_CACHE = 16 * 2**10  # KiB of memory; the rest is on disk
SCHEMA = (
    "CREATE TABLE article (row INTEGER PRIMARY KEY, fields TEXT, used INTEGER)",
    "CREATE TABLE name (name TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID",
    "CREATE TABLE listed (variant TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID",
    "CREATE TABLE waiting (row INTEGER PRIMARY KEY, parent TEXT, id TEXT, fields TEXT)",
    "CREATE INDEX waiting_parent ON waiting (parent)",
    "CREATE INDEX waiting_id ON waiting (id)",
)


def inherit(variant: Fields, article: Fields) -> Fields:
    """A variant's fields, and its article's where it has none; its own pictures come first."""
    filled = {
        name: article[name] if value in ("", None) or value == () or value == [] else value
        for name, value in variant.items()
    }
    filled["id"], filled["sku"], filled["gtin"] = variant["id"], variant["sku"], variant["gtin"]
    filled["images"] = list(dict.fromkeys([*variant["images"], *article["images"]]))
    filled["attributes"] = {**article["attributes"], **variant["attributes"]}
    filled["parent"] = article["id"]
    return filled


class ArticleStore:
    """Articles and waiting variants in a temporary database that spills to disk."""

    def __init__(self) -> None:
        self._database = open_temporary(STORE_CACHE, SCHEMA)

    def close(self) -> None:
        """Delete the temporary file."""
        self._database.close()

    def add_article(
        self, row: int, fields: Fields, names: Sequence[str], listed: Sequence[str]
    ) -> Iterator[tuple[int, Fields]]:
        """Keep an article; its variants that wait for it are complete."""
        self._run("INSERT INTO article VALUES (?, ?, 0)", (row, json.dumps(fields)))
        for name in names:
            self._run("INSERT OR IGNORE INTO name VALUES (?, ?)", (name, row))
        waiting: dict[int, str] = {}
        for name in names:
            waiting |= dict(self._run("SELECT row, fields FROM waiting WHERE parent = ?", (name,)))
        for variant in listed:
            self._run("INSERT OR IGNORE INTO listed VALUES (?, ?)", (variant, row))
            waiting |= dict(
                self._run(
                    "SELECT row, fields FROM waiting WHERE id = ? AND parent = ''", (variant,)
                )
            )
        if waiting:
            self._run("UPDATE article SET used = 1 WHERE row = ?", (row,))
        for number, kept in sorted(waiting.items()):
            self._run("DELETE FROM waiting WHERE row = ?", (number,))
            yield number, inherit(_fields(kept), fields)

    def article_of(self, parent: str, identity: str) -> Fields | None:
        """The article that a variant names, or that lists it."""
        if parent:
            found = self._run("SELECT row FROM name WHERE name = ?", (parent,))
        else:
            found = self._run("SELECT row FROM listed WHERE variant = ?", (identity,))
        if not found:
            return None
        self._run("UPDATE article SET used = 1 WHERE row = ?", found[0])
        ((kept,),) = self._run("SELECT fields FROM article WHERE row = ?", found[0])
        return _fields(kept)

    def wait(self, row: int, parent: str, fields: Fields) -> None:
        """Keep a variant until its article is read."""
        self._run(
            "INSERT INTO waiting VALUES (?, ?, ?, ?)",
            (row, parent, fields["id"], json.dumps(fields)),
        )

    def articles(self) -> int:
        """How many articles have variants."""
        ((count,),) = self._run("SELECT COUNT(*) FROM article WHERE used = 1", ())
        return int(count)

    def rest(self) -> Iterator[tuple[int, Fields]]:
        """Articles without variants, and variants whose article did not come."""
        rows = self._database.execute(
            "SELECT row, fields FROM waiting UNION ALL "
            "SELECT row, fields FROM article WHERE used = 0 ORDER BY row"
        )
        for row, kept in rows:
            yield row, _fields(kept)

    def _run(self, statement: str, cells: Sequence[object]) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement, cells).fetchall()
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"The variants of a feed need space in the temporary folder: {error}."
            ) from error


def _fields(kept: str) -> Fields:
    fields = json.loads(kept)
    fields["categories"] = tuple(map(tuple, fields["categories"]))
    fields["features"] = tuple(fields["features"])
    return dict(fields)
