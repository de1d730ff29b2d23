import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_died_around_any_event_is_made_good_by_the_next(tmp_path, tiny_clip, when):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("crashing.py"), tmp_path, tiny_clip, when],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *differences, totals = [json.loads(line) for line in done.stdout.splitlines()]
    assert differences == []
    assert {"replace", "commit", "append"} <= set(totals["events"])
    assert totals["deaths"] == len(totals["events"])
