"""Vector files: every vector that was ever encoded under one fingerprint, by content.

Encoding is slow and building a collection is fast: a collection can be removed and built again
from these files, with another quantisation, on a server, or as a FAISS index.

A vector file, `000001.crc32.part`, is a sequence of fixed-size records: a 16-byte key, the CRC-32
of key and vector, and `dim` float32, all little-endian, so that `np.fromfile(path,
record_type(dim))` reads it. Files of earlier versions, `000001.part`, have no checksum; in those a
vector counts as damaged when its length is not 1. Each process appends to a file of its own and
never rewrites a byte; a record that a kill cut short is not counted. The files of several machines
are merged by moving them into one folder.
"""

import hashlib
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from qdrant.disk import disk_full
from qdrant.errors import StoreError
from qdrant.key_index import KEY, KEY_BYTES, ROW_BITS, KeyIndex
from vitrine import Closing

# New keys are looked up in a dict beside the index; beyond so many they are merged into it.
RECENT_KEYS = 65_536
SUFFIX = ".crc32.part"
# Records whose checksums are computed at once.
CHECKED = 1024

Key = bytes  # 128 bits of SHA-256: no collision to expect below 10^18 vectors


def vector_key(kind: str, content: str) -> Key:
    """The key of a vector: what was embedded, and as which kind (`text` or `image`).

    A picture's content is its hash; a text's content is the text itself.
    """
    return hashlib.sha256(f"{kind}\0{content}".encode("utf-8", "surrogatepass")).digest()[
        :KEY_BYTES
    ]


def record_type(dim: int, *, checksum: bool = True) -> np.dtype:
    """The layout of one record of a vector file; without checksum, of an earlier version's."""
    between = [("checksum", "<u4")] if checksum else []
    return np.dtype([("key", f"S{KEY_BYTES}"), *between, ("vector", "<f4", (dim,))])


