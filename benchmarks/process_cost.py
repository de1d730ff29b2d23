"""What a process of Python costs: time, processor time, memory."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEGABYTE_KB = 1024

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
    return Cost(seconds, processor, kilobytes // MEGABYTE_KB), "\n".join(printed)
