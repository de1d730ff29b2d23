"""The ids that a feed has had, in bounded memory."""

import hashlib
import sqlite3
from typing import Any

import numpy as np

from catalog import CatalogError
from catalog.temporary_database import open_temporary

# Some 25 MB together, however many ids there are; the rest is in a temporary file.
RECENT = 50_000  # ids in memory
RECENT_SIZE = 2**22  # characters of them
CACHE = 8 * 2**10  # KiB of the file
FILTER_BITS = 26  # a filter of 2**26 bits, 8 MiB


class SeenIds:
    """A set of ids: the latest in memory, digests of the others in a temporary database.

    A Bloom filter with two bits for each stored id answers for most new ids that the database does
    not have them, and never denies one that it has.
    """

    def __init__(self) -> None:
        self._recent: set[str] = set()
        self._size = 0  # characters of them
        self._filter = np.zeros(0, np.uint8)  # made when it is needed
        schema = ("CREATE TABLE seen (digest BLOB PRIMARY KEY) WITHOUT ROWID",)
        self._database = open_temporary(CACHE, schema)

    def add(self, identity: str) -> bool:
        """Add an id. Returns whether it is new."""
        if identity in self._recent or self._is_stored(identity):
            return False
        self._recent.add(identity)
        self._size += len(identity)
        if len(self._recent) >= RECENT or self._size >= RECENT_SIZE:
            self._store()
        return True

    def close(self) -> None:
        """Delete the temporary file."""
        self._database.close()

    def _is_stored(self, identity: str) -> bool:
        if not len(self._filter):
            return False
        for bit in _bits(hash(identity)):
            if not self._filter.item(bit >> 3) >> (bit & 7) & 1:
                return False
        found = self._database.execute("SELECT 1 FROM seen WHERE digest = ?", (_digest(identity),))
        return found.fetchone() is not None

    def _store(self) -> None:
        """Move the ids from memory into the database; in order, so that a page is written once."""
        if not len(self._filter):
            self._filter = np.zeros(2**FILTER_BITS // 8, np.uint8)
        hashes = np.fromiter(map(hash, self._recent), np.int64, len(self._recent))
        for bits in _bits(hashes):
            np.bitwise_or.at(self._filter, bits >> 3, (1 << (bits & 7)).astype(np.uint8))
        digests = ((digest,) for digest in sorted(map(_digest, self._recent)))
        try:
            self._database.executemany("INSERT INTO seen VALUES (?)", digests)
        except sqlite3.OperationalError as error:
            raise CatalogError(
                f"The ids of a feed need space in the temporary folder: {error}."
            ) from error
        self._recent.clear()
        self._size = 0


def _digest(identity: str) -> bytes:
    return hashlib.blake2b(identity.encode(), digest_size=16).digest()


def _bits(hashes: Any) -> tuple[Any, Any]:  # noqa: ANN401 - a number or an array of numbers
    """Two bits of the filter for each hash."""
    return hashes % 2**FILTER_BITS, (hashes >> 32) % 2**FILTER_BITS
