"""The picture store: thumbnails of an installation's pictures, by the hash of their content."""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pictures.decoder import DAMAGE, open_picture
from pictures.errors import PictureError, shorten
from pictures.sources import open_file
from pictures.thumbnail import SIDE, Thumbnail, make_thumbnail
from vitrine import VitrineError

HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture in the store.

    Attributes:
        hash: SHA-256 of the original bytes, in hex.
        width: Of the thumbnail, in pixels.
        height: Of the thumbnail, in pixels.
        bytes: Size of the thumbnail's file.
    """

    hash: str
    width: int
    height: int
    bytes: int


class PictureStore:
    """Thumbnails as JPEG files, named by the hash of the original bytes: ab/ab12….jpg.

    Threads and processes may add the same picture at the same time. A file under its final name is
    always complete: it is written under another name, flushed to the disk, and renamed.
    """

    def __init__(self, folder: Path, side: int = SIDE) -> None:
        """Open a store.

        Args:
            folder: Where the pictures are; created when the first one is added.
            side: Shortest side of a thumbnail, in pixels; smaller pictures are not enlarged.
        """
        self.folder = folder
        self.side = side
        self._parts = folder / ".parts"

    def add(
        self,
        data: bytes,
        name: str = "The picture",
        make_thumbnail: Callable[[bytes, int, str], Thumbnail] = make_thumbnail,
    ) -> StoredPicture:
        """Keep a picture; idempotent.

        Args:
            data: The original file.
            name: How an error's sentence names the picture: its address.
            make_thumbnail: Where it is decoded: in this process by default, which is for bytes
                that are trusted; `DecodeWorkers.thumbnail` for all others.

        Raises:
            PictureError: It cannot be decoded, with a reason of the decoder's list.
            VitrineError: The disk is full or cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        if stored := self._header(path):
            return StoredPicture(digest, *stored.size, path.stat().st_size)
        made = make_thumbnail(data, self.side, shorten(name))
        self._write(path, made.data)
        return StoredPicture(digest, made.width, made.height, len(made.data))

    def prune(self, used: Callable[[str], Container[str]]) -> int:
        """Delete pictures that no product uses any more. Returns how many there were.

        Args:
            used: Takes the first two digits of hashes, returns those in use.
        """
        deleted = 0
        for folder in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            hashes = used(folder.name)
            for path in folder.glob("*.jpg"):
                if path.stem not in hashes:
                    path.unlink()
                    deleted += 1
        return deleted

    def path(self, digest: str) -> Path:
        """The file of a picture, whether it exists or not."""
        if not HASH.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a picture's hash")
        return self.folder / digest[:2] / f"{digest}.jpg"

    def open(self, digest: str) -> Image.Image:
        """A stored picture, as RGB. Raises PictureError when it is missing or damaged."""
        return open_file(self.path(digest))

    def delete_damaged(self, digest: str) -> None:
        """Delete a stored picture if its content is damaged; not if only reading it fails."""
        try:
            self.open(digest)
        except PictureError as error:
            if error.reason in DAMAGE:
                self.path(digest).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Delete unfinished files of processes that ended; call it under the job's lock."""
        with suppress(OSError):
            for part in self._parts.iterdir():
                part.unlink()

    def _header(self, path: Path) -> Image.Image | None:
        """The header of a stored picture; None when it is missing, damaged or unreadable."""
        try:
            return open_picture(path.read_bytes(), str(path))
        except (PictureError, OSError):
            return None

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
