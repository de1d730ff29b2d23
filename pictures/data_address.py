"""`data:` addresses (RFC 2397), which carry the bytes of a picture themselves."""

import base64
import binascii
from urllib.parse import unquote_to_bytes

from pictures.errors import PictureError, shorten

PREFIX = "data:"


def is_data(address: str) -> bool:
    """Whether an address is a `data:` address."""
    return address[: len(PREFIX)].casefold() == PREFIX


def unpack(address: str, max_bytes: int) -> bytes:
    """The bytes of a `data:` address, base64 or percent-encoded.

    Args:
        address: The address.
        max_bytes: The cap on the bytes.

    Raises:
        PictureError: "bad data address" or "too many bytes".
    """
    head, comma, body = address.partition(",")
    if len(body) > 3 * max_bytes:  # percent-encoding is three characters a byte at most
        raise too_many_bytes(address, max_bytes)
    data = unquote_to_bytes(body)
    try:
        if head.casefold().rstrip().endswith(";base64"):
            data = _from_base64(data)
    except binascii.Error:
        comma = ""
    if not comma:
        raise PictureError("bad data address", f"{shorten(address)} cannot be unpacked.")
    if len(data) > max_bytes:
        raise too_many_bytes(address, max_bytes)
    return data


def too_many_bytes(name: str, max_bytes: int) -> PictureError:
    """The error of a picture above a cap on its bytes."""
    sentence = f"{shorten(name)} is larger than {max_bytes // 2**20} MiB."
    return PictureError("too many bytes", sentence)


def _from_base64(encoded: bytes) -> bytes:
    """Decode base64 with white space, without padding, or in the URL-safe alphabet."""
    encoded = b"".join(encoded.split()).rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(encoded + b"=" * (-len(encoded) % 4), validate=True)
