"""Checkpoints: whole or not there, and never unpickled."""

import io
import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from finetune.errors import FinetuneError
from finetune.snapshot import BEST, OPTIMISER, STATE, WEIGHTS, Snapshot, Snapshots, State
from tests.finetune.conftest import Killed, largest_file


def snapshot(step=4):
    weight = torch.nn.Parameter(torch.randn(200, 200))
    optimiser = torch.optim.AdamW([weight])
    weight.sum().backward()
    optimiser.step()
    tensors = {"weight": weight.detach().clone()}
    state = State(step=step, base={"nDCG@10": 0.5}, losses=[(4, 1.5, 0.1)])
    return Snapshot(state, tensors, tensors, optimiser.state_dict())


def test_a_checkpoint_is_read_as_it_was_written(tmp_path):
    written = snapshot()
    Snapshots(tmp_path).save(written)
    found = Snapshots(tmp_path).load()
    assert found.state == written.state
    assert torch.equal(found.weights["weight"], written.weights["weight"])
    moments = found.optimiser["state"][0]
    assert torch.equal(moments["exp_avg"], written.optimiser["state"][0]["exp_avg"])


def test_a_checkpoint_of_the_release_before_is_read(tmp_path):
    folder = Snapshots(tmp_path).save(snapshot())
    facts = json.loads((folder / STATE).read_text())
    facts["place"], facts["waited"] = 3, 2
    del facts["batches_done"], facts["epochs_without_gain"]
    (folder / STATE).write_text(json.dumps(facts))
    state = Snapshots(tmp_path).load().state
    assert (state.step, state.batches_done, state.epochs_without_gain) == (4, 3, 2)


def test_only_the_last_checkpoint_is_kept(tmp_path):
    snapshots = Snapshots(tmp_path)
    for step in (4, 8, 8):
        snapshots.save(snapshot(step))
    assert [folder.name for folder in tmp_path.iterdir()] == ["step-00000008"]


def test_there_may_be_none(tmp_path):
    assert Snapshots(tmp_path / "none").load() is None


def test_what_a_killed_run_left_unfinished_is_passed_over_and_swept(tmp_path):
    snapshots = Snapshots(tmp_path)
    snapshots.save(snapshot(4))
    (tmp_path / ".new-dead").mkdir()
    (tmp_path / ".new-dead" / WEIGHTS).write_bytes(b"half")
    assert snapshots.load().state.step == 4
    snapshots.save(snapshot(8))
    assert [folder.name for folder in tmp_path.iterdir()] == ["step-00000008"]


@pytest.mark.parametrize("rename", [1, 2])
def test_a_kill_while_a_checkpoint_is_replaced_loses_nothing(tmp_path, monkeypatch, rename):
    snapshots, made = Snapshots(tmp_path), snapshot(8)
    snapshots.save(made)
    renames = []
    original = Path.rename

    def killed_at(self, target):
        renames.append(target)
        if len(renames) == rename:
            raise Killed
        return original(self, target)

    monkeypatch.setattr(Path, "rename", killed_at)
    with pytest.raises(Killed):
        snapshots.save(made)
    monkeypatch.undo()
    assert snapshots.load().state == made.state
    for _ in range(2):
        snapshots.save(made)
        assert [folder.name for folder in tmp_path.iterdir()] == ["step-00000008"]


def test_a_replaced_checkpoint_that_a_killed_run_left_is_deleted(tmp_path):
    snapshots = Snapshots(tmp_path)
    shutil.copytree(snapshots.save(snapshot(8)), tmp_path / "replaced-step-00000008")
    assert snapshots.latest().name == "step-00000008"
    snapshots.save(snapshot(8))
    assert [folder.name for folder in tmp_path.iterdir()] == ["step-00000008"]


def test_no_space_leaves_the_checkpoint_before_and_says_what_to_free(tmp_path):
    snapshots = Snapshots(tmp_path)
    snapshots.save(snapshot(4))
    with (
        largest_file(20_000),  # the weights take 160,000
        pytest.raises(FinetuneError, match="step 8 cannot be written") as caught,
    ):
        snapshots.save(snapshot(8))
    assert "free 1 MB" in str(caught.value)
    assert "resumes from step-00000004" in str(caught.value)
    assert [folder.name for folder in tmp_path.iterdir()] == ["step-00000004"]
    assert snapshots.load().state.step == 4


@pytest.mark.parametrize("name", [WEIGHTS, BEST, OPTIMISER, STATE])
def test_a_damaged_checkpoint_is_an_error_with_the_remedy(tmp_path, name):
    folder = Snapshots(tmp_path).save(snapshot())
    file = folder / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(FinetuneError, match="--restart"):
        Snapshots(tmp_path).load()


def test_an_optimiser_file_that_would_run_code_is_an_error(tmp_path):
    folder = Snapshots(tmp_path).save(snapshot())
    trap = tmp_path / "sprung"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    poisoned = io.BytesIO()
    torch.save({"state": Trap()}, poisoned, pickle_module=pickle)
    (folder / OPTIMISER).write_bytes(poisoned.getvalue())
    with pytest.raises(FinetuneError):
        Snapshots(tmp_path).load()
    assert not trap.exists()
