"""Processes that a test waits for."""

from collections.abc import Iterable

import psutil


def still_running(processes: Iterable[psutil.Process], timeout: float = 120.0) -> list[int]:
    """The ids of those that have not ended after `timeout` seconds; zombies have."""
    _, alive = psutil.wait_procs(list(processes), timeout=timeout)
    return [process.pid for process in alive if process.status() != psutil.STATUS_ZOMBIE]
