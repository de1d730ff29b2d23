"""The parent's side of a build: check the disk, feed the builder's process, report how it ended."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pyarrow as pa

from qdrant import layout
from qdrant.disk import megabytes
from qdrant.embedded import stream
from qdrant.embedded.builder import DISK_FULL
from qdrant.errors import BuildFailed, DiskFull, StoreError
from qdrant.model import GraphSearch, Spec
from qdrant.points import Change
from vitrine import Closing

# The engine allocates one file of this size for each vector, one for the payload, and about as much
# in all for the indexes. They fill slowly, but a reader needs that space (see `reader`).
ALLOCATED_BYTES = 32 << 20
# Bytes of payload and bookkeeping assumed for a product not yet seen.
PAYLOAD_BYTES = 1024
# Bytes of a product's facts and columns (`facts`, `columns`), 390 of the generated products of
# `python -m benchmarks search`, and of its phrases, 390 of those of `python -m benchmarks scale`.
COLUMNS_BYTES = 800
# Bytes assumed for a sparse vector: 100 terms of 4 + 4 bytes, stored and in the inverted index.
TERMS_BYTES = 1600
# The log keeps its last files of 32 MiB.
LOG_BYTES = 96 << 20
# Bytes of batches that are made while the builder does not read: it ends a part of what it received
# (`shard.PART_BYTES`) for some seconds each.
AHEAD_BYTES = 16 << 20


@dataclass(frozen=True)
class Built:
    """What a builder made: `points`, and `graphs` as a `Collection` has them, where measured."""

    points: int
    graphs: Mapping[str, GraphSearch]


class Build(Closing):
    """A builder process writing one unpublished folder.

    Leaving the `with` block early kills the builder, so Ctrl-C and an invalid point end it at once.

    Args:
        folder: the folder to write: absent or empty for a new generation, a copy to continue one.
        spec: what is built.
        expected: about how many points will come; 0 if unknown.
        present: points that the folder holds before.
        measure: whether to measure how the vectors are to be searched.
    """

    def __init__(
        self,
        folder: Path,
        spec: Spec,
        expected: int = 0,
        present: int = 0,
        *,
        measure: bool = False,
    ) -> None:
        self._folder = folder
        self._measure = measure
        self._spec = spec
        self._expected = expected + present
        self._payload_bytes = 0
        self._points = present

    def __enter__(self) -> Self:
        self._check_space()
        self._messages = tempfile.TemporaryFile()
        root = str(Path(__file__).parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "qdrant.embedded.builder", str(self._folder.absolute())),
                *(["--measure"] if self._measure else []),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("Popen made no pipes")
        self._feed, self._answer = self._process.stdin, self._process.stdout
        self._sender = ThreadPoolExecutor(1)
        self._sending: deque[tuple[Future[None], int]] = deque()  # with the bytes of each batch
        return self

    def close(self) -> None:
        """End the builder, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._sender.shutdown(cancel_futures=True)
        self._answer.close()
        with suppress(BrokenPipeError):  # what was still buffered for a builder that is gone
            self._feed.close()
        self._messages.close()

    def feed(self, changes: Iterable[Change]) -> Built:
        """Send every change, and wait until the generation is complete.

        Raises:
            BuildFailed: the builder failed or was killed.
            DiskFull: there is too little disk space.
        """
        try:
            sink = pa.ipc.new_stream(self._feed, stream.schema(self._spec))
            for batch in stream.encode(self._spec, changes):
                self._points += len(batch)
                self._payload_bytes += batch.column("payload").nbytes
                self._check_space()
                self._sending.append((self._sender.submit(sink.write_batch, batch), batch.nbytes))
                self._wait_until_sent(but=AHEAD_BYTES)
            self._wait_until_sent(but=0)
            sink.close()
            self._feed.close()
        except BrokenPipeError:  # the builder ended early: its status says why
            self._process.wait()
        answer = self._answer.read()
        if self._process.wait() == 0:
            return Built(**json.loads(answer))
        raise self._failure(self._process.returncode)

    def _wait_until_sent(self, *, but: int) -> None:
        """Wait until all batches are sent but some bytes of the last ones."""
        while sum(size for _, size in self._sending) > but:
            sent, _ = self._sending.popleft()
            sent.result()

    def _failure(self, status: int) -> StoreError:
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").strip().splitlines()
        last = lines[-1].rstrip(".") if lines else "it printed nothing"
        if status in (-signal.SIGBUS, DISK_FULL):
            return DiskFull(
                f"The disk of {self._folder.parent} filled up while the collection of variant "
                f"'{self._spec.variant}' was built; free some space, then run this again: what "
                "was published is untouched."
            )
        if status < 0:
            return BuildFailed(
                f"The builder of variant '{self._spec.variant}' was ended by "
                f"{signal.Signals(-status).name} (memory may have run out); what was published "
                "is untouched: run this again."
            )
        return BuildFailed(
            f"The collection of variant '{self._spec.variant}' was not built: {last}."
        )

    def _check_space(self) -> None:
        """Check that twice the estimated size fits, less what is written already.

        Twice, because the engine writes the points once as they come and once more, with their
        graphs, when it optimises. What a copy has of the generation before takes hardly any space
        (`segment_files`). A full disk would kill the builder by SIGBUS.
        """
        written = self._size(self._points)
        allocated = (len(self._spec.stored) + 2) * ALLOCATED_BYTES
        needed = 2 * self._size(max(self._points, self._expected)) - written + allocated
        free = shutil.disk_usage(self._folder.parent).free
        if free < needed:
            raise DiskFull(
                f"Building the collection of variant '{self._spec.variant}' needs "
                f"{megabytes(needed)} MB free in {self._folder.parent}, and there are "
                f"{megabytes(free)}; free some space, then run this again."
            )

    def _size(self, points: int) -> int:
        dims = map(self._spec.dim_of, self._spec.stored)
        numbers = sum(map(self._spec.stored_as.bytes, dims))
        links = len(self._spec.stored) * 2 * layout.HNSW_M * 4
        terms = len(self._spec.sparse) * TERMS_BYTES
        unseen = max(points - self._points, 0) * PAYLOAD_BYTES
        each = numbers + links + terms + COLUMNS_BYTES
        written = points * each + self._payload_bytes + unseen
        return written + min(written, LOG_BYTES)
