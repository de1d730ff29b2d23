"""What a process costs is its own, whatever the process that started it takes."""

import subprocess
import sys

import pytest

from benchmarks.process_cost import ChildrenPeak, run_process


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


def test_the_highest_memory_of_started_processes_is_theirs_alone():
    held = b"x" * 300_000_000
    code = "held = b'x' * 100_000_000; print('held'); input()"
    with (
        ChildrenPeak() as peak,
        subprocess.Popen([sys.executable, "-uc", code], stdin=-1, stdout=-1, text=True) as child,
    ):
        assert child.stdout.readline() == "held\n"
        peak.close()
        child.communicate("\n")
    assert len(held) == 300_000_000
    assert 90 < peak.megabytes < 200
