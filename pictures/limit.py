"""A limit on how many calls are under way at once; more are refused instead of waiting."""

import threading
from types import TracebackType

from vitrine import VitrineError


class Busy(VitrineError):
    """Too many calls are under way; another attempt may succeed in a moment."""


class CallLimit:
    """A `with` statement for each call; threads share it."""

    def __init__(self, most: int, sentence: str) -> None:
        """Make a limit.

        Args:
            most: How many calls may be under way, waiting ones included.
            sentence: What one more call is refused with.
        """
        self._free = threading.BoundedSemaphore(most)
        self._sentence = sentence

    def __enter__(self) -> None:
        """Begin a call. Raises Busy."""
        if not self._free.acquire(blocking=False):
            raise Busy(self._sentence)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._free.release()
