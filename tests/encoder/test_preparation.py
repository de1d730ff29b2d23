"""Conversions that are disturbed: by another process, a kill, a full or a read-only disk."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from encoder.encoder import Encoder
from encoder.runtimes.converted import Converted
from encoder.runtimes.machine import load_openvino
from encoder.runtimes.preparation import prepare
from encoder.runtimes.runtime import VARIABLE
from encoder.runtimes.source import DualEncoderSource
from encoder.variants import Variants
from tests.read_only import run_read_only
from tests.small_disk import small_disk

pytestmark = pytest.mark.skipif(load_openvino() is None, reason="OpenVINO is not installed")

ROOT = Path(__file__).parents[2]

CONVERT = """
import sys
from pathlib import Path
from encoder.runtimes import preparation
from encoder.variants import Variants
{}
print(preparation.prepare(Variants(Path(sys.argv[1])).get("tiny"), "auto", None))
"""
# Ends no conversion: the graphs are there, and nothing is chosen yet.
HALF_WAY = """
def wait(*_):
    print("half way", flush=True)
    sys.stdin.read()
preparation._Preparation._choose = wait
"""


@pytest.fixture(autouse=True)
def converted_models_are_used(monkeypatch):
    monkeypatch.setenv(VARIABLE, "auto")


@pytest.fixture
def variant(variants, tiny_clip):
    return variants.add("tiny", tiny_clip)


def test_a_killed_conversion_leaves_nothing_that_counts_and_of_two_at_once_one_converts(variant):
    command = [sys.executable, "-c", CONVERT.format(HALF_WAY), str(variant.folder.parents[1])]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout.readline() == "half way\n"
        killed.kill()
    assert list(variant.folder.glob(".openvino-*/openvino/float32/*.xml"))
    assert Converted.find(DualEncoderSource(variant)) is None
    assert type(Encoder.load(variant)._model).__name__ == "DualEncoder"
    with ThreadPoolExecutor(2) as pool:  # their locks are of two open files, as of two processes
        sentences = pool.map(lambda _: prepare(variant, "auto", None), range(2))
    assert sorted(map(len, sentences)) == [0, 1]
    assert not list(variant.folder.glob(".openvino-*"))
    assert Converted.find(DualEncoderSource(variant)).whole()


def test_a_full_disk_leaves_the_model_to_torch_until_there_is_room(tmp_path, tiny_clip):
    with small_disk(tmp_path / "home", "300k") as home:
        variant = Variants(home).add("tiny", tiny_clip)
        [sentence] = prepare(variant, "auto", None)
        assert sentence == (
            "Variant 'tiny' is run by torch, and has no converted model: it cannot be kept in "
            f"{variant.folder / 'openvino'} (No space left on device)."
        )
        assert type(Encoder.load(variant)._model).__name__ == "DualEncoder"
        subprocess.run(["mount", "-o", "remount,size=8m", str(home)], check=True)
        assert "run by OpenVINO" in prepare(variant, "auto", None)[0]


def test_a_read_only_folder_leaves_the_model_to_torch(variant):
    home = variant.folder.parents[1]
    command = [sys.executable, "-c", CONVERT.format(""), str(home)]
    ran = run_read_only(home, *command, PYTHONPATH=str(ROOT))
    assert ran.returncode == 0, ran.stderr
    assert "Variant 'tiny' is run by torch, and has no converted model: it cannot be" in ran.stdout
    assert "Read-only file system" in ran.stdout or "Permission denied" in ran.stdout
