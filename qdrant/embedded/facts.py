"""The facts that the stages of a search read of hundreds of products, beside the engine's points.

To read a few facts of a point, the engine decodes its whole payload, which takes several times as
long. What is not here is read from the engine: a generation without these files is searched, too.

    facts/lines.jsonl   a JSON object per product, in any order
    facts/index.npy     uint64 (4, n), by ascending point id: its upper half, its lower half, where
                        the product's line starts, where it ends
"""

import json
import mmap
import shutil
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qdrant.layout import RANKED_FACTS
from qdrant.points import Change, Row
from vitrine import Closing

FOLDER = "facts"
LINES, INDEX = "lines.jsonl", "index.npy"
BLOCK = 10_000  # lines that are copied at once


class KeptFacts(Closing):
    """The facts of a generation's products; threads may share it.

    Args:
        folder: with the two files.

    Raises:
        OSError, ValueError: they cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.index = np.load(folder / INDEX, mmap_mode="r")
        with (folder / LINES).open("rb") as file:
            self._lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def read(self, numbers: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return the id and the `RANKED_FACTS` of the products that are there.

        Args:
            numbers: of point ids.
        """
        upper, lower = _halves(number.to_bytes(16) for number in numbers)
        columns = np.searchsorted(self.index[0], upper) % self.index.shape[1]
        there = (self.index[0, columns] == upper) & (self.index[1, columns] == lower)
        found = np.flatnonzero(there).tolist()
        facts = json.loads(b"[" + b",".join(self.lines(columns[found])) + b"]")
        return {numbers[row]: each for row, each in zip(found, facts, strict=True)}

    def lines(self, columns: np.ndarray) -> list[bytes]:
        """Return the lines of some columns of the index."""
        return [self._lines[start:end] for start, end in self.index[2:, columns].T.tolist()]

    def close(self) -> None:
        """Close the file of lines."""
        self._lines.close()


class FactsWriter(Closing):
    """Writes the facts of a generation while it is built.

    Args:
        folder: absent for a new generation, a copy to continue one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base = KeptFacts(folder) if folder.exists() else None
        folder.mkdir(exist_ok=True)
        self._lines = (folder / f"{LINES}.new").open("wb")
        self._keys, self._deleted = bytearray(), bytearray()
        self._ends = array("Q")

    def write(self, changes: Iterable[Change]) -> None:
        """Write the facts of rows, and leave out those of deleted points."""
        for change in changes:
            if isinstance(change, Row):
                payload = json.loads(change.payload)
                facts = {name: payload[name] for name in ("id", *RANKED_FACTS) if name in payload}
                self._add(change.key.bytes, json.dumps(facts, ensure_ascii=False).encode() + b"\n")
            else:
                self._deleted += change.key.bytes

    def finish(self) -> None:
        """Write what is left of the copy, and the index, which completes the files.

        No product is left without files, which could not be mapped.
        """
        if self._base is not None:
            self._keep(self._base)
        self._lines.close()
        if not self._ends:
            shutil.rmtree(self._folder)
            return
        upper, lower = _halves([self._keys])
        starts = [0, *self._ends[:-1]]
        index = np.array([upper, lower, starts, self._ends], np.uint64)
        np.save(self._folder / INDEX, index[:, np.argsort(upper, kind="stable")])
        Path(self._lines.name).replace(self._folder / LINES)

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        if self._base is not None:
            self._base.close()

    def _keep(self, base: KeptFacts) -> None:
        """Write the facts of the products that did not change."""
        index = base.index
        changed, _ = _halves([self._keys, self._deleted])
        kept = np.flatnonzero(~np.isin(index[0], changed))
        for columns in np.split(kept, range(BLOCK, len(kept), BLOCK)):
            keys = index[:2, columns].T.astype(">u8")
            for key, line in zip(keys, base.lines(columns), strict=True):
                self._add(key.tobytes(), line)

    def _add(self, key: bytes, line: bytes) -> None:
        self._keys += key
        self._lines.write(line)
        self._ends.append(self._lines.tell())


def _halves(keys: Iterable[bytes | bytearray]) -> np.ndarray:
    """Return the upper and the lower half of point ids, uint64 (2, n)."""
    return np.frombuffer(b"".join(keys), ">u8").reshape(-1, 2).T.astype(np.uint64)
