"""The picture store: thumbnails of an installation's pictures, by the hash of their content."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pictures.content_folder import ContentFolder
from pictures.decoder import DAMAGE, open_picture
from pictures.errors import PictureError, shorten
from pictures.sources import open_file
from pictures.thumbnail import SIDE, Thumbnail, make_thumbnail


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


class PictureStore(ContentFolder):
    """Thumbnails as JPEG files, named by the hash of the original bytes: ab/ab12….jpg."""

    def __init__(self, folder: Path, side: int = SIDE) -> None:
        """Open a store.

        Args:
            folder: Where the pictures are; created when the first one is added.
            side: Shortest side of a thumbnail, in pixels; smaller pictures are not enlarged.
        """
        super().__init__(folder, ".jpg")
        self.side = side

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

    def _header(self, path: Path) -> Image.Image | None:
        """The header of a stored picture; None when it is missing, damaged or unreadable."""
        try:
            return open_picture(path.read_bytes(), str(path))
        except (PictureError, OSError):
            return None
