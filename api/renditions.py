"""Stored pictures as WebP files of a few widths, the last ones kept in memory."""

import io
import threading
from pathlib import Path
from typing import Annotated, Literal

from cachetools import LRUCache
from PIL import Image
from pydantic import BeforeValidator

from pictures.content_folder import HASH
from pictures.store import PictureStore

# A few widths alone, so that a client cannot fill the memory with sizes.
Width = Annotated[Literal[80, 160, 320, 480, 640], BeforeValidator(int)]  # of a text, too
DEFAULT_WIDTH: Width = 480  # a card of 240 on a screen of two pixels a point
QUALITY = 82  # WebP at which photos of products show no artefacts at the size they are shown
KEPT_BYTES = 64 * 2**20  # some thousands at 15 KB


class Renditions:
    """Makes renditions of a shop's pictures; threads may share it.

    Args:
        home: the installation's folder.
    """

    def __init__(self, home: Path) -> None:
        self._store = PictureStore(home / "images")
        self._kept = LRUCache[tuple[str, int], bytes](KEPT_BYTES, len)
        self._lock = threading.Lock()

    def rendition(self, digest: str, width: Width) -> bytes | None:
        """A picture as WebP; None where there is none, or its file is damaged.

        Args:
            digest: the picture's content hash.
            width: in pixels; a picture is not enlarged.
        """
        if not HASH.fullmatch(digest):
            return None
        key = (digest, width)
        with self._lock:
            if key in self._kept:
                return self._kept[key]
        made = _make(self._store.path(digest), width)
        if made:
            with self._lock:
                self._kept[key] = made
        return made


def _make(path: Path, width: int) -> bytes | None:
    try:
        with Image.open(path, formats=["JPEG"]) as stored:
            image = stored.convert("RGB")
    except (OSError, SyntaxError):
        return None
    if image.width > width:
        height = max(1, round(image.height * width / image.width))
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, "WEBP", quality=QUALITY)
    return file.getvalue()
