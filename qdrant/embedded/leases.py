"""The open readers of an engine: one per variant, shared by its threads."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from qdrant.embedded.generations import Generations
from qdrant.embedded.private import PrivateReader, open_reader
from qdrant.errors import StoreError


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
        # By variant: held while a generation is opened, a second for a large one. Taken before
        # `_lock`.
        self._opening: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @contextmanager
    def lease(self, generations: Generations) -> Iterator[PrivateReader]:
        """Use the generation that is current now; it stays open for as long as it is used.

        While one thread opens a new generation, the others use the one before.

        Raises:
            CollectionMissing, CollectionBroken: there is none to read.
        """
        leased = self._take(generations) or self._renew(generations)
        try:
            yield leased.reader
        finally:
            self._release(leased)

    def refresh(self, generations: Generations) -> None:
        """Open the current generation where one before it is open, for all threads at once.

        After this, every search of this process finds what was published. An error of opening it
        is raised by the next search.
        """
        if generations.variant in self._open:
            with suppress(StoreError):
                self._release(self._renew(generations))

    def forget(self, variant: str) -> None:
        """Close the variant's reader as soon as it is unused."""
        with self._opening[variant], self._lock:
            self._retire(variant)

    def close(self) -> None:
        """Close every reader as soon as it is unused."""
        for variant in list(self._opening):
            self.forget(variant)

    def _take(self, generations: Generations) -> _Leased | None:
        """The open reader, if it is of the current generation or the next is being opened."""
        variant = generations.variant
        with self._lock:
            try:
                stamp, _ = generations.current()
            except StoreError:
                self._retire(variant)
                raise
            leased = self._open.get(variant)
            if leased is None:
                return None
            if leased.reader.stamp != stamp and not self._opening[variant].locked():
                return None
            leased.users += 1
            return leased

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
            fresh = _Leased(open_reader(generations), users=1)
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
