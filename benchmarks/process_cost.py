"""What a process of Python costs: time, processor time, memory."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread

import psutil

from vitrine import Closing

ROOT = Path(__file__).parents[1]
MEGABYTE = 1 << 20
SAMPLING = 0.05  # seconds between two samples of memory: a shorter peak may be missed

# Between this process and the measured one: the highest memory of a process is, on Linux, at the
# least that of the process which started it.
LAUNCHER = """
import json, resource, subprocess, sys, time
started = time.perf_counter()
ran = subprocess.run(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
seconds = time.perf_counter() - started
print(json.dumps([seconds, used.ru_utime + used.ru_stime, used.ru_maxrss]))
sys.exit(ran.returncode)
"""


@dataclass(frozen=True)
class Cost:
    """What a process, or a step of it, cost.

    Attributes:
        seconds: from its start to its end.
        processor: seconds of processor time, all cores together.
        megabytes: highest resident memory; 0 for a step.
    """

    seconds: float
    processor: float
    megabytes: int = 0


def run_process(
    words: Sequence[str], environment: Mapping[str, str] | None = None, given: str = ""
) -> tuple[Cost, str]:
    """Run Python in the folder of the checkout, to its end.

    Args:
        words: Python's arguments.
        environment: variables; those of this process by default.
        given: on its stdin.

    Returns:
        Its cost, and what it printed.

    Raises:
        RuntimeError: it failed; with the end of what it wrote on stderr.
    """
    ran = subprocess.run(
        [sys.executable, "-c", LAUNCHER, sys.executable, *words],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise RuntimeError(ran.stderr[-1000:])
    *printed, measured = ran.stdout.splitlines()
    seconds, processor, kilobytes = json.loads(measured)
    return Cost(seconds, processor, kilobytes // 1024), "\n".join(printed)


class ChildrenPeak(Closing):
    """Samples the memory of the processes that this one starts from now on, until it is closed.

    Attributes:
        megabytes: highest anonymous memory of all of them together; mapped files are left out.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._before = frozenset(psutil.Process().children())
        self._ended = Event()
        self._thread = Thread(target=self._sample)
        self._thread.start()

    def close(self) -> None:
        """End sampling, with a last sample."""
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        this, ended = psutil.Process(), False
        while not ended:
            ended = self._ended.wait(SAMPLING)
            started = [each for each in this.children() if each not in self._before]
            self.megabytes = max(self.megabytes, sum(map(_own_mb_of_all, started)))


def own_mb(process: psutil.Process) -> float:
    """Anonymous memory of a process, MB, without mapped files; 0 once it has ended."""
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0.0
    return float(memory.rss - memory.shared) / MEGABYTE


def _own_mb_of_all(process: psutil.Process) -> float:
    """The same of a process and of those that it started."""
    try:
        return sum(map(own_mb, [process, *process.children(recursive=True)]))
    except psutil.NoSuchProcess:
        return 0.0
