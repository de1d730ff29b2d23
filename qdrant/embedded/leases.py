"""The open readers of an engine: one per variant, shared by its threads.

To open a million products takes seconds. So the first search of a process waits for that, and when
another process publishes a large generation, it is opened by a thread of its own while the one
before still answers.
"""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from qdrant.embedded.generations import Generations, Stamp
from qdrant.embedded.private import PrivateReader, open_reader
from qdrant.errors import StoreError
from qdrant.generation import first_difference
from qdrant.model import Collection

# Products from which the next generation is opened in the background. Fewer take some 0.1 s, for
# which a search waits, so that it finds what another process published just before.
LARGE = 50_000


@dataclass
class _Leased:
    """A reader, closed when it is retired and unused."""

    reader: PrivateReader
    users: int = 0
    retired: bool = False


class Leases:
    """Opens the current generation of each variant once, and closes it after its last use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Leased] = {}
        # By variant: held while a generation is opened. Taken before `_lock`, or without waiting.
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._failed: dict[str, Stamp] = {}  # by variant: what could not be opened

    @contextmanager
    def lease(self, generations: Generations) -> Iterator[PrivateReader]:
        """Use the generation that is current now; it stays open for as long as it is used.

        While a new generation is opened, it is the one before.

        Raises:
            CollectionMissing, CollectionBroken: there is none to read.
        """
        leased = self._take(generations) or self._renew(generations)
        try:
            yield leased.reader
        finally:
            self._release(leased)

    def collection(self, generations: Generations) -> Collection:
        """Return the generation that `lease` would use.

        Raises:
            CollectionMissing, CollectionBroken: as `lease`.
        """
        with self._lock:
            _, current = generations.current()
            leased = self._answering(generations)
            return leased.reader.collection if leased else current

    def forget(self, variant: str) -> None:
        """Close the variant's reader as soon as it is unused; the next search opens another."""
        with self._opening[variant], self._lock:
            self._retire(variant)

    def close(self) -> None:
        """Close every reader as soon as it is unused."""
        for variant in list(self._opening):
            self.forget(variant)

    def _take(self, generations: Generations) -> _Leased | None:
        """The open reader, if it is of the current generation or answers until that is open."""
        with self._lock:
            try:
                leased = self._answering(generations)
            except StoreError:
                self._retire(generations.variant)
                raise
            if leased is not None:
                leased.users += 1
            return leased

    def _answering(self, generations: Generations) -> _Leased | None:
        """The open reader that searches use now; None where they wait for the next one."""
        variant = generations.variant
        stamp, current = generations.current()
        leased = self._open.get(variant)
        if leased is None or leased.reader.stamp == stamp:
            return leased
        if first_difference(leased.reader.collection, current):
            return None  # its vectors cannot be compared with those of queries from now on
        opening = self._opening[variant]
        if opening.locked():
            return leased
        if current.points < LARGE or self._failed.get(variant) == stamp:
            return None
        if opening.acquire(blocking=False):
            threading.Thread(
                target=self._open_next, args=(generations,), name=f"opening {variant}", daemon=True
            ).start()
        return leased

    def _open_next(self, generations: Generations) -> None:
        """Open the current generation, then let go of `_opening`, which the caller took."""
        try:
            with suppress(StoreError, OSError):  # raised again by the next search
                self._exchange(generations, users=0)
        finally:
            self._opening[generations.variant].release()

    def _renew(self, generations: Generations) -> _Leased:
        """Open the current generation, unless another thread has done so meanwhile."""
        variant = generations.variant
        with self._opening[variant]:
            stamp, _ = generations.current()
            with self._lock:
                leased = self._open.get(variant)
                if leased is not None and leased.reader.stamp == stamp:
                    leased.users += 1
                    return leased
            return self._exchange(generations, users=1)

    def _exchange(self, generations: Generations, users: int) -> _Leased:
        """Open the current generation in place of the one before."""
        variant = generations.variant
        stamp, _ = generations.current()
        try:
            fresh = _Leased(open_reader(generations), users)
        except BaseException:
            self._failed[variant] = stamp
            raise
        with self._lock:
            self._retire(variant)
            self._open[variant] = fresh
        return fresh

    def _release(self, leased: _Leased) -> None:
        with self._lock:
            leased.users -= 1
            if leased.retired and not leased.users:
                leased.reader.close()

    def _retire(self, variant: str) -> None:
        leased = self._open.pop(variant, None)
        if leased is None:
            return
        leased.retired = True
        if not leased.users:
            leased.reader.close()
