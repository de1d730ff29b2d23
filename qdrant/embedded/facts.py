"""The facts that the stages of a search read of hundreds of products, beside the engine's points.

To read a few facts of a point, the engine decodes its whole payload, which takes several times as
long. What is not here is read from the engine: a generation without these files is searched, too.

    columns/lines.jsonl   a JSON object per product, in the order of their numbers
    columns/index.npy     uint64 (5, n), by ascending point id: its upper half, its lower half,
                          where the product's line starts, where it ends, the product's number
"""

import mmap
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from vitrine import Closing

FOLDER = "columns"
LINES, INDEX = "lines.jsonl", "index.npy"
READ_AT_ONCE = 5_000  # lines


class KeptFacts(Closing):
    """The facts of a generation's products; threads may share it.

    Args:
        folder: with the two files.

    Raises:
        OSError, ValueError: they cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # An array, since NumPy takes longer to index its own kind of mapped file.
        self.index = np.asarray(np.load(folder / INDEX, mmap_mode="r"))
        with (folder / LINES).open("rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def read(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return the id and the `layout.RANKED_FACTS` of the products that are there.

        Args:
            numbers: of points.
        """
        found, columns = self._locate(numbers)
        facts = map(orjson.loads, self.lines(columns))
        return {numbers[row]: each for row, each in zip(found.tolist(), facts, strict=True)}

    def each(self) -> Iterator[tuple[int, bytes]]:
        """Yield each product's own number, from 0 on, and its line."""
        for start in range(0, len(self), READ_AT_ONCE):
            columns = np.arange(start, min(start + READ_AT_ONCE, len(self)))
            yield from zip(self.index[4, columns].tolist(), self.lines(columns), strict=True)

    def products(self, numbers: Sequence[int]) -> np.ndarray:
        """Return the products' own numbers, from 0 on, of those that are there.

        Args:
            numbers: of points.
        """
        _, columns = self._locate(numbers)
        return self.index[4, columns].astype(np.int64)

    def __len__(self) -> int:
        return int(self.index.shape[1])

    def lines(self, columns: np.ndarray) -> list[bytes]:
        """Return the lines of some columns of the index."""
        return [self._lines[start:end] for start, end in self.index[2:4, columns].T.tolist()]

    def close(self) -> None:
        """Close the file of lines."""
        self._lines.close()

    def _locate(self, numbers: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Which of some points are there, as rows of `numbers`, and their columns."""
        # The number of a UUID has 128 bits; its upper half is that of no other.
        wanted = np.array([number >> 64 or number for number in numbers], np.uint64)
        columns = np.searchsorted(self.index[0], wanted) % len(self)
        there = self.index[0, columns] == wanted
        return np.flatnonzero(there), columns[there]


def halves(keys: Iterable[bytes | bytearray]) -> np.ndarray:
    """Return the upper and the lower half of point ids, uint64 (2, n)."""
    return np.frombuffer(b"".join(keys), ">u8").reshape(-1, 2).T.astype(np.uint64)
