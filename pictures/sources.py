"""The bytes of a picture on this machine: in a file, or in a `data:` address.

Reasons of a `PictureError` here:

    missing file, not a file, unreadable file, empty
    bad data address     a data: address that is not RFC 2397, or whose base64 is broken
    web address          http(s): `pictures.fetcher` fetches it
    refused path         outside the folder of its feed, without --allow-paths
    unknown address      another scheme
    too many bytes       more than `MAX_BYTES`
"""

import base64
import binascii
import re
import stat
from pathlib import Path
from urllib.parse import unquote_to_bytes

from PIL import Image

from pictures.decoder import decode
from pictures.errors import PictureError, shorten

MAX_BYTES = 64 * 2**20  # of one file: above any photo; 16 threads may each hold one

WEB = re.compile(r"https?:", re.IGNORECASE)
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # two letters at least: C: is a drive

# Before a path that a feed may not name: a feed may come from somebody who may not read every file
# of this machine.
OUTSIDE = "outside:"


def is_web(address: str) -> bool:
    """Whether an address is to be fetched over http(s)."""
    return WEB.match(address) is not None


def is_local(address: str) -> bool:
    """Whether an address is a path on this machine."""
    return SCHEME.match(address) is None


def read_source(address: str) -> bytes:
    """Read the bytes behind a picture's address.

    Args:
        address: A local path or a `data:` address.

    Raises:
        PictureError: With a reason of the module's list.
    """
    if address[:5].casefold() == "data:":
        return _read_data(address)
    if is_web(address):
        raise PictureError("web address", f"{shorten(address)} is an address on the web.")
    if address.startswith(OUTSIDE):
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
    return _read_file(address)


def open_file(path: Path) -> Image.Image:
    """Read and decode a picture file of our own, in this process.

    Raises:
        PictureError: With a reason of this module's list or of the decoder's.
    """
    return decode(_read_file(str(path)), shorten(path))


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


def _from_base64(encoded: bytes) -> bytes:
    """Decode base64 with white space, without padding, or in the URL-safe alphabet."""
    encoded = b"".join(encoded.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)


def _read_file(address: str) -> bytes:
    name = shorten(address)
    try:
        status = Path(address).stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would block
            raise PictureError("not a file", f"{name} is a folder or a device, not a file.")
        if status.st_size == 0:  # as of files in /proc, and reading some of these would block
            raise PictureError("empty", f"{name} is empty.")
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