class VectorFiles(Closing):
    """The vectors of one fingerprint: look up by key, append, never rewrite.

    Args:
        folder: `vectors/FINGERPRINT`; made when the first vector is appended.
        dim: the length of a vector. In files of vectors of another length every record counts as
            damaged.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self.folder = folder
        self.dim = dim
        self.record = record_type(dim)
        self._paths: list[Path] = sorted(folder.glob("*.part"))
        self._maps: list[np.ndarray] = [self._map(path) for path in self._paths]
        self._index = KeyIndex.of_files([records["key"] for records in self._maps])
        self._recent: dict[Key, int] = {}
        self._file: BinaryIO | None = None
        self._written = 0

    def __len__(self) -> int:
        return len(self._index) + len(self._recent)

    def __contains__(self, key: Key) -> bool:
        return bool(self.has([key])[0])

    def has(self, keys: Sequence[Key]) -> np.ndarray:
        """Which of these keys have a vector, bool of shape (n,)."""
        return self._find(keys) >= 0

    def get(self, keys: Sequence[Key]) -> np.ndarray:
        """The vectors of these keys, float32 of shape (n, dim), in their order.

        Raises:
            KeyError: a key that was never appended.
            StoreError: a vector is damaged.
        """
        positions = self._find(keys)
        if (positions < 0).any():
            raise KeyError(keys[int(np.argmin(positions))].hex())
        out = np.empty((len(keys), self.dim), np.float32)
        numbers, rows = positions >> ROW_BITS, positions & ((1 << ROW_BITS) - 1)
        for number in np.unique(numbers):
            here = numbers == number
            found = self._records(int(number), int(rows[here].max()))[rows[here]]
            if not intact(found).all():
                raise StoreError(
                    f"{self._paths[number]} holds damaged vectors; `vitrine ingest vectors` "
                    "encodes them anew."
                )
            out[here] = found["vector"]
        return out

    def find_damaged(self) -> dict[Path, list[Key]]:
        """Read every record; the keys of those that are damaged, by file.

        Records that another one of their key replaced are left out.
        """
        return self._by_file(self._damaged())

    def discard_damaged(self) -> dict[Path, list[Key]]:
        """Let damaged records count as never appended. Returns them as `find_damaged` does."""
        damaged = self._damaged()
        found = self._by_file(damaged)
        if len(damaged):
            self._index = self._index.without(damaged)
        return found

    def batches(self, size: int = 1024) -> Iterator[tuple[list[Key], np.ndarray]]:
        """All intact keys and vectors that were there when this was opened, in batches."""
        for records in self._maps:
            for start in range(0, len(records), size):
                batch = records[start : start + size]
                batch = batch[intact(batch)]
                keys = np.ascontiguousarray(batch["key"]).view(f"V{KEY_BYTES}")
                yield [key.tobytes() for key in keys], np.array(batch["vector"])

    def append(self, keys: Sequence[Key], vectors: np.ndarray) -> None:
        """Append vectors, on disk before it returns. No vectors make no file.

        Args:
            keys: one key a vector.
            vectors: float32 of shape (n, dim).

        Raises:
            DiskFull: a new `VectorFiles` then continues after what was appended before.
        """
        if not keys:
            return
        records = np.empty(len(keys), self.record)
        records["key"] = keys
        records["vector"] = vectors
        records["checksum"] = checksums(records)
        with disk_full():
            out = self._file or self._begin_file()
            out.write(records.tobytes())
            out.flush()
            os.fsync(out.fileno())
        first = (len(self._paths) - 1) << ROW_BITS
        for offset, key in enumerate(keys):
            self._recent[key] = first | (self._written + offset)
        self._written += len(keys)
        if len(self._recent) > RECENT_KEYS:
            positions = np.array(list(self._recent.values()), np.int64)
            self._index = self._index.added(np.array(list(self._recent), KEY), positions)
            self._recent.clear()

    def close(self) -> None:
        """Close the file that this process appends to, if it began one."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_file(self) -> BinaryIO:
        """A file of this process's own: the first free number, created exclusively."""
        self.folder.mkdir(parents=True, exist_ok=True)
        number = _number(self._paths[-1]) + 1 if self._paths else 1
        while True:
            path = self.folder / f"{number:06d}{SUFFIX}"
            try:
                self._file = path.open("xb")
            except FileExistsError:
                number += 1
                continue
            self._paths.append(path)
            self._maps.append(np.empty(0, self.record))
            self._written = 0
            return self._file

    def _map(self, path: Path) -> np.ndarray:
        record = record_type(self.dim, checksum=path.name.endswith(SUFFIX))
        rows = path.stat().st_size // record.itemsize
        if rows == 0:
            return np.empty(0, record)
        return np.memmap(path, record, mode="r", shape=(rows,))

    def _records(self, number: int, row: int) -> np.ndarray:
        """The records of a file, mapped again when this process has appended to it since."""
        if row >= len(self._maps[number]):
            self._maps[number] = self._map(self._paths[number])
        return self._maps[number]

    def _damaged(self) -> np.ndarray:
        """Read every record; the positions of those that are damaged, int64 of shape (n,)."""
        found = [np.empty(0, np.int64)]
        for number, records in enumerate(self._maps):
            for start in range(0, len(records), CHECKED):
                damaged = ~intact(records[start : start + CHECKED])
                found.append((start + np.flatnonzero(damaged)) | (number << ROW_BITS))
        return np.concatenate(found)

    def _by_file(self, positions: np.ndarray) -> dict[Path, list[Key]]:
        """The keys at these positions, by file, but for those that stand again at a later one."""
        if not len(positions):
            return {}
        found: dict[Path, list[Key]] = {}
        for position in np.intersect1d(self._index.current(), positions).tolist():
            number, row = position >> ROW_BITS, position & ((1 << ROW_BITS) - 1)
            key = _padded(self._maps[number]["key"][row])
            found.setdefault(self._paths[number], []).append(key)
        return found

    def _find(self, keys: Sequence[Key]) -> np.ndarray:
        """Position of each key's vector, int64 of shape (n,), or −1."""
        wanted = np.array(keys, KEY)
        found = self._index.find(wanted)
        if self._recent:
            for row in np.flatnonzero(found < 0).tolist():
                found[row] = self._recent.get(keys[row], -1)
        return found


def checksums(records: np.ndarray) -> np.ndarray:
    """The CRC-32 of key and vector of each record, uint32 of shape (n,)."""
    size = records.dtype.itemsize
    vector = size - 4 * records["vector"].shape[1]  # where it begins
    data = memoryview(records.tobytes())
    starts = range(0, len(data), size)
    found = [
        zlib.crc32(data[at + vector : at + size], zlib.crc32(data[at : at + KEY_BYTES]))
        for at in starts
    ]
    return np.array(found, np.uint32)


def intact(records: np.ndarray) -> np.ndarray:
    """Which records hold a unit vector as it was written, bool of shape (n,).

    Without a checksum, what is written is not known: then the length alone counts.
    """
    with np.errstate(all="ignore"):
        norms = np.linalg.norm(records["vector"], axis=1)
    are_unit = (norms > 0.99) & (norms < 1.01)
    if "checksum" in (records.dtype.names or ()):
        return are_unit & (records["checksum"] == checksums(records))
    return are_unit


def _padded(key: bytes) -> Key:
    """A key as it was appended: numpy cuts zeros off its end."""
    return key.ljust(KEY_BYTES, b"\0")


def _number(path: Path) -> int:
    return int(path.name.partition(".")[0])
