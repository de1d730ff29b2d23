"""The parent's side of a build: watch the disk, feed the builder, understand how it ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from qdrant import layout
from qdrant.embedded import stream
from qdrant.embedded.builder import DISK_FULL
from qdrant.embedded.generations import megabytes
from qdrant.errors import BuildFailed, DiskFull, StoreError
from qdrant.model import Spec
from qdrant.points import Change

# The engine allots one file of this size to each vector, one to the payload, and about as much in
# all to the indexes. They fill slowly, but a reader must find that room (see `readers`).
ALLOTTED_BYTES = 32 << 20
# Bytes of payload and bookkeeping assumed for a product not yet seen.
PAYLOAD_BYTES = 1024
# The log keeps its last files of 32 MiB.
LOG_BYTES = 96 << 20


class Build:
    """A builder process writing one unpublished folder.

    Leaving the `with` block without `finish` kills the builder, so Ctrl-C and a point that is
    refused end it at once.

    Args:
        folder: the folder to write: absent or empty for a new generation, a copy to continue one.
        spec: what is built.
        expected: how many points will come, 0 when nobody knows.
    """

    def __init__(self, folder: Path, spec: Spec, expected: int = 0) -> None:
        self._folder = folder
        self._spec = spec
        self._expected = expected
        self._payload_bytes = 0
        self._points = 0

    def __enter__(self) -> Self:
        self._require_room()
        self._complaints = tempfile.TemporaryFile()
        root = str(Path(__file__).parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "qdrant.embedded.builder", str(self._folder.absolute())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._complaints,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("pipes were asked for")
        self._feed, self._answer = self._process.stdin, self._process.stdout
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._answer.close()
        with suppress(BrokenPipeError):  # what was still buffered for a builder that is gone
            self._feed.close()
        self._complaints.close()

    @property
    def process_id(self) -> int:
        """The builder's process id."""
        return self._process.pid

    def feed(self, changes: Iterable[Change], present: int = 0) -> int:
        """Send every change, wait until the generation is complete, return its points.

        Args:
            changes: what to write.
            present: points that the folder holds before.

        Raises:
            BuildFailed: the builder failed or was killed.
            DiskFull: there is no room.
        """
        self._points = present
        try:
            with pa.ipc.new_stream(self._feed, stream.schema(self._spec)) as sink:
                for batch in stream.encode(self._spec, changes):
                    self._points += len(batch)
                    self._payload_bytes += batch.column("payload").nbytes
                    self._require_room()
                    sink.write_batch(batch)
            self._feed.close()
        except BrokenPipeError:  # the builder ended early: its status says why
            self._process.wait()
        answer = self._answer.read()
        if self._process.wait() == 0:
            return int(answer)
        raise self._failure(self._process.returncode)

    def _failure(self, status: int) -> StoreError:
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        last = lines[-1].rstrip(".") if lines else "it said nothing"
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

    def _require_room(self) -> None:
        """Refuse when twice the estimated size does not fit, less what is written already.

        Twice, because the engine writes the points once as they come and once more, with their
        graphs, when it optimises. A full disk would kill the builder by SIGBUS.
        """
        written = self._size(self._points)
        allotted = (len(self._spec.vectors) + 2) * ALLOTTED_BYTES
        needed = 2 * self._size(max(self._points, self._expected)) - written + allotted
        free = shutil.disk_usage(self._folder.parent).free
        if free < needed:
            raise DiskFull(
                f"Building the collection of variant '{self._spec.variant}' needs "
                f"{megabytes(needed)} MB free in {self._folder.parent}, and there are "
                f"{megabytes(free)}; free some space, then run this again."
            )

    def _size(self, points: int) -> int:
        vector = self._spec.dim * (4 + 1) + 2 * layout.HNSW_M * 4  # float32, int8, links
        unseen = max(points - self._points, 0) * PAYLOAD_BYTES
        written = points * len(self._spec.vectors) * vector + self._payload_bytes + unseen
        return written + min(written, LOG_BYTES)
