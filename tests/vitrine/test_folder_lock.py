"""The lock of a folder, between processes."""

import subprocess
import sys

import pytest

from vitrine.folder_lock import locked

HOLDING = """
import os, sys
from pathlib import Path
from vitrine.folder_lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_ends_with_its_process_and_leaves_no_file(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError), locked(tmp_path, wait=False):
            pass
        holder.kill()
    with locked(tmp_path, wait=False):
        assert list(tmp_path.iterdir()) == []
