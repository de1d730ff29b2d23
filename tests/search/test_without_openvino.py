"""Without openvino and nncf torch runs the models: a whole shop, from its feed on."""

import json
import os
import subprocess
import sys
from pathlib import Path

from encoder.runtimes.runtime import VARIABLE
from tests import shop

ROOT = Path(__file__).parents[2]

# The commands that a person types, in one process.
COMMANDS = """
import sys
for missing in ("openvino", "nncf"):
    sys.modules[missing] = None  # its import fails
from vitrine.__main__ import app
base, feed = sys.argv[1:]
for words in (
    ["add", "tiny", "--base", base],
    ["ingest", "all", feed, "--variant", "tiny"],
    ["search", "crimson lipstick", "--json"],
):
    try:
        app(words)
    except SystemExit as ended:
        assert not ended.code, words
"""


def test_a_shop_is_ingested_and_searched(tmp_path, tiny_clip):
    feed = shop.write_source(tmp_path / "source")
    ran = subprocess.run(
        [sys.executable, "-c", COMMANDS, str(tiny_clip), str(feed)],
        env={**os.environ, "VITRINE_HOME": str(tmp_path / "home"), VARIABLE: "auto"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found["results"]
    assert found["seconds"]["encode"] > 0
    assert not (tmp_path / "home" / "variants" / "tiny" / "openvino").exists()
    assert "OpenVINO" not in ran.stderr
