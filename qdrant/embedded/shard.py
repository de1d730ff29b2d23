"""A folder of `qdrant_edge` that is written, and the engine's errors as the store's.

Each call of the engine holds Python's global lock until it returns.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import qdrant_edge as qe

from qdrant import layout
from qdrant.embedded import mapping
from qdrant.engine import Offset
from qdrant.errors import CollectionBroken, DiskFull, EngineError
from qdrant.model import Spec
from qdrant.points import Change, Deletion, Row

# In the engine's message when it notices a full disk in time.
DISK_FULL = ("os error 28", "No space left", "Not enough space")


class Shard:
    """One folder of the engine, open for writing."""

    def __init__(self, shard: qe.EdgeShard, variant: str) -> None:
        self._shard = shard
        self._variant = variant

    @classmethod
    def create(cls, folder: Path, spec: Spec) -> "Shard":
        """Make an empty collection in a folder that has none."""
        with engine_errors(spec.variant):
            shard = qe.EdgeShard.create(str(folder), mapping.config(spec))
            for field in layout.KEYWORD_INDEXES:
                index = qe.KeywordIndexParams()
                shard.update(qe.UpdateOperation.create_field_index(field, index))
            for field in layout.FLOAT_INDEXES:
                bounds = qe.FloatIndexParams(enable_hnsw=False)
                shard.update(qe.UpdateOperation.create_field_index(field, bounds))
            phrases = qe.TextIndexParams(
                tokenizer=qe.TokenizerType.Whitespace,
                phrase_matching=True,
                enable_hnsw=False,
                memory=qe.Memory.Cached,
            )
            shard.update(qe.UpdateOperation.create_field_index(layout.PHRASE_INDEX, phrases))
        return cls(shard, spec.variant)

    @classmethod
    def open(cls, folder: Path, spec: Spec) -> "Shard":
        """Open a folder; no other process may have this very folder open."""
        with engine_errors(spec.variant):
            return cls(qe.EdgeShard.load(str(folder)), spec.variant)

    def write(self, changes: Sequence[Change]) -> None:
        """Delete points, then store others."""
        gone: list[Offset] = [change.key for change in changes if isinstance(change, Deletion)]
        points = [mapping.point(change) for change in changes if isinstance(change, Row)]
        with engine_errors(self._variant):
            if gone:
                self._shard.update(qe.UpdateOperation.delete_points(gone))
            if points:
                self._shard.update(qe.UpdateOperation.upsert_points(points))

    def finish(self) -> int:
        """Build the graphs, write everything to disk, close; return the number of points."""
        with engine_errors(self._variant):
            self._shard.optimize()
            self._shard.flush()
            points = self._shard.count(qe.CountRequest(exact=True))
            self._shard.close()
        return points


@contextmanager
def engine_errors(variant: str) -> Iterator[None]:
    """Raise what the engine raises as the store's errors.

    Raises:
        DiskFull, EngineError: the engine's bare `Exception`, by its message.
        CollectionBroken: a panic of the engine, which damaged files cause. Its type is not in any
            module, and derives from BaseException.
    """
    try:
        yield
    except BaseException as error:
        words = str(error)
        if type(error).__name__ == "PanicException":
            raise CollectionBroken(variant, f"the vector engine panicked ({words})") from None
        if type(error) is not Exception:  # ours, or Python's: not the engine's
            raise
        if any(sign in words for sign in DISK_FULL):
            raise DiskFull(f"The disk is full: {words}.") from None
        raise EngineError(f"The vector engine reported an error: {words}.") from None
