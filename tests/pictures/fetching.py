"""Shared by the tests of the fetcher: short calls, a fake resolver, recorded sleeps."""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from pictures.errors import PictureError
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetcher
from tests.hostile_server import CERTIFICATE, TEST_TIMEOUT

HOST = "pictures.test"  # resolved by a fake resolver only
PUBLIC = "3ffe::1"  # in public space but unassigned, should a test connect to it
LONG_TIMEOUTS = FetchSettings(connect=60, read=60, total=120, allow_loopback=True, retries=0)
SHORT_TIMEOUTS = replace(LONG_TIMEOUTS, read=0.15, total=0.4)
SMALL_CAP = replace(LONG_TIMEOUTS, max_bytes=100_000)


class RecordedSleeps(list[float]):
    """Replaces sleeping; records the seconds."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class FakeResolver:
    """A fake resolver: for each name its answers in turn, the last one repeated."""

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
    settings: FetchSettings = LONG_TIMEOUTS,
    **given: Any,
) -> Any:
    async def run() -> Any:
        async with asyncio.timeout(TEST_TIMEOUT), Fetcher(settings, **given) as fetcher:
            return await work(fetcher)

    return asyncio.run(run())


def fetch(address: str, settings: FetchSettings = LONG_TIMEOUTS, **given: Any) -> bytes:
    return fetching(lambda fetcher: fetcher.fetch(address), settings, **given)


def fetch_error(
    address: str, settings: FetchSettings = LONG_TIMEOUTS, **given: Any
) -> PictureError:
    with pytest.raises(PictureError) as caught:
        fetch(address, settings, **given)
    return caught.value
