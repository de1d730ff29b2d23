"""`vitrine encoder`, as a person or a script meets it; and the hub, by a hub of our own."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from huggingface_hub import constants, hf_api
from typer.testing import CliRunner

from encoder.__main__ import app
from tests.encoder.model_hub import ModelHub
from tests.encoder.open_clip import build_open_clip
from tests.tiny_models import TEXT_DIM, build_tiny_text_model

BASE = "acme/clip-tiny"


# Nothing listens on the discard port.
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def invoke(tmp_path, monkeypatch):
    """The command in this process, with a home of its own."""
    monkeypatch.setenv("VITRINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def command(tmp_path, monkeypatch, invoke):
    """The same with a cache of the hub of its own, and the hub at an address: by default none."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))

    def run(*words, hub=NOWHERE):
        files = hub + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "ENDPOINT", hub)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", files)
        monkeypatch.setattr(hf_api.api, "endpoint", hub)
        return invoke(*words)

    return run


@pytest.fixture
def plain_repository(tiny_clip, tmp_path):
    """The tiny checkpoint as repositories from before safetensors are: pickled weights only."""
    folder = shutil.copytree(tiny_clip, tmp_path / "plain")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    return folder


def error_of(finished):
    """What a person reads when it fails: one line, no traceback, nothing on stdout."""
    ran = isinstance(finished, subprocess.CompletedProcess)
    status = finished.returncode if ran else finished.exit_code
    assert (status, finished.stdout) == (1, "")
    assert len(finished.stderr.strip().splitlines()) == 1, finished.stderr
    return finished.stderr


def test_add_list_and_show_give_one_json_object_each(invoke, tiny_clip):
    added = invoke("add", "photo", "--base", tiny_clip, "--template", "title", "--json")
    assert added.exit_code == 0, added.stderr
    facts = json.loads(added.stdout)
    assert (facts["name"], facts["dim"], len(facts["fingerprint"])) == ("photo", 16, 16)
    (listed,) = json.loads(invoke("list", "--json").stdout)["variants"]
    assert listed == facts
    shown = json.loads(invoke("show", "photo", "--json").stdout)
    assert shown == {**facts, "state": "ready"}


def test_tables_for_people_hold_the_name_and_the_fingerprint(invoke, tiny_clip, adapter):
    added = invoke(
        "add", "lora", "--base", tiny_clip, "--adapter", adapter, "--adapter-weight", "0.5"
    )
    fingerprint = json.loads(invoke("show", "lora", "--json").stdout)["fingerprint"]
    for text in (added.stdout, invoke("list").stdout, invoke("show", "lora").stdout):
        assert "lora" in text
        assert fingerprint in text
    assert "weight 0.5" in invoke("list").stdout
    assert "adapter weight  0.5" in added.stdout
    plain = invoke("add", "plain", "--base", tiny_clip).stdout
    assert "adapter" not in plain


def test_a_manifest_that_cannot_be_read_hides_no_other_variant(invoke, tiny_clip, tmp_path):
    for name in ("broken", "photo"):
        invoke("add", name, "--base", tiny_clip)
    (tmp_path / "home" / "variants" / "broken" / "manifest.json").write_text("{")
    page = json.loads(invoke("list", "--json").stdout)
    assert [each["name"] for each in page["variants"]] == ["photo"]
    assert [each["variant"] for each in page["errors"]] == ["broken"]
    listed = invoke("list")
    assert listed.exit_code == 0
    assert "photo" in listed.stdout
    assert "cannot be read as a manifest" in listed.stderr


def test_an_empty_home_names_the_command_that_adds_a_variant(invoke):
    finished = invoke("list")
    assert finished.exit_code == 0
    assert "vitrine add" in finished.stderr


def test_mistakes_are_one_sentence_each(invoke, tiny_clip):
    invoke("add", "photo", "--base", tiny_clip)
    assert "--force" in error_of(invoke("add", "photo", "--base", tiny_clip, "--template", "title"))
    assert "photo" in error_of(invoke("show", "foto"))
    assert "no hub id" in error_of(invoke("add", "x", "--base", "./nowhere"))
    assert "neither a folder" in error_of(invoke("add", "x", "--base", "a--b"))
    assert "lower-case" in error_of(invoke("add", "X", "--base", tiny_clip))
    assert "title_description" in error_of(
        invoke("add", "x", "--base", tiny_clip, "--template", "nonsense")
    )


def test_show_reports_a_base_that_is_missing(invoke, tiny_clip, tmp_path):
    base = shutil.copytree(tiny_clip, tmp_path / "base")
    kept = json.loads(invoke("add", "photo", "--base", base, "--json").stdout)["base"]
    shutil.rmtree(base)
    assert json.loads(invoke("show", "photo", "--json").stdout)["state"] == "ready"
    shutil.rmtree(kept)
    assert "is missing" in json.loads(invoke("show", "photo", "--json").stdout)["state"]


