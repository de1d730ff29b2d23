"""A folder of files that are named by the SHA-256 of their content: ab/ab12…."""

import os
import re
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from pathlib import Path

from vitrine import VitrineError

HASH = re.compile(r"[0-9a-f]{64}")


class ContentFolder:
    """Files by the hash of their content.

    Threads and processes may add the same file at the same time. A file under its final name is
    always complete: it is written under another name, flushed to the disk, and renamed.
    """

    def __init__(self, folder: Path, suffix: str = "") -> None:
        """Open a folder.

        Args:
            folder: Where the files are; created when the first one is added.
            suffix: Of their names.
        """
        self.folder = folder
        self._suffix = suffix
        self._parts = folder / ".parts"

    def path(self, digest: str) -> Path:
        """The file of a hash, whether it exists or not."""
        if not HASH.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a hash")
        return self.folder / digest[:2] / f"{digest}{self._suffix}"

    def prune(self, used: Callable[[str], Container[str]]) -> int:
        """Delete files that no product uses any more. Returns how many there were.

        Args:
            used: Takes the first two digits of hashes, returns those in use.
        """
        deleted = 0
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            hashes = used(folder.name)
            for path in folder.glob(f"*{self._suffix}"):
                if path.name.removesuffix(self._suffix) not in hashes:
                    path.unlink()
                    deleted += 1
        return deleted

    def sweep(self) -> None:
        """Delete unfinished files of processes that ended; call it under the job's lock."""
        with suppress(OSError):
            for part in self._parts.iterdir():
                part.unlink()

    def _write(self, path: Path, data: bytes) -> None:
        part = self._parts / f"{path.stem}.{os.getpid()}.{threading.get_ident()}"
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(exist_ok=True)
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # or a power cut could leave the name without the bytes
            part.replace(path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise VitrineError(
                f"{path} cannot be written: {error.strerror}. Free some space or repair the "
                "folder, then run the same command again: it continues where it stopped."
            ) from error
