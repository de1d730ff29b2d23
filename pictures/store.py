"""Pictures: where their bytes come from, and the store that keeps them by content."""

import base64
import binascii
import hashlib
import os
import re
import stat
import threading
from collections.abc import Callable, Container
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PIL import Image

from pictures.decoder import MAX_PIXELS, open_picture, to_rgb
from pictures.errors import PictureError, PictureStoreError, shorten
from pictures.thumbnail import SIDE, Thumbnail, make_thumbnail

__all__ = [
    "MAX_PIXELS",
    "REASONS",
    "PictureError",
    "PictureStore",
    "StoredPicture",
    "decode",
    "is_local",
    "read_source",
]

# Why a picture on this machine cannot be had; the web adds its own (`pictures.fetcher`).
REASONS = (
    "empty",
    "not a picture",
    "truncated",
    "broken",
    "too many pixels",
    "too many bytes",
    "too small",
    "too narrow",
    "missing file",
    "not a file",
    "unreadable file",
    "bad data address",
    "web address",
    "unknown address",
)

MAX_BYTES = 64 * 2**20  # of one file: above any photo, below what hurts when 16 threads read


WEB = re.compile(r"https?://", re.IGNORECASE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)
HASH = re.compile(r"[0-9a-f]{64}")


def decode(data: bytes | Path, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Decode a picture: first frame, upright, transparency on white, 8-bit RGB.

    Args:
        data: The whole file, or where it lies.
        max_pixels: Cap on width × height, held against the header before anything is decoded.

    Raises:
        PictureError: With one of `REASONS`.
    """
    name = "The picture"
    if isinstance(data, Path):
        name, data = shorten(str(data)), _read_file(str(data))
    return to_rgb(open_picture(data, name, max_pixels), name)


def is_local(address: str) -> bool:
    """Whether an address is a path on this machine."""
    return SCHEME.match(address) is None


def read_source(address: str) -> bytes:
    """The bytes behind a picture's address.

    Args:
        address: A local path or a `data:` address.

    Raises:
        PictureError: With one of `REASONS`; "web address" for http(s), which is fetched elsewhere.
    """
    if address[:5].casefold() == "data:":
        return _read_data(address)
    if WEB.match(address):
        raise PictureError("web address", f"{shorten(address)} lies on the web.")
    if not is_local(address):
        raise PictureError(
            "unknown address", f"{shorten(address)} is neither a file, nor data:, nor http(s)."
        )
    return _read_file(address)


def _read_data(address: str) -> bytes:
    """Unpack a data: address (RFC 2397), base64 or percent-encoded."""
    head, comma, body = address.partition(",")
    if len(body) > 3 * MAX_BYTES:  # percent-encoding is three characters a byte at most
        raise _too_many_bytes(address)
    data = unquote_to_bytes(body)
    try:
        if head.casefold().rstrip().endswith(";base64"):
            data = _from_base64(data)
    except binascii.Error:
        comma = ""
    if not comma:
        raise PictureError("bad data address", f"{shorten(address)} cannot be unpacked.")
    if len(data) > MAX_BYTES:
        raise _too_many_bytes(address)
    return data


def _from_base64(packed: bytes) -> bytes:
    """Base64 as it is found: with white space, without its end, in the alphabet of addresses."""
    packed = b"".join(packed.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)


def _read_file(address: str) -> bytes:
    name = shorten(address)
    try:
        status = Path(address).stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe would wait for ever
            raise PictureError("not a file", f"{name} is a folder or a device, not a file.")
        if status.st_size > MAX_BYTES:
            raise _too_many_bytes(address)
        return Path(address).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureError("missing file", f"There is no file {name}.") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        cause = getattr(error, "strerror", None) or error
        raise PictureError("unreadable file", f"{name} cannot be read: {cause}.") from error


def _too_many_bytes(address: str) -> PictureError:
    sentence = f"{shorten(address)} is larger than {MAX_BYTES // 2**20} MiB."
    return PictureError("too many bytes", sentence)


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture in the store.

    Attributes:
        hash: SHA-256 of the original bytes, in hex.
        width: In pixels, as kept.
        height: In pixels, as kept.
        bytes: Size of the file kept.
        new: Whether it was not there before.
    """

    hash: str
    width: int
    height: int
    bytes: int
    new: bool


class PictureStore:
    """Pictures as small JPEGs, named by the hash of their original bytes: ab/ab12….jpg.

    Threads and processes may add the same picture at the same time. A file under its own name is
    always whole: it is written elsewhere, brought to disk, and then renamed.
    """

    def __init__(self, folder: Path, side: int = SIDE) -> None:
        """Open a store.

        Args:
            folder: Where the pictures lie; made when the first one comes.
            side: The shortest side kept, in pixels; smaller pictures are not enlarged.
        """
        self.folder = folder
        self.side = side
        self._parts = folder / ".parts"

    def add(self, data: bytes, name: str = "The picture") -> StoredPicture:
        """Keep a picture.

        Args:
            data: The original file.
            name: What a sentence about it calls it: its address.

        Raises:
            PictureError: It is no picture that can be kept, with one of `REASONS`.
            PictureStoreError: The disk is full or cannot be written.
        """
        digest, found = self.find(data)
        return found or self.keep(digest, make_thumbnail(data, self.side, shorten(name)))

    def find(self, data: bytes) -> tuple[str, StoredPicture | None]:
        """A picture's hash, and what the store has of it, if that is there and sound."""
        digest = hashlib.sha256(data).hexdigest()
        path = self.path(digest)
        kept = self._kept(path)
        if kept is None:
            return digest, None
        return digest, StoredPicture(digest, *kept.size, path.stat().st_size, new=False)

    def keep(self, digest: str, thumbnail: Thumbnail) -> StoredPicture:
        """Keep the small JPEG of a picture under its hash.

        Raises:
            PictureStoreError: The disk is full or cannot be written.
        """
        self._write(self.path(digest), thumbnail.data)
        return StoredPicture(
            digest, thumbnail.width, thumbnail.height, len(thumbnail.data), new=True
        )

    def prune(self, wanted: Callable[[str], Container[str]]) -> int:
        """Delete pictures that nobody wants any more. Gives how many there were.

        Args:
            wanted: Takes the first two digits of hashes, gives those to be left alone.
        """
        gone = 0
        for shelf in sorted(self.folder.glob("[0-9a-f][0-9a-f]")):
            hashes = wanted(shelf.name)
            for path in shelf.glob("*.jpg"):
                if path.stem not in hashes:
                    path.unlink()
                    gone += 1
        return gone

    def path(self, digest: str) -> Path:
        """Where a picture lies, or would."""
        if not HASH.fullmatch(digest):
            raise ValueError(f"{digest!r} is not a picture's hash")
        return self.folder / digest[:2] / f"{digest}.jpg"

    def open(self, digest: str) -> Image.Image:
        """A stored picture, as RGB. Raises PictureError when it is gone or damaged."""
        return decode(self.path(digest))

    def sweep(self) -> None:
        """Remove what dead processes left unfinished; for whoever alone adds pictures now."""
        with suppress(OSError):
            for part in self._parts.iterdir():
                part.unlink()

    def _kept(self, path: Path) -> Image.Image | None:
        """The header of a stored picture, if it is there and sound."""
        try:
            return open_picture(path.read_bytes(), str(path)) if path.exists() else None
        except PictureError:
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
            raise PictureStoreError(
                f"{path} cannot be written: {error.strerror}. Free some space or mend the folder, "
                "then run the same command again: it goes on where it stopped."
            ) from error
