"""Pictures that visitors uploaded, by the hash of their content: an address can name one."""

import hashlib
import io
import time
from contextlib import suppress
from pathlib import Path

from PIL import Image

from pictures.content_folder import HASH, ContentFolder

FOLDER = "uploads"  # in the installation's folder
MAX_BYTES = 256 * 2**20  # some thousand pictures of the side that is kept
MAX_DAYS = 30  # since a picture was last shown


class Uploads(ContentFolder):
    """Decoded pictures as PNG files without metadata, bounded in bytes and in days of disuse."""

    def __init__(self, home: Path) -> None:
        """Open the folder of an installation; it is created when the first picture is added.

        Args:
            home: the installation's folder.
        """
        super().__init__(home / FOLDER, ".png")

    def add(self, image: Image.Image) -> str:
        """Keep a picture; idempotent.

        Args:
            image: RGB, of the side that a query needs.

        Returns:
            The hash of the file.

        Raises:
            VitrineError: it cannot be written.
        """
        file = io.BytesIO()
        # without a profile or other facts of the original: a photo may say where it was taken
        Image.frombytes(image.mode, image.size, image.tobytes()).save(file, "PNG")
        digest = hashlib.sha256(file.getvalue()).hexdigest()
        path = self.path(digest)
        if not path.exists():
            self._write(path, file.getvalue())
            self._delete_oldest()
        return digest

    def find(self, digest: str) -> Image.Image | None:
        """The picture of a hash; None where there is none, or its file is damaged."""
        if not HASH.fullmatch(digest):
            return None
        path = self.path(digest)
        try:
            with Image.open(path, formats=["PNG"]) as stored:
                image = stored.convert("RGB")
        except (OSError, SyntaxError):
            return None
        with suppress(OSError):  # a disk that is read only
            path.touch()
        return image

    def _delete_oldest(self) -> None:
        """Delete what was not shown for long, and more where there is too much."""
        oldest = time.time() - MAX_DAYS * 86_400
        kept = 0
        for when, size, path in sorted(self._files(), reverse=True):  # the last shown first
            kept += size
            if when < oldest or kept > MAX_BYTES:
                path.unlink(missing_ok=True)

    def _files(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*.png"):
            with suppress(OSError):  # another process has deleted it
                facts = path.stat()
                found.append((facts.st_mtime, facts.st_size, path))
        return found
