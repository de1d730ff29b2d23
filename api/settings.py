"""The server's settings, which its processes read from the environment."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from pictures.public_addresses import read_public_url
from vitrine import VitrineError
from vitrine.text import number_in

FETCH = "VITRINE_API_FETCH"
KEYS = "VITRINE_API_KEYS"
ORIGINS = "VITRINE_API_ORIGINS"
RATE = "VITRINE_API_RATE"

LOOPBACK = ("localhost", "127.0.0.1", "::1")
SHORTEST_KEY = 16  # characters: 64 bits as hex, which nobody can try out over a network


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the server.

    Attributes:
        public_url: the server's address as clients see it, without a slash at the end; empty has
            pictures named by their path alone.
        fetch: whether the picture of a query may be at an address on the web.
        keys: API keys, of which each request must have one; empty where none is needed.
        hosts: names that the server answers to; empty for any.
        origins: of pages whose scripts may read the answers (CORS); "*" is any.
        rate: requests a second for each key or, without keys, each address; 0 is no limit.
    """

    public_url: str = ""
    fetch: bool = True
    keys: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    rate: float = 0.0

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of an environment.

        Without keys the server answers to the names of loopback and to its public one alone.

        Raises:
            VitrineError: one of them cannot be used.
        """
        url = read_public_url(environment)
        keys = _keys(environment.get(KEYS, ""))
        return cls(
            url,
            environment.get(FETCH, "1") != "0",
            keys,
            () if keys else tuple(filter(None, (*LOOPBACK, urlsplit(url).hostname))),
            tuple(environment.get(ORIGINS, "").split()),
            _rate(environment.get(RATE, "0")),
        )


def _keys(written: str) -> tuple[str, ...]:
    keys = tuple(written.replace(",", " ").split())
    if any(len(key) < SHORTEST_KEY or not key.isascii() for key in keys):
        raise VitrineError(
            f"A key of {KEYS} has fewer than {SHORTEST_KEY} characters, or others than ASCII: make "
            "one with `openssl rand -hex 32`."
        )
    return keys


def _rate(written: str) -> float:
    rate = number_in(written or "0")
    if not 0 <= rate < math.inf:
        raise VitrineError(f"{RATE} is {written}: set it to requests a second, or 0 for no limit.")
    return rate
