"""A collection as one file that either engine restores: its points, in one pass, with a digest.

The engines' own snapshots are tied to one engine and its version, and a cluster has one for each
shard. This one holds what a collection is made from: the spec and every point with its vectors and
payload, as an Arrow IPC stream, and the SHA-256 of that. Restoring builds a new generation of it,
with graphs of its own.
"""

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from qdrant.embedded import stream
from qdrant.engine import scroll
from qdrant.errors import StoreError
from qdrant.index_fields import without_index_fields
from qdrant.model import Point, Spec
from qdrant.points import Row, stored_row
from qdrant.store import Store

# After the stream: these bytes, then the SHA-256 of all before them.
END = b"vitrine snapshot 1\n"
TRAILER = len(END) + hashlib.sha256().digest_size
BLOCK = 1 << 20  # bytes read at once
_POINTS = b"vitrine.points"


@dataclass(frozen=True)
class Snapshot:
    """A file and the generation that it was made from, or that was made from it.

    Attributes:
        variant: whose collection.
        generation: its name.
        points: in it.
        size: bytes of the file.
    """

    variant: str
    generation: str
    points: int
    size: int


def write_snapshot(
    store: Store, variant: str, out: Path, advance: Callable[[int], None], *, replace: bool = False
) -> Snapshot:
    """Write the published generation of a variant into a file; memory does not grow with it.

    The file has its name when it is whole.

    Args:
        store: where the collection is.
        variant: whose.
        out: the file.
        advance: called with the number of points read.
        replace: write over a file of that name.

    Raises:
        StoreError: there is such a file.
        CollectionMissing: there is no collection.
        OSError: the file cannot be written.
    """
    if out.exists() and not replace:
        raise StoreError(f"{out} exists already: name another file, or add --force.")
    store.collection(variant)  # before a file is made
    part = out.with_name(f"{out.name}.part")
    try:
        with store.engine.reader(variant) as reader, part.open("wb") as file:
            made = reader.collection
            digested = _Digested(file)
            schema = stream.schema(made)
            schema = schema.with_metadata({**schema.metadata, _POINTS: str(made.points).encode()})
            with pa.ipc.new_stream(
                pa.PythonFile(digested, "w"),
                schema,
                options=pa.ipc.IpcWriteOptions(compression="zstd"),
            ) as sink:
                rows = map(stored_row, scroll(reader, vectors=True))
                for batch in stream.encode(made, rows):
                    sink.write_batch(batch)
                    advance(len(batch))
            file.write(END + digested.digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return Snapshot(variant, made.generation, made.points, out.stat().st_size)


def restore_snapshot(store: Store, path: Path, advance: Callable[[int], None]) -> Snapshot:
    """Publish a file's collection as a new generation; all of the file is checked before.

    Args:
        store: where it is published.
        path: the file.
        advance: called with the number of points sent.

    Returns:
        What was published.

    Raises:
        StoreError: the file is damaged, cut off, or no snapshot.
        BuildRunning, BuildFailed, DiskFull: as `Store.build`.
        OSError: the file cannot be read.
    """
    _check_digest(path)
    with _opened(path) as reader:
        spec, points = _facts(path, reader.schema)
        made = store.build(spec, _Points(path, spec, points, reader, advance))
    return Snapshot(spec.variant, made.generation, made.points, path.stat().st_size)


def points_of(path: Path) -> tuple[str, int]:
    """Return the variant and the number of points of a file.

    Raises:
        StoreError: it is no snapshot.
        OSError: it cannot be read.
    """
    with _opened(path) as reader:
        spec, points = _facts(path, reader.schema)
    return spec.variant, points


class _Digested:
    """A file that is written to, and the digest of that."""

    closed = False

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Leave that to the file's owner."""

    def close(self) -> None:
        """Leave the file open: its end follows."""

    def digest(self) -> bytes:
        return self._digest.digest()


class _Points:
    """The points of a file, which must be as many as it states."""

    def __init__(
        self,
        path: Path,
        spec: Spec,
        count: int,
        reader: pa.RecordBatchReader,
        advance: Callable[[int], None],
    ) -> None:
        self._path, self._spec, self._count = path, spec, count
        self._reader, self._advance = reader, advance

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Point]:
        left = self._count
        try:
            for batch in self._reader:
                batch.validate(full=True)
                for row in stream.decode(self._spec, batch):
                    if not isinstance(row, Row):
                        raise _unsound(self._path, "a point without a payload")
                    payload = without_index_fields(json.loads(row.payload))
                    left -= 1
                    yield Point(str(payload["id"]), payload, row.vectors, row.sparse)
                    self._advance(1)
        except (pa.ArrowInvalid, ValueError, KeyError, TypeError) as error:
            raise _unsound(self._path, str(error)) from None
        if left:
            raise _unsound(self._path, f"it lacks {left} points")


@contextmanager
def _opened(path: Path) -> Iterator[pa.RecordBatchReader]:
    with path.open("rb") as file:
        try:
            reader = pa.ipc.open_stream(file)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise _unsound(path, str(error)) from None
        with reader:
            yield reader


def _facts(path: Path, schema: pa.Schema) -> tuple[Spec, int]:
    try:
        spec = stream.spec_of(schema)
        points = int(schema.metadata[_POINTS])
    except (StoreError, KeyError, ValueError, TypeError) as error:
        raise _unsound(path, str(error)) from None
    if not schema.equals(stream.schema(spec)):
        raise _unsound(path, "its columns are not those of its vectors")
    return spec, points


def _check_digest(path: Path) -> None:
    """Read all of a file and compare it with its digest."""
    left = path.stat().st_size - TRAILER
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while left > 0 and (block := file.read(min(BLOCK, left))):
            digest.update(block)
            left -= len(block)
        if file.read() != END + digest.digest():
            raise _unsound(path, "its digest does not match")


def _unsound(path: Path, what: str) -> StoreError:
    reason = " ".join(what.split())[:200].rstrip(".")
    return StoreError(
        f"{path} is not a sound snapshot of a collection ({reason}): nothing was published; take "
        "another copy of it."
    )
