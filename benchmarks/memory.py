"""A process's own memory, watched from outside while it works."""

import subprocess
import threading
from pathlib import Path

# Seconds between two looks: a peak that is shorter may be missed.
LOOK = 0.05


def own_mb(process: int) -> float:
    """Memory of a process's own, MB; pages of files, which the system takes back, are not counted.

    0 for a process that has ended.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon")]
    return round(int(found[0]) / 1024, 1) if found else 0.0


def children(process: int) -> list[int]:
    """The processes that a process started and that still run."""
    try:
        tasks = list(Path(f"/proc/{process}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


class Watch:
    """The greatest memory of a running process, and of those that it started, until it ends.

    Attributes:
        own_mb: of the process itself, MB.
        children_mb: of all that it started together, MB.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.own_mb = self.children_mb = 0.0
        self._process = process
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK):
            self.own_mb = max(self.own_mb, own_mb(self._process.pid))
            theirs = sum(own_mb(child) for child in children(self._process.pid))
            self.children_mb = max(self.children_mb, theirs)
