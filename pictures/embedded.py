"""Pictures that a feed itself contains: the bytes of a cell, or a `data:` address.

    HOME/embedded/ab/ab12…    the original bytes, by their hash

A product names such a picture by a short address, so that no row of the catalogue holds a picture:

    embedded:ab12…            the bytes with this SHA-256
    embedded:too-many-bytes   a value that was refused, and why: a key of `REFUSALS`

A reader of feeds calls `EmbeddedPictures.add` with each such value and puts the address that it
returns into `Product.images`. Nothing is decoded there: the job of images reads the bytes by that
address and records what they are, or why there are none.
"""

import hashlib
from pathlib import Path

from pictures.content_folder import HASH, ContentFolder
from pictures.data_address import too_many_bytes, unpack
from pictures.errors import PictureError, shorten

PREFIX = "embedded:"
MAX_BYTES = 16 * 2**20  # the cap on a picture from the web, too: product photos stay below 10 MiB

# The last part of a refused value's address → its reason and sentence.
REFUSALS = {
    "empty": ("empty", "The feed has a picture of no bytes."),
    "too-many-bytes": (
        "too many bytes",
        f"The feed has a picture of more than {MAX_BYTES // 2**20} MiB.",
    ),
    "bad-data-address": (
        "bad data address",
        "The feed has a data: address that cannot be unpacked.",
    ),
    "unreadable-file": (
        "unreadable file",
        "The feed's archive has a picture that is damaged or has a password.",
    ),
}


def is_embedded(address: str) -> bool:
    """Whether an address is that of an embedded picture."""
    return address.startswith(PREFIX)


def refused_address(reason: str) -> str:
    """The address of a value that is refused, for a reason of `REFUSALS`."""
    return PREFIX + reason.replace(" ", "-")


def embedded_address(value: bytes | str) -> str:
    """The address that `EmbeddedPictures.add` returns for a value; nothing is kept."""
    return _address_and_data(value)[0]


class EmbeddedPictures(ContentFolder):
    """The embedded pictures of an installation. Threads and processes may share them."""

    def __init__(self, home: Path) -> None:
        """Open those of an installation; the folder is created with the first one.

        Args:
            home: The installation's folder.
        """
        super().__init__(home / "embedded")

    def add(self, value: bytes | str) -> str:
        """Keep a picture's bytes; idempotent: what is there is not written again.

        Args:
            value: The bytes of a picture file, or a `data:` address.

        Returns:
            Its address for `Product.images`. Of a value that is refused (no bytes, over
            `MAX_BYTES`, no valid `data:` address) an address that has the reason, which `read`
            raises and the job of images records.

        Raises:
            VitrineError: The disk is full or cannot be written.
        """
        address, data = _address_and_data(value)
        if data:
            path = self.path(address.removeprefix(PREFIX))
            if not _holds(path, data):
                self._write(path, data)
        return address

    def read(self, address: str) -> bytes:
        """The bytes of the picture at an address that `add` returned.

        Raises:
            PictureError: "missing file", "unreadable file", or a reason of `REFUSALS`.
        """
        name = address.removeprefix(PREFIX)
        if name in REFUSALS:
            raise PictureError(*REFUSALS[name])
        missing = PictureError(
            "missing file",
            f"{shorten(address)} is not kept here: read the feed that contains it again.",
        )
        if not HASH.fullmatch(name):
            raise missing
        path = self.path(name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise missing from None
        except OSError as error:
            raise PictureError(
                "unreadable file", f"{shorten(address)} cannot be read: {error.strerror}."
            ) from error
        if hashlib.sha256(data).hexdigest() != name:  # damaged: `add` writes it anew
            raise missing
        return data


def _holds(path: Path, data: bytes) -> bool:
    """Whether a file has this content."""
    try:
        return path.stat().st_size == len(data) and path.read_bytes() == data
    except OSError:
        return False


def _address_and_data(value: bytes | str) -> tuple[str, bytes]:
    """The address of a value, and its bytes; none where it is refused."""
    try:
        data = unpack(value, MAX_BYTES) if isinstance(value, str) else value
        if not data:
            raise PictureError(*REFUSALS["empty"])
        if len(data) > MAX_BYTES:
            raise too_many_bytes("The picture", MAX_BYTES)
    except PictureError as error:
        return refused_address(error.reason), b""
    return PREFIX + hashlib.sha256(data).hexdigest(), data
