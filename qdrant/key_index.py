"""The keys of vector files, sorted, in files that are mapped: memory does not grow with them.

24 bytes a key on disk: the key, and where its vector is. The files are temporary: to make them
takes a fraction of a second for a million keys.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from qdrant.disk import disk_full

KEY_BYTES = 16
KEY = np.dtype(f"S{KEY_BYTES}")
ROW_BITS = 40  # a position is the file's number and, in the low bits, the row in it
BLOCK = 131_072  # keys in memory at once, about; while sorting, those with one first byte at least


class KeyIndex:
    """Finds the positions of keys; of equal keys the last one.

    Args:
        keys: ascending, (n,).
        positions: of each, int64 (n,); of equal keys in the order in which they were appended.
    """

    def __init__(self, keys: np.ndarray, positions: np.ndarray) -> None:
        self._keys = keys
        self._positions = positions

    @classmethod
    def of_files(cls, files: Sequence[np.ndarray]) -> Self:
        """Sort the keys of each file, arrays of shape (n,)."""
        starts = np.cumsum([0, *map(len, files)])
        unsorted = _mapped(KEY, int(starts[-1]))
        for start, keys in zip(starts.tolist(), files, strict=False):
            unsorted[start : start + len(keys)] = keys
        sorted_keys, positions = _mapped(KEY, len(unsorted)), _mapped(np.int64, len(unsorted))
        first = unsorted.view(np.uint8)[::KEY_BYTES]
        at = 0
        for least, most in _groups(np.bincount(first, minlength=256)):
            rows = np.flatnonzero((first >= least) & (first <= most))
            chosen = unsorted[rows]
            order = np.argsort(chosen, kind="stable")
            rows = rows[order]
            numbers = np.searchsorted(starts, rows, side="right") - 1
            sorted_keys[at : at + len(rows)] = chosen[order]
            positions[at : at + len(rows)] = (rows - starts[numbers]) | (numbers << ROW_BITS)
            at += len(rows)
        return cls(sorted_keys, positions)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, wanted: np.ndarray) -> np.ndarray:
        """The position of each key, int64 of shape (n,), or −1."""
        at = np.searchsorted(self._keys, wanted, side="right") - 1
        found = np.full(len(wanted), -1, np.int64)
        inside = at >= 0
        inside[inside] = self._keys[at[inside]] == wanted[inside]
        found[inside] = self._positions[at[inside]]
        return found

    def current(self) -> np.ndarray:
        """The positions but for those whose key stands again at a later one."""
        is_last = np.append(self._keys[1:] != self._keys[:-1], True)[: len(self)]
        return self._positions[is_last]

    def added(self, keys: np.ndarray, positions: np.ndarray) -> Self:
        """An index with further keys, which were appended after all others."""
        order = np.argsort(keys, kind="stable")
        before = np.searchsorted(self._keys, keys[order], side="right")
        total = len(self) + len(keys)
        merged = _mapped(KEY, total), _mapped(np.int64, total)
        own = before + np.arange(len(keys))
        merged[0][own], merged[1][own] = keys[order], positions[order]
        for start in range(0, len(self), BLOCK):
            rows = np.arange(start, min(start + BLOCK, len(self)))
            moved = rows + np.searchsorted(before, rows, side="right")
            merged[0][moved], merged[1][moved] = self._keys[rows], self._positions[rows]
        return type(self)(*merged)

    def without(self, positions: np.ndarray) -> Self:
        """An index that lacks some positions."""
        kept = ~np.isin(self._positions, positions)
        return type(self)(self._keys[kept], self._positions[kept])


def _groups(counts: np.ndarray) -> Iterator[tuple[int, int]]:
    """First bytes of keys in groups of about `BLOCK` keys: the least and the most of each."""
    least = held = 0
    for byte, count in enumerate(counts.tolist()):
        if held and held + count > BLOCK:
            yield least, byte - 1
            least, held = byte, 0
        held += count
    yield least, len(counts) - 1


def _mapped(kind: DTypeLike, length: int) -> np.ndarray:
    """An array in a temporary file, which is deleted with it."""
    if not length:
        return np.empty(0, kind)
    with tempfile.TemporaryFile() as file:
        with disk_full():  # now: to write to a mapped page without a place on the disk is fatal
            os.posix_fallocate(file.fileno(), 0, length * np.dtype(kind).itemsize)
        return np.asarray(np.memmap(file, kind, "r+", shape=(length,)))
