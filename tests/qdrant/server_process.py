"""A server that tests kill and start again."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Process:
    """The fake server as a process of its own; it can be killed and started again.

    Args:
        folder: where it keeps what it is sent; in memory, and so until it is killed, if None.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.port = 0
        self.start()

    def start(self) -> None:
        words = [sys.executable, "-m", "tests.qdrant.fake_server", str(self.port)]
        words += [str(self.folder)] if self.folder else []
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def restart(self) -> None:
        """Kill it and start it again where it was."""
        self.kill()
        self.start()
