"""The errors of `qdrant_edge` as the store's."""

from collections.abc import Iterator
from contextlib import contextmanager

from qdrant.errors import CollectionBroken, DiskFull, EngineError

# In the engine's message when it notices a full disk in time.
DISK_FULL = ("os error 28", "No space left", "Not enough space")


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