def test_the_command_line_does_not_wait_for_torch():
    script = (
        "import sys, encoder.__main__, encoder.variants, encoder.template\n"
        "print({'torch', 'transformers', 'peft'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert found.stdout.strip() == "set()", found.stderr


@pytest.mark.parametrize(("already", "then"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_openmp_threads_wait_passively_unless_the_environment_says_otherwise(already, then):
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    script = "import os, encoder.variants; print(os.environ['OMP_WAIT_POLICY'])"
    found = subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, **({"OMP_WAIT_POLICY": already} if already else {})},
        capture_output=True,
        text=True,
    )
    assert found.stdout.strip() == then


@pytest.mark.parametrize("environment", [{}, {"HF_HUB_OFFLINE": "1"}])
def test_without_the_hub_one_sentence_names_the_way_out(tmp_path, environment):
    """As a process, since the hub's library reads its environment once."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    folders = {"VITRINE_HOME": str(tmp_path / "home"), "HF_HOME": str(tmp_path / "hub")}
    finished = subprocess.run(
        [sys.executable, "-m", "encoder", "add", "zeroshot"],
        env={**clean, **folders, "HF_ENDPOINT": NOWHERE, **environment},
        capture_output=True,
        text=True,
    )
    error = error_of(finished)
    assert "openai/clip-vit-base-patch32" in error
    assert "--local-dir FOLDER" in error


def test_a_checkpoint_comes_from_the_hub_pinned_and_then_needs_no_hub(command, tiny_clip):
    with ModelHub(BASE, {"main": tiny_clip}).serving() as hub:
        added = command("add", "photo", "--base", BASE, "--json", hub=hub.address)
        assert added.exit_code == 0, added.stderr
        assert json.loads(added.stdout)["revision"] == hub.commit("main")
        assert json.loads(added.stdout)["base"] == BASE
        requests = len(hub.requests)
        command("show", "photo", hub=hub.address)
        assert len(hub.requests) == requests
    assert json.loads(command("show", "photo", "--json").stdout)["state"] == "ready"
    # Cached, it can be the base of another variant too, though the hub is gone.
    assert command("add", "other", "--base", BASE).exit_code == 0


def test_only_what_the_encoder_reads_is_downloaded(command, tiny_clip, tmp_path):
    folder = shutil.copytree(tiny_clip, tmp_path / "repository")
    for name in ("pytorch_model.bin", "flax_model.msgpack", "model.fp16.safetensors"):
        (folder / name).write_bytes(b"large")
    with ModelHub(BASE, {"main": folder}).serving() as hub:
        assert command("add", "photo", "--base", BASE, hub=hub.address).exit_code == 0
    fetched = {path.rsplit("/", 1)[-1] for path in hub.requests if "/resolve/" in path}
    assert fetched == {file.name for file in tiny_clip.iterdir()}


def test_a_repository_without_safetensors_is_read_from_the_conversion_bots_pull_request(
    command, tiny_clip, plain_repository
):
    branches = {"main": plain_repository, "refs/pr/7": tiny_clip}
    with ModelHub(BASE, branches).serving() as hub:
        added = command("add", "photo", "--base", BASE, "--json", hub=hub.address)
    assert added.exit_code == 0, added.stderr
    assert json.loads(added.stdout)["revision"] == hub.commit("refs/pr/7")
    assert json.loads(command("show", "photo", "--json").stdout)["state"] == "ready"


def test_a_pull_request_of_another_author_is_not_used(command, tiny_clip, plain_repository):
    branches = {"main": plain_repository, "refs/pr/7": tiny_clip}
    with ModelHub(BASE, branches, author="stranger").serving() as hub:
        error = error_of(command("add", "photo", "--base", BASE, hub=hub.address))
    assert "safetensors only" in error


def test_what_the_hub_does_not_have_is_said(command, tiny_clip):
    with ModelHub(BASE, {"main": tiny_clip}).serving() as hub:
        error = error_of(command("add", "x", "--base", "acme/other", hub=hub.address))
        assert "no model of that name" in error
        error = error_of(command("add", "x", "--base", BASE, "--revision", "v9", hub=hub.address))
        assert "'v9'" in error


def test_strength_is_still_another_name_of_the_adapter_weight(invoke, tiny_clip, adapter):
    named = invoke(
        "add", "lora", "--base", tiny_clip, "--adapter", adapter, "--strength", "0.5", "--json"
    )
    assert json.loads(named.stdout)["strength"] == 0.5


def test_a_text_model_comes_from_the_hub_pinned_and_then_needs_no_hub(command, tiny_clip, tmp_path):
    words = build_tiny_text_model(tmp_path / "words")
    (words / "pytorch_model.bin").write_bytes(b"large")
    with ModelHub("acme/words", {"main": words}).serving() as hub:
        added = command(
            *("add", "words", "--base", tiny_clip, "--text-model", "acme/words", "--json"),
            hub=hub.address,
        )
        assert added.exit_code == 0, added.stderr
        facts = json.loads(added.stdout)["text_model"]
        assert (facts["name"], facts["dim"]) == ("acme/words", TEXT_DIM)
        assert facts["base"] == f"acme/words@{hub.commit('main')}"
        assert not any("pytorch_model.bin" in path for path in hub.requests)
    assert json.loads(command("show", "words", "--json").stdout)["state"] == "ready"


def test_an_open_clip_checkpoint_is_converted_from_the_hub(command, tmp_path):
    folder = build_open_clip("siglip", tmp_path / "open")
    with ModelHub("acme/open", {"main": folder}).serving() as hub:
        done = command(*("convert", "acme/open", tmp_path / "converted", "--json"), hub=hub.address)
        assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["model_type"] == "siglip"


def test_a_variant_of_an_open_clip_checkpoint_takes_one_command(command, tmp_path):
    folder = build_open_clip("siglip", tmp_path / "open")
    with ModelHub("acme/open", {"main": folder}).serving() as hub:
        words = ("add", "open", "--base", "acme/open", "--open-clip", "--json")
        done = command(*words, hub=hub.address)
        assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["base"].endswith("-acme-open")
    assert json.loads(command("show", "open", "--json").stdout)["state"] == "ready"
    assert not list((tmp_path / "home").glob(".converted-*"))
