"""The real server of the pages, for the benchmarks that visit them."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.process_cost import MEGABYTE
from vitrine import VitrineError

FAULTS = ("Traceback", "Error", "Exception", "unexpected")  # in a line of the server's log


@dataclass(frozen=True)
class PageServer:
    """A running server.

    Attributes:
        address: of the page, without a slash at its end.
        process: the server's.
        log: the file of what it writes on stderr.
    """

    address: str
    process: psutil.Process
    log: Path

    def resident_mb(self) -> float:
        """Resident memory of the server and of the processes it has started."""
        total = 0
        for process in [self.process, *self.process.children(recursive=True)]:
            try:
                total += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total / MEGABYTE

    def processor_seconds(self) -> float:
        """Seconds of processor time that the server itself has used."""
        used = self.process.cpu_times()
        return used.user + used.system

    def faults(self) -> list[str]:
        """The lines of the log that report an error."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if any(fault in line for fault in FAULTS)]


@contextmanager
def serve_page(home: Path) -> Iterator[PageServer]:
    """Serve a shop's page, as its visitors see it, until the block ends.

    Raises:
        VitrineError: the server ended before it listened.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with log.open("wb") as written:
            server = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "vitrine",
                    "app",
                    "--host",
                    "127.0.0.1",
                    "--port",
                    str(port),
                ],
                env=os.environ | {"VITRINE_AUDIENCE": "shop", "VITRINE_HOME": str(home)},
                stdout=subprocess.PIPE,
                stderr=written,
                text=True,
            )
        try:
            if not any("URL:" in line for line in server.stdout or ()):
                raise VitrineError("The server of the page ended before it listened.")
            yield PageServer(f"http://127.0.0.1:{port}", psutil.Process(server.pid), log)
        finally:
            server.kill()
            server.wait()
