"""What the fetcher's tests share: short ways to fetch, a fake resolver, waits without waiting."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetched, Fetcher, FetchError
from tests.hostile_server import CERTIFICATE, PATIENCE

NAME = "pictures.test"  # a name that exists nowhere: only a fake resolver leads to the web
PUBLIC = "3ffe::1"  # in the public's space, but given to nobody, should a test get as far
PATIENT = FetchSettings(connect=10, read=10, total=20, allow_loopback=True, retries=0)
HURRIED = replace(PATIENT, read=0.15, total=0.4)
SMALL = replace(PATIENT, max_bytes=100_000)


class Sleeps(list[float]):
    """Stands in for waiting; remembers how long it would have been."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Names:
    """A fake resolver: for each name the answers in turn, the last one again and again."""

    def __init__(self, **answers: list[list[str]]) -> None:
        self.answers = {name.replace("_", "."): given for name, given in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise OSError("no such name")
        given = self.answers[host]
        return given.pop(0) if len(given) > 1 else given[0]


def trusting() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=CERTIFICATE)


def fetching(
    work: Callable[[Fetcher], Coroutine[Any, Any, Any]],
    settings: FetchSettings = PATIENT,
    **given: Any,
) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(PATIENCE), Fetcher(settings, **given) as fetcher:
            return await work(fetcher)

    return asyncio.run(run())


def fetch(address: str, settings: FetchSettings = PATIENT, **given: Any) -> Fetched:
    return fetching(lambda fetcher: fetcher.fetch(address), settings, **given)


def failure(address: str, settings: FetchSettings = PATIENT, **given: Any) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(address, settings, **given)
    return caught.value
