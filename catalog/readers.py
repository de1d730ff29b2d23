"""The products of a feed, in bounded memory.

A row that is no product becomes a `DroppedRow` with one reason of a closed list; a file that cannot
be read at all is a `CatalogError`:

    unreadable row    broken JSON, a CSV record with a quote out of place, bytes that are not UTF-8
    row too long      a row above the cap on bytes, of the file or without its pictures
    too many values   nested ones included
    title too long    or id, category, brand, link, parent
    not an object     JSON, but a list, a number, a text
    too many cells    a CSV record with more cells than the header
    no id, no title   required fields
    repeated id       an earlier row of the same file has it
    unexpected NAME   an exception that nothing foresees
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from catalog import CatalogError
from catalog.columns import ColumnMapping, KeepPicture, list_columns, size
from catalog.formats import Feed, Record, Rows
from catalog.formats.opening import open_feed
from catalog.product import Product
from pictures.embedded import embedded_address

# Rows of JSON Lines that are read before the file is rejected for having no title or id: each may
# leave columns out.
PEEKED = 200
PEEKED_SIZE = 32 * 2**20  # characters; the rest is not read ahead
SEEN_CACHE = 16 * 2**10  # KiB of memory for the ids seen; the rest is in a temporary file


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row that is no product: its number from 1, and the reason."""

    row: int
    reason: str


def picture_folder(source: Path) -> str:
    """The folder of a feed, absolute: what the paths of its pictures start from."""
    return os.path.normpath(source.parent.absolute())


def read_products(
    source: Path,
    *,
    fields: Mapping[str, str] | None = None,
    category: str = "",
    category_field: str = "",
    keep_picture: KeepPicture = embedded_address,
) -> Iterator[Product | DroppedRow]:
    """Read the products of one file.

    Args:
        source: JSON Lines, CSV or Parquet, each also gzipped, known by its suffix; or a category
            of Amazon Reviews 2023, streamed from the hub, as amazon:All_Beauty.
        fields: Product field → the column it is read from; the other fields are found by the usual
            names (`catalog.columns.ALIASES`).
        category: The category of every product of the file.
        category_field: The column that the category is read from.
        keep_picture: Keeps a picture that a row contains and returns its address;
            `EmbeddedPictures.add`, or by default a function that keeps nothing.

    Returns:
        One item a row, in the file's order. Relative picture paths start from its folder.

    Raises:
        CatalogError: The file is missing, empty, of no known format, or has no column for ids or
            titles, or an option is wrong; also while iterating, when it is damaged further on or
            has no column of a chosen name.
    """
    chosen = dict(fields or {})
    if category_field:
        if category or "category" in chosen:
            raise CatalogError(
                "The category is given twice: use one of --category, --category-field and "
                "--field category=…."
            )
        chosen["category"] = category_field
    columns = ColumnMapping(
        chosen, category, Path(picture_folder(source)), keep_picture=keep_picture
    )
    feed = open_feed(source)
    head = _peek(feed.rows, 1 if feed.tabular else PEEKED)
    if not head:
        raise CatalogError(f"{source} has no rows: there are no products in it.")
    known = list(dict.fromkeys(chain.from_iterable(r for _, r in head if isinstance(r, dict))))
    _check(source, feed, head, columns, known)
    return _products(source, chain(head, feed.rows), columns, known)


def _peek(rows: Rows, count: int) -> list[tuple[int, Record | str]]:
    """The first rows, as many as `count` or as `PEEKED_SIZE` holds."""
    head = []
    total = 0
    for number, record in islice(rows, count):
        head.append((number, record))
        total += size(record)
        if total > PEEKED_SIZE:
            break
    return head


def _check(
    source: Path,
    feed: Feed,
    head: list[tuple[int, Record | str]],
    columns: ColumnMapping,
    known: list[str],
) -> None:
    """Reject a file whose first rows have no column for a required field."""
    records = [record for _, record in head if isinstance(record, dict)]
    if not records:
        if len(head) == PEEKED:
            raise CatalogError(f"None of the first {PEEKED} rows of {source} is a JSON object.")
        return
    if feed.tabular:
        _check_chosen(source, set(columns.chosen.values()).difference(known), columns, known)
    for field in ("id", "title"):
        if not any(columns.of(record)[field] for record in records):
            raise CatalogError(
                f"{source} has no column for the {field}; name it with --field {field}=COLUMN. "
                f"Its columns: {list_columns(known)}."
            )


def _products(
    source: Path, rows: Rows, columns: ColumnMapping, known: list[str]
) -> Iterator[Product | DroppedRow]:
    missing = set(columns.chosen.values())
    with closing(_SeenIds()) as seen:
        for row, record in rows:
            if isinstance(record, str):
                yield DroppedRow(row, record)
                continue
            missing -= record.keys()
            try:
                product = columns.product(record)
            except RecursionError:  # lists nested hundreds deep
                product = "unreadable row"
            except Exception as error:  # noqa: BLE001 - one row is dropped, not the file
                product = f"unexpected {type(error).__name__}"
            if isinstance(product, Product) and not seen.add(product.id):
                product = "repeated id"
            yield DroppedRow(row, product) if isinstance(product, str) else product
    _check_chosen(source, missing, columns, known)


def _check_chosen(
    source: Path, missing: set[str], columns: ColumnMapping, known: list[str]
) -> None:
    for field, column in columns.chosen.items():
        if column in missing:
            raise CatalogError(
                f"{source} has no column {column!r}, which {field} is to be read from. "
                f"Its columns: {list_columns(known)}."
            )


class _SeenIds:
    """A set of ids in bounded memory: a temporary database that spills to disk."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for statement in (
            f"PRAGMA cache_size = -{SEEN_CACHE}",
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID",
            "BEGIN",
        ):
            self._database.execute(statement)

    def add(self, identity: str) -> bool:
        """Add an id. Returns whether it is new."""
        digest = hashlib.blake2b(identity.encode(), digest_size=16).digest()
        statement = "INSERT OR IGNORE INTO seen VALUES (?)"
        try:
            return self._database.execute(statement, (digest,)).rowcount == 1
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"The ids of a feed need space in the temporary folder: {error}."
            ) from error

    def close(self) -> None:
        self._database.close()
