"""Writes the facts of a generation, and the columns of their values, while it is built."""

import json
import shutil
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from qdrant.embedded.columns import ColumnsWriter
from qdrant.embedded.facts import INDEX, LINES, KeptFacts, halves
from qdrant.layout import RANKED_FACTS
from qdrant.points import Change, Row
from vitrine import Closing

BLOCK = 10_000  # lines that are copied at once


class FactsWriter(Closing):
    """Writes the files of facts and columns.

    Args:
        folder: absent for a new generation; to continue one, what it has, by other names of the
            same files: none of them is written, but replaced by another.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._base = KeptFacts(folder) if folder.exists() else None
        folder.mkdir(exist_ok=True)
        self._lines = (folder / f"{LINES}.new").open("wb")
        self._keys, self._deleted = bytearray(), bytearray()
        self._ends = array("Q")
        self._columns = ColumnsWriter(folder)

    def write(self, changes: Iterable[Change]) -> None:
        """Write the facts of rows, and leave out those of deleted points."""
        for change in changes:
            if isinstance(change, Row):
                payload = json.loads(change.payload)
                facts = {name: payload[name] for name in ("id", *RANKED_FACTS) if name in payload}
                self._columns.add(len(self._ends), payload)
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
        upper, lower = halves([self._keys])
        ends = np.frombuffer(self._ends, np.uint64)
        starts = np.zeros_like(ends)
        starts[1:] = ends[:-1]
        order = np.argsort(upper, kind="stable")
        rows = [each[order] for each in (upper, lower, starts, ends)]
        (self._folder / INDEX).unlink(missing_ok=True)
        np.save(self._folder / INDEX, np.stack([*rows, order.astype(np.uint64)]))
        self._columns.finish()
        Path(self._lines.name).replace(self._folder / LINES)

    def close(self) -> None:
        """Close the files."""
        self._lines.close()
        self._columns.close()
        if self._base is not None:
            self._base.close()

    def _keep(self, base: KeptFacts) -> None:
        """Write the facts of the products that did not change."""
        index = base.index
        changed, _ = halves([self._keys, self._deleted])
        kept = np.flatnonzero(~np.isin(index[0], changed))
        renumbered = np.full(len(base), -1, np.int32)
        renumbered[index[4, kept].astype(np.int64)] = np.arange(len(kept)) + len(self._ends)
        self._columns.keep(base, renumbered)
        for columns in np.split(kept, range(BLOCK, len(kept), BLOCK)):
            keys = index[:2, columns].T.astype(">u8")
            for key, line in zip(keys, base.lines(columns), strict=True):
                self._add(key.tobytes(), line)

    def _add(self, key: bytes, line: bytes) -> None:
        self._keys += key
        self._lines.write(line)
        self._ends.append(self._lines.tell())
