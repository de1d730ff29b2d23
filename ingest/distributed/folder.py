"""A folder of files at a path or at an address of an object store, each written whole."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from fsspec.implementations.local import LocalFileSystem

from ingest import IngestError
from pictures.errors import shorten
from pictures.object_store import open_store

UNFINISHED = ".unfinished-"  # begins the name of a file of this machine that is being written


class Folder:
    """A folder of files.

    A file under its name is always complete. On this machine it is written under another name,
    flushed to the disk and renamed; in an object store it is one put, which is atomic there.

    Args:
        address: a path of this machine, or an address such as s3://bucket/folder.

    Raises:
        VitrineError: the address cannot be opened (`pictures.object_store.open_store`).
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._files, self._path = open_store(address)
        self._local = isinstance(self._files, LocalFileSystem)

    def __str__(self) -> str:
        return shorten(self.address)

    def names(self) -> list[str]:
        """The names of the files in it, in order; none where there is no such folder.

        Raises:
            OSError, IngestError: it cannot be listed.
        """
        with self._reported(""):
            self._files.invalidate_cache()
            try:
                found = self._files.ls(self._path, detail=False)
            except FileNotFoundError:
                return []
        names = [str(each).rstrip("/").rpartition("/")[2] for each in found]
        return sorted(name for name in names if not name.startswith("."))

    def has(self, name: str) -> bool:
        """Whether it has such a file.

        Raises:
            OSError, IngestError: it cannot be read.
        """
        with self._reported(name):
            self._files.invalidate_cache()
            return bool(self._files.exists(self._at(name)))

    @contextmanager
    def opened(self, name: str) -> Iterator[Any]:
        """Open a file for reading anywhere in it.

        Raises:
            OSError, IngestError: it is missing or cannot be read.
        """
        with self._reported(name), self._files.open(self._at(name), "rb") as file:
            yield file

    def read(self, name: str, most: int) -> bytes:
        """The first `most` bytes of a file, which is all of a shorter one.

        Raises:
            OSError, IngestError: it is missing or cannot be read.
        """
        with self.opened(name) as file:
            return bytes(file.read(most))

    def write(self, name: str, data: bytes) -> None:
        """Write a file whole, in place of one of this name.

        Raises:
            OSError, IngestError: it cannot be written.
        """
        with self._reported(name):
            if not self._local:
                self._files.pipe_file(self._at(name), data)
                return
            folder = Path(self._path)
            folder.mkdir(parents=True, exist_ok=True)
            unfinished = folder / f"{UNFINISHED}{uuid4().hex}"
            try:
                with unfinished.open("xb") as out:
                    out.write(data)
                    out.flush()
                    os.fsync(out.fileno())
                unfinished.replace(folder / name)
            finally:
                unfinished.unlink(missing_ok=True)

    def delete(self, name: str) -> None:
        """Delete a file.

        Raises:
            OSError, IngestError: it cannot be deleted.
        """
        with self._reported(name):
            self._files.rm_file(self._at(name))

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"

    @contextmanager
    def _reported(self, name: str) -> Iterator[None]:
        """Give an operating system's error a file's name, and an object store's error a sentence.

        Errors of this project, and of the code that reads an opened file, pass.
        """
        try:
            yield
        except OSError as error:
            if self._local:
                error.filename = error.filename or self._at(name)
                raise
            raise self._failed(name, error) from error

    def _failed(self, name: str, error: Exception) -> IngestError:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return IngestError(
            f"{self}/{name} cannot be read or written ({reason}): check the address and the "
            "store's credentials, then run the same command again."
        )
