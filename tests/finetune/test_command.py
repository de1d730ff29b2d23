"""`vitrine finetune`: one JSON object, sentences, and a kill that is made good."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from typer.testing import CliRunner

from encoder.variants import Variants
from finetune.__main__ import app

QUICK = "--batch 8 --rate 3e-3 --epochs 2 --validation 0.2 --test 0.2 --view title --cpu"
QUICK = QUICK.split()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(shop, tmp_path, monkeypatch):
    folder = shutil.copytree(shop, tmp_path / "home")
    monkeypatch.setenv("VITRINE_HOME", str(folder))
    return folder


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_training_prints_one_json_object_and_progress_elsewhere(home, tiny_clip):
    ran = call("train", "--variant", "lora_mp", "--base", tiny_clip, *QUICK, "--json")
    assert ran.exit_code == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert told["variant"] == "lora_mp"
    assert told["heldout"]["queries"] == 6
    assert "nDCG@10" in ran.stderr
    notes = Variants(home).get("lora_mp").manifest.notes
    assert notes["settings"]["precision"] == "mixed"
    assert notes["precision"] == "bfloat16"


def test_a_person_is_shown_the_table_and_the_next_step(home, tiny_clip):
    ran = call("train", "--base", tiny_clip, *QUICK)
    assert "title → picture" in ran.stdout
    assert "vitrine ingest vectors --variant lora" in ran.stderr


def test_flags_set_everything(home, tiny_clip):
    flags = "--rank 2 --alpha 4 --target fc1 --target q_proj --micro-batch 4 --schedule cosine"
    flags += " --warm-up 0.5 --weight-decay 0 --patience 1 --no-flip --crop 0.9 --seed 3"
    flags += " --objective reference --template title --dropout 0 --strength 0.5 --sample 30"
    ran = call("train", "--variant", "mine", "--base", tiny_clip, *QUICK, *flags.split())
    assert ran.exit_code == 0, ran.stderr
    variant = Variants(home).get("mine")
    told = variant.manifest.notes["settings"]
    assert told["targets"] == ["fc1", "q_proj"]
    assert (told["micro_batch"], told["schedule"], told["flip"]) == (4, "cosine", False)
    assert (variant.manifest.adapter_weight, variant.template.name) == (0.5, "title")
    assert "not for use" in (variant.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--rank", "0"], "--rank is 1 or more"),
        (["--batch", "64"], "20 products to learn from are fewer than a batch of 64"),
        (["--target", "nonsense"], "No layer"),
        (["--base", "/nowhere/at all"], "/nowhere/at all"),
        (["--validation", "0.9", "--test", "0.5"], "leave too little"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_users_mistake_is_one_sentence_and_status_1(tiny_clip, flags, told):
    ran = call("train", "--base", tiny_clip, *QUICK, *flags)
    assert ran.exit_code == 1
    assert told in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "━" not in ran.stderr
    assert ran.stdout == ""


def test_the_help_tells_the_documented_recipe():
    told = " ".join(call("train", "--help").stdout.replace("│", " ").split())
    for usual in ("(default: 128)", "(default: 2e-05)", "q_proj, v_proj"):
        assert usual in told


def test_a_word_that_is_no_choice_is_wrong_usage():
    assert call("train", "--method", "half").exit_code == 2


def test_merging_prints_the_folder(home, tiny_clip, tmp_path):
    call("train", "--base", tiny_clip, *QUICK)
    ran = call("merge", "lora", tmp_path / "merged")
    assert ran.stdout.strip() == str(tmp_path / "merged")
    assert (tmp_path / "merged" / "model.safetensors").is_file()
    assert call("merge", "lora", tmp_path / "merged").exit_code == 1
    assert "vitrine add" in call("merge", "none", tmp_path / "other").stderr


def test_a_killed_process_is_made_good_by_the_same_command(home, tiny_clip, tmp_path):
    command = [sys.executable, "-m", "finetune", "train", "--base", str(tiny_clip), *QUICK]
    command += ["--epochs", "12", "--snapshot-every", "1", "--patience", "0"]

    def start(folder: Path, **options) -> subprocess.Popen:
        here = {**os.environ, "OMP_NUM_THREADS": "1", "VITRINE_HOME": str(folder)}
        return subprocess.Popen(command, cwd=ROOT, env=here, text=True, **options)

    process = start(home, stderr=subprocess.PIPE)
    next(line for line in process.stderr if line.startswith("epoch   2"))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    (state,) = (home / "training" / "lora" / "checkpoints").glob("step-*/state.json")
    assert 4 <= json.loads(state.read_text())["step"] < 24
    unbroken = shutil.copytree(home, tmp_path / "unbroken")
    shutil.rmtree(unbroken / "training")
    adapters = []
    for folder in (home, unbroken):
        assert start(folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL).wait() == 0
        adapters.append(load_file(folder / "variants/lora/adapter/adapter_model.safetensors"))
    for name, tensor in adapters[0].items():
        assert abs(tensor - adapters[1][name]).max() < 1e-6
