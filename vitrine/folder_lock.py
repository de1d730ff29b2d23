"""The lock of a folder: processes that change the same files take turns."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def locked(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a folder's lock, which ends with the process, however that ends.

    The folder itself is locked, since a lock file would stay in it. Some network file systems lock
    no folders; there this does nothing.

    Args:
        folder: which exists.
        wait: until another process or thread has released it.

    Raises:
        BlockingIOError: another one holds it, and `wait` is false.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)
