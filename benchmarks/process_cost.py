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
    """Samples the memory of the processes that this one starts, until it is closed.

    Attributes:
        megabytes: highest anonymous memory of all of them together; mapped files are left out.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
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
            own = sum(map(own_mb, this.children(recursive=True)))
            self.megabytes = max(self.megabytes, own)


def own_mb(process: psutil.Process) -> float:
    """Anonymous memory of a process, MB; 0 once it has ended. Pages of mapped files are left out.

    A process that has not begun its own program shows the arguments and the memory of the one that
    starts it: it has none of its own.
    """
    try:
        parent = process.parent()
        if parent is None or process.cmdline() == parent.cmdline():
            return 0.0
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0.0
    return float(memory.rss - memory.shared) / MEGABYTE
