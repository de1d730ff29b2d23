"""Threads that repeat some work while a test does something else."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Self

WAIT = 120  # seconds after which the work has hung


class Repetition:
    """Repeats work in threads until the `with` ends, which raises what the work has raised.

    Every thread has done the work once before the body begins.

    Args:
        work: What is repeated.
        threads: How many repeat it.
    """

    def __init__(self, work: Callable[[], object], threads: int = 1) -> None:
        self._work = work
        self._done = [0] * threads
        self._changed = threading.Condition()
        self._stopped = False

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(len(self._done))
        self._running = [self._pool.submit(self._repeat, row) for row in range(len(self._done))]
        self.wait(times=1)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()
        self._pool.shutdown()
        for each in self._running:
            each.result()

    def wait(self, times: int = 2) -> None:
        """Block until each thread has ended the work so many times more, or one has failed.

        The first may have begun before this call, the second has not.
        """
        with self._changed:
            goal = [done + times for done in self._done]
            assert self._changed.wait_for(
                lambda: self._stopped or all(map(int.__ge__, self._done, goal)), WAIT
            )

    def _repeat(self, row: int) -> None:
        try:
            while not self._stopped:
                self._work()
                with self._changed:
                    self._done[row] += 1
                    self._changed.notify_all()
        finally:
            self._stop()

    def _stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
