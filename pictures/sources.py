"""The bytes of a picture on this machine: in a file, or embedded in a feed.

Reasons of a `PictureError` here:

    missing file, not a file, unreadable file, empty
    bad data address     a data: address that is not RFC 2397, or whose base64 is broken
    web address          http(s): `pictures.fetcher` fetches it
    refused path         outside the folder that the product's pictures must lie in
    unknown address      another scheme
    too many bytes       more than `MAX_BYTES`
"""

import os
import re
import stat
from pathlib import Path

from PIL import Image

from pictures.data_address import is_data, too_many_bytes, unpack
from pictures.decoder import decode
from pictures.embedded import EmbeddedPictures, is_embedded
from pictures.errors import PictureError, shorten

MAX_BYTES = 64 * 2**20  # of one file: above any photo; 16 threads may each hold one

WEB = re.compile(r"https?:", re.IGNORECASE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # two letters at least: C: is a drive

# Before a refused path, in the rows of catalogues that an earlier version made.
OUTSIDE = "outside:"


def is_web(address: str) -> bool:
    """Whether an address is to be fetched over http(s)."""
    return WEB.match(address) is not None


def is_local(address: str) -> bool:
    """Whether an address is a path on this machine."""
    return SCHEME.match(address) is None


def is_outside(address: str, folder: str) -> bool:
    """Whether an address is a path that a product may not name.

    A feed may come from somebody who may not read every file of this machine.

    Args:
        address: A picture's address.
        folder: The folder that the product's pictures must lie in; empty for any.
    """
    inside = not folder or Path(os.path.normpath(address)).is_relative_to(folder)
    return is_local(address) and not inside


def read_source(
    address: str, *, embedded: EmbeddedPictures | None = None, folder: str = ""
) -> bytes:
    """Read the bytes behind a picture's address.

    Args:
        address: A local path, a `data:` address, or that of an embedded picture.
        embedded: The installation's embedded pictures, where the address may be one of these.
        folder: The folder that a local path must lie in; empty for any.

    Raises:
        PictureError: With a reason of the module's list, or of `pictures.embedded`.
    """
    if is_data(address):
        return unpack(address, MAX_BYTES)
    if is_web(address):
        raise PictureError("web address", f"{shorten(address)} is an address on the web.")
    if embedded is not None and is_embedded(address):
        return embedded.read(address)
    if address.startswith(OUTSIDE) or is_outside(address, folder):
        path = shorten(address.removeprefix(OUTSIDE))
        raise PictureError(
            "refused path",
            f"{path} is outside the folder of its feed. Read the feed with --allow-paths if "
            "pictures may come from anywhere on this machine.",
        )
    if not is_local(address):
        raise PictureError(
            "unknown address", f"{shorten(address)} is neither a file, nor data:, nor http(s)."
        )
    # normalised, as it was compared: `link/..` is elsewhere where link is a symbolic link
    return _read_file(os.path.normpath(address) if folder else address)


def open_file(path: Path) -> Image.Image:
    """Read and decode a picture file of our own, in this process.

    Raises:
        PictureError: With a reason of this module's list or of the decoder's.
    """
    return decode(_read_file(str(path)), shorten(path))


def _read_file(address: str) -> bytes:
    name = shorten(address)
    try:
        status = Path(address).stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would block
            raise PictureError("not a file", f"{name} is a folder or a device, not a file.")
        if status.st_size == 0:  # as of files in /proc, and reading some of these would block
            raise PictureError("empty", f"{name} is empty.")
        if status.st_size > MAX_BYTES:
            raise too_many_bytes(address, MAX_BYTES)
        return Path(address).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise PictureError("missing file", f"There is no file {name}.") from error
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the path
        cause = getattr(error, "strerror", None) or error
        raise PictureError("unreadable file", f"{name} cannot be read: {cause}.") from error
