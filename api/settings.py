"""The server's settings, which its processes read from the environment."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from vitrine import VitrineError

PUBLIC_URL = "VITRINE_PUBLIC_URL"
FETCH = "VITRINE_API_FETCH"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the server.

    Attributes:
        public_url: the server's address as clients see it, without a slash at the end; empty has
            pictures named by their path alone.
        fetch: whether the picture of a query may be at an address on the web.
    """

    public_url: str = ""
    fetch: bool = True

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of an environment.

        Raises:
            VitrineError: one of them cannot be used.
        """
        url = environment.get(PUBLIC_URL, "").strip().rstrip("/")
        if url and not _is_web(url):
            raise VitrineError(
                f"{PUBLIC_URL} is {url}: set it to the server's address, as https://api.shop.example."
            )
        return cls(url, environment.get(FETCH, "1") != "0")


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
