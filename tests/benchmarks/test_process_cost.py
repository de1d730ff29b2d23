"""What a process costs is its own, whatever the process that started it takes."""

import subprocess
import sys
from contextlib import contextmanager

import pytest

from benchmarks.process_cost import ChildrenPeak, run_process


@contextmanager
def holding(megabytes):
    """A process that holds so much memory until it reads a line."""
    code = f"held = b'x' * {megabytes}_000_000; print('held'); input()"
    with subprocess.Popen([sys.executable, "-uc", code], stdin=-1, stdout=-1, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process


def test_a_process_has_its_own_memory_and_what_it_printed():
    held = b"x" * 300_000_000
    cost, printed = run_process(["-c", "import sys; print(sys.stdin.read())"], given="one\ntwo")
    assert len(held) == 300_000_000
    assert printed.strip() == "one\ntwo"
    assert 1 <= cost.megabytes < 200
    assert cost.processor > 0


def test_a_process_that_fails_is_an_error_with_what_it_wrote():
    with pytest.raises(RuntimeError, match="ValueError: no such shop"):
        run_process(["-c", "raise ValueError('no such shop')"])


def test_the_highest_memory_is_that_of_processes_started_meanwhile():
    held = b"x" * 300_000_000
    with holding(250) as earlier, ChildrenPeak() as peak, holding(100) as child:
        peak.close()
        child.communicate("\n")
        earlier.communicate("\n")
    assert len(held) == 300_000_000
    assert 90 < peak.megabytes < 200
