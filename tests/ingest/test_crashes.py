import json
import os
import subprocess
import sys
from pathlib import Path

from tests.ingest import crashing

ROOT = Path(__file__).parents[2]
# The least that each job must be killed at; a job that changes the disk in another way is a gap.
EVENTS = {
    "products": {"commit"},
    "images": {"commit", "replace"},
    "summaries": {"commit"},
    "vectors": {"commit", "append", "replace"},
}


def test_a_job_killed_around_any_event_ends_as_an_unbroken_one_when_it_is_run_again(
    tmp_path, tiny_clip
):
    done = subprocess.run(
        [sys.executable, "-m", crashing.__name__, tmp_path, tiny_clip],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {name: each["differs"] for name, each in found.items()} == {name: [] for name in EVENTS}
    for name, each in found.items():
        assert EVENTS[name] <= set(each["events"])
        assert each["killed"] == len(each["events"]) + 1
