"""`vitrine finetune`: one JSON object, sentences, and a kill that it resumes after."""

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

QUICK = "--recipe reference --batch 8 --learning-rate 3e-3 --epochs 2 --cpu"
QUICK += " --set validation=0.2 --set test=0.2 --set views=title"
QUICK = QUICK.split()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(shop, tmp_path, monkeypatch):
    folder = shutil.copytree(shop, tmp_path / "home")
    monkeypatch.setenv("VITRINE_HOME", str(folder))
    return folder


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.parametrize("has_bfloat16", [True, False])
def test_training_prints_one_json_object_and_progress_elsewhere(
    home, tiny_clip, monkeypatch, has_bfloat16
):
    monkeypatch.setattr("finetune.precision.cpu_has_bfloat16", lambda: has_bfloat16)
    ran = call("train", "--base", tiny_clip, *QUICK, "--recipe", "reference-mp", "--json")
    assert ran.exit_code == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["variant"] == "lora_mp"
    assert result["heldout"]["queries"] == 6
    assert "nDCG@10" in ran.stderr
    notes = Variants(home).get("lora_mp").manifest.notes
    assert notes["settings"]["precision"] == "mixed"
    assert notes["precision"] == ("bfloat16" if has_bfloat16 else "float32")
    assert ("no bfloat16 instructions" in ran.stderr) is not has_bfloat16


def test_people_get_the_table_and_the_next_step_and_get_it_again(home, tiny_clip):
    ran, again = (call("train", "--base", tiny_clip, *QUICK) for _ in range(2))
    assert "title → picture" in ran.stdout
    assert "No gain is proven" in ran.stdout
    assert "lora is not recommended" in ran.stdout
    assert (again.exit_code, again.stdout) == (0, ran.stdout)
    assert "was trained with these settings on these products already" in again.stderr
    assert "was trained" not in ran.stderr
    facts = call("train", "--base", tiny_clip, *QUICK, "--json").stdout
    assert json.loads(facts)["heldout"]["queries"] == 6
    other = call("train", "--base", tiny_clip, *QUICK, "--rank", "4")
    assert (other.exit_code, other.stdout) == (1, "")


def test_a_finished_training_of_an_earlier_release_is_shown(home, tiny_clip):
    call("train", "--base", tiny_clip, *QUICK)
    file = home / "variants" / "lora" / "manifest.json"
    manifest = json.loads(file.read_text())
    figures = manifest["notes"]["figures"]
    del figures["recommended"], figures["choice"], figures["heldout"]["gain"]
    file.write_text(json.dumps(manifest))
    ran = call("train", "--base", tiny_clip, *QUICK)
    assert ran.exit_code == 0, ran.stderr
    assert "title → picture" in ran.stdout
    assert "vitrine ingest vectors --variant lora" in ran.stderr


def test_without_flags_the_best_candidate_becomes_the_variant_and_its_gain_is_stated(
    home, tiny_clip
):
    Variants(home).add("zeroshot", tiny_clip)
    ran, again = (call("--cpu", "--json") for _ in range(2))
    assert ran.exit_code == 0, ran.stderr
    result = json.loads(ran.stdout)
    assert result["variant"] == "tuned"
    assert result["choice"]["chosen"] in [each["name"] for each in result["choice"]["candidates"]]
    assert "3 candidates on 16 products" in ran.stderr
    gain = result["heldout"]["gain"]
    assert result["recommended"] == (gain["low"] > 0)
    assert gain["n"] == 10
    card = (home / "variants" / "tuned" / "README.md").read_text()
    assert ("is recommended" if result["recommended"] else "No gain is proven") in card
    assert again.stdout == ran.stdout
    assert "trained with these settings on these products already" in again.stderr


def test_a_limit_of_a_recipe_of_fixed_length_is_wrong_usage():
    ran = call("--recipe", "reference", "--minutes", "5")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert "--epochs" in ran.stderr


