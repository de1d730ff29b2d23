"""Addresses of stored pictures, as clients of the HTTP API see them."""

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from vitrine import VitrineError

PUBLIC_URL = "VITRINE_PUBLIC_URL"
PICTURES = "/v1/pictures"  # of the API; what follows is the hash of the content


def read_public_url(environment: Mapping[str, str] = os.environ) -> str:
    """The API's address as clients see it, without a slash at the end; empty where it is not set.

    Raises:
        VitrineError: it is no address of a server, or has a user, a query or a fragment.
    """
    written = environment.get(PUBLIC_URL, "").strip()
    if not written:
        return ""
    try:
        parts = urlsplit(written)
        unusable = parts.port == 0  # reading a port that is no number raises
    except ValueError:
        parts, unusable = urlsplit(""), True
    if (
        unusable
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or not written.isprintable()
        or any(sign in written for sign in " ?#@")
    ):
        raise VitrineError(
            f"{PUBLIC_URL} is {written!a}: set it to the API's address, as https://api.shop.example."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def picture_address(public_url: str, digest: str) -> str:
    """The address of a stored picture as WebP; its path alone where the public URL is empty.

    Args:
        public_url: of `read_public_url`.
        digest: the hash of the picture's content.
    """
    return f"{public_url}{PICTURES}/{digest}.webp"
