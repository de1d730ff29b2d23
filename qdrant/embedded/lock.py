"""File locks that end with their process, however it ends, and name it meanwhile.

A process id alone would not do: ids are used again, and two containers that share a volume have
separate ones.
"""

import os
from pathlib import Path

from filelock import FileLock, Timeout


class Lock:
    """An exclusive `flock` on a file, held until `release` or the end of the process.

    Attributes:
        path: the file; it holds the process id.
    """

    def __init__(self, path: Path, lock: FileLock) -> None:
        self.path = path
        self._lock = lock

    @classmethod
    def take(cls, path: Path) -> "Lock | None":
        """Return the lock of a file, made if absent; None while anybody else holds it."""
        lock = FileLock(path, timeout=0, thread_local=False)  # any thread may release it
        try:
            lock.acquire()
        except Timeout:
            return None
        path.write_text(f"{os.getpid()}\n")
        return cls(path, lock)

    def release(self, *, remove: bool = False) -> None:
        """Release the lock; `remove` also removes the file."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._lock.release()


def holder(path: Path) -> str:
    """Return the process id in a lock file, or nothing."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