def test_flags_set_everything(home, tiny_clip):
    flags = "--rank 2 --alpha 4 --target fc1 --target q_proj --seed 3 --template title"
    flags += " --adapter-weight 0.5 --sample 30 --precision float32"
    others = ["micro_batch=4", "schedule=cosine", "warm_up=0.5", "weight_decay=0", "patience=1"]
    others += ["flip=false", "crop=0.9", "objective=reference", "dropout=0"]
    assigned = [word for other in others for word in ("--set", other)]
    ran = call("train", "--variant", "mine", "--base", tiny_clip, *QUICK, *flags.split(), *assigned)
    assert ran.exit_code == 0, ran.stderr
    variant = Variants(home).get("mine")
    settings = variant.manifest.notes["settings"]
    assert settings["targets"] == ["fc1", "q_proj"]
    assert (settings["micro_batch"], settings["schedule"], settings["flip"]) == (4, "cosine", False)
    assert (variant.manifest.adapter_weight, variant.template.name) == (0.5, "title")
    assert "not for use" in (variant.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--rank", "0"], "rank is 1 or more"),
        (["--batch", "64"], "Fewer training products (20) than a batch of 64"),
        (["--target", "nonsense"], "No layer"),
        (["--base", "/nowhere/at all"], "/nowhere/at all"),
        (["--set", "validation=0.9", "--set", "test=0.5"], "leave too few"),
    ],
)
@pytest.mark.usefixtures("home")
def test_a_users_mistake_is_one_sentence_and_status_1(tiny_clip, flags, message):
    ran = call("train", "--base", tiny_clip, *QUICK, *flags)
    assert ran.exit_code == 1
    assert message in ran.stderr
    assert "Traceback" not in ran.stderr
    assert "━" not in ran.stderr
    assert ran.stdout == ""


def test_the_help_has_the_defaults():
    text = " ".join(call("train", "--help").stdout.replace("│", " ").split())
    for usual in ("[default: chosen]", "[default: 16]", "dropout [default: 0.1]"):
        assert usual in text


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--precision", "half"], "float32"),
        (["--set", "colour=red"], "no setting is called 'colour'"),
        (["--set", "patience=often"], "patience is a whole number"),
    ],
)
def test_a_value_of_the_wrong_kind_is_wrong_usage(flags, message):
    ran = call("train", *flags)
    assert ran.exit_code == 2
    assert message in " ".join(ran.stderr.split())


def test_the_hidden_flags_of_the_release_before_still_work(home, tiny_clip):
    flags = [word for word in QUICK if word not in ("--learning-rate", "3e-3")]
    ran = call("train", "--base", tiny_clip, *flags, "--rate", "1e-3", "--strength", "0.5")
    assert ran.exit_code == 0, ran.stderr
    manifest = Variants(home).get("lora").manifest
    assert (manifest.notes["settings"]["rate"], manifest.adapter_weight) == (1e-3, 0.5)


def test_merging_prints_the_folder(home, tiny_clip, tmp_path):
    call("train", "--base", tiny_clip, *QUICK)
    ran = call("merge", "lora", tmp_path / "merged")
    assert ran.stdout.strip() == str(tmp_path / "merged")
    assert (tmp_path / "merged" / "model.safetensors").is_file()
    assert call("merge", "lora", tmp_path / "merged").exit_code == 1
    assert "vitrine add" in call("merge", "none", tmp_path / "other").stderr
    (tmp_path / "file").write_text("")
    blocked = call("merge", "lora", tmp_path / "file" / "below")
    assert (blocked.exit_code, blocked.stdout) == (1, "")
    assert "a file is where a folder should be" in blocked.stderr


# A training that is killed when it has printed a line; its own command, so that it is killed there.
KILLED = """
import os, signal, sys
from finetune.__main__ import app
line, write = sys.argv.pop(1), sys.stderr.write
def write_and_die(text):
    written = write(text)
    if text.startswith(line):
        os.kill(os.getpid(), signal.SIGKILL)
    return written
sys.stderr.write = write_and_die
app()
"""


def test_a_killed_process_resumes_by_the_same_command(home, tiny_clip, tmp_path, monkeypatch):
    words = ["train", "--base", str(tiny_clip), *QUICK, "--epochs", "3", "--variant", "lora"]
    words += ["--set", "snapshot_every=1", "--set", "patience=0"]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, "epoch   2", *words],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    (state,) = (home / "training" / "lora" / "checkpoints").glob("step-*/state.json")
    assert 0 < json.loads(state.read_text())["step"] < 6
    unbroken = shutil.copytree(home, tmp_path / "unbroken")
    shutil.rmtree(unbroken / "training")
    adapters = []
    for folder in (home, unbroken):
        monkeypatch.setenv("VITRINE_HOME", str(folder))
        ran = call(*words)
        assert ran.exit_code == 0, ran.stderr
        adapters.append(load_file(folder / "variants/lora/adapter/adapter_model.safetensors"))
    for name, tensor in adapters[0].items():
        assert abs(tensor - adapters[1][name]).max() < 1e-6
