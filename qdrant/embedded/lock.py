"""A file lock that ends with its owner, however the owner ends.

Process ids would not do: they are used again, and two containers that share a volume each have
their own.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Claim:
    """An exclusive `flock` on a file, held until `release` or the end of the process."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> Claim | None:
        """Return the claim on a file, made if absent; None when somebody else holds it."""
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if isinstance(error, BlockingIOError):
                    return None
                raise
            if _is(path, descriptor):
                os.truncate(descriptor, 0)
                os.write(descriptor, f"{os.getpid()}\n".encode())
                return cls(path, descriptor)
            os.close(descriptor)  # its last owner removed the file under us: claim the new one

    def release(self, *, remove: bool = False) -> None:
        """Let others claim the file, or remove it."""
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def holder(path: Path) -> str:
    """Return the process id that the holder of a claim wrote, or nothing."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
