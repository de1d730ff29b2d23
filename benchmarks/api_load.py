"""A server of the HTTP API in a process of its own, under the requests of another one."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.api_server import SWITCHES
from benchmarks.process_cost import MEGABYTE

PORT = 8423
ENOUGH = 10**9  # requests: more than there is time for


class Server:
    """A server in a process of its own.

    Args:
        process: of it.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = psutil.Process(process.pid)

    def load(
        self,
        bodies: Sequence[bytes],
        connections: int,
        seconds: int,
        most: int = ENOUGH,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> tuple[dict[str, Any], float]:
        """Send requests; returns what the client counted, and the server's processor time."""
        before = self._cpu()
        words = [PORT, connections, seconds, most]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as counted:
            given.write(b"\n".join(bodies))
            given.seek(0)
            client = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.api_client", *map(str, words)],
                stdin=given,
                stdout=counted,
            )
            while client.poll() is None:
                meanwhile()
                time.sleep(0.5)
            counted.seek(0)
            return json.load(counted), self._cpu() - before

    def own_mb(self) -> float:
        """Anonymous memory."""
        memory = self._process.memory_info()
        return (memory.rss - memory.shared) / MEGABYTE

    def metrics(self) -> dict[str, float]:
        """Sums and counts that the server measured, by name and labels."""
        with urlopen(f"http://127.0.0.1:{PORT}/metrics") as answer:
            families = text_string_to_metric_families(answer.read().decode())
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in families
            for sample in family.samples
        }

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system


@contextmanager
def serve(home: Path, left_out: Sequence[str]) -> Iterator[Server]:
    """A server of an installation, ready to answer, without the parts of `SWITCHES` named."""
    words = [SWITCHES[each] for each in left_out]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.api_server", "--port", str(PORT), *words],
        env={**os.environ, "VITRINE_HOME": str(home)},
        stderr=subprocess.DEVNULL,
    )
    try:
        while not _is_ready():
            if process.poll() is not None:
                raise RuntimeError(f"The server ended with status {process.returncode}.")
            time.sleep(0.1)
        yield Server(process)
    finally:
        process.terminate()
        process.wait()


def _is_ready() -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{PORT}/health/ready"):
            return True
    except (URLError, ConnectionError):
        return False
