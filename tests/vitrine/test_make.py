"""The Makefile's own steps, run for real but for the installation and the page."""

import json
import os
import subprocess
import sys
from pathlib import Path

from encoder.variants import Variants
from tests import shop

ROOT = Path(__file__).parents[2]


def make(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`make shop …` with this Python's `vitrine`, and no hub that could be reached."""
    program = tmp_path / "bin" / "vitrine"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m vitrine "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "VITRINE_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "1"}
    for name in ("QDRANT_URL", "MAKEFLAGS", "MAKELEVEL"):  # the suite itself may run in a make
        environment.pop(name, None)
    return subprocess.run(
        ["make", "-o", ".venv/.installed", f"BIN={program.parent}", "SERVE=true", "shop", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_shop_uses_the_variant_that_is_there_and_passes_options_on(tmp_path, tiny_clip):
    Variants(tmp_path / "home").add("tiny", tiny_clip)
    source = shop.write_source(tmp_path / "my products")
    made = make(tmp_path, f"PRODUCTS={source}", "ARGS=--category-field category --json")
    assert made.returncode == 0, made.stderr
    [printed] = [line for line in made.stdout.splitlines() if line.startswith("{")]
    figures = json.loads(printed)  # between the commands that make prints
    assert figures["vectors"]["points"] == 12
    assert [each.name for each in Variants(tmp_path / "home").list()] == ["tiny"]


def test_make_shop_adds_a_variant_where_there_is_none(tmp_path):
    made = make(tmp_path, "PRODUCTS=products.csv")
    assert made.returncode == 2
    assert "openai/clip-vit-base-patch32" in made.stderr
    assert "vitrine add zeroshot" in made.stdout
