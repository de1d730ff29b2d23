"""Threads for calls that block, with a bound on those that wait."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from pictures.limit import Busy

T = TypeVar("T")


class Threads:
    """Runs calls that block; more than a bound are refused instead of waiting.

    Args:
        name: of the threads.
        count: calls that run at once.
        waiting: calls that may wait besides.
    """

    def __init__(self, name: str, count: int, waiting: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._most = count + waiting
        self._calls = 0

    async def run(self, call: Callable[..., T], *args: object) -> T:
        """Call a function in one of the threads; use it from one event loop alone.

        Raises:
            Busy: too many calls wait.
        """
        if self._calls >= self._most:
            raise Busy("Too many requests wait for an answer; try again in a moment.")
        self._calls += 1
        future = self._executor.submit(call, *args)
        # Counted until the call has ended, also where nobody waits for it any more.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._end))
        return await asyncio.wrap_future(future)

    def _end(self) -> None:
        self._calls -= 1

    def close(self) -> None:
        """Wait for the calls under way; calls that still wait are dropped."""
        self._executor.shutdown(cancel_futures=True)
