"""The training loop: resuming, early stopping, divergence, progress."""

import dataclasses

import pytest
import torch
from accelerate import Accelerator

from eval.measures import DECIDING
from finetune.errors import Diverged
from finetune.progress import no_progress
from finetune.settings import Settings
from finetune.snapshot import Snapshots
from finetune.split import draw_split
from finetune.trainer import Trainer
from tests.finetune.conftest import QUICK, Killed, kill_at

# 20 training products: two steps an epoch, and a checkpoint after each.
SETTINGS = dataclasses.replace(QUICK, epochs=3, snapshot_every=1)


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def train(examples, checkpoint):
    split = draw_split(examples, seed=0, validation=0.2, test=0.2)
    trainer = Trainer(checkpoint, examples, split, Accelerator(cpu=True))

    def train(settings=SETTINGS, snapshots=None, report=no_progress):
        training = trainer.training(settings, snapshots, report)
        return training.model, training.run()

    return train


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, other[name], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("every", [1, 3])
def test_a_run_killed_anywhere_and_resumed_ends_as_an_unbroken_one(train, tmp_path, method, every):
    settings = dataclasses.replace(
        SETTINGS, method=method, snapshot_every=every, schedule="cosine", warm_up=0.2, dropout=0.3
    )
    unbroken, _ = train(settings)
    snapshots = Snapshots(tmp_path / "checkpoints")
    # Before the first checkpoint of `every` 3, at an epoch's end, within an epoch.
    for step in (1, 2, 5):
        with pytest.raises(Killed):
            train(settings, snapshots, kill_at(step))
    resumed, trained = train(settings, snapshots)
    assert trained.state.step == 6
    assert [row["epoch"] for row in trained.state.epochs] == [1, 2, 3]
    assert_same(resumed.tensors(), unbroken.tensors())


def test_a_finished_run_trains_no_further(train, tmp_path):
    first, _ = train(snapshots=Snapshots(tmp_path))
    steps = []
    again, trained = train(
        snapshots=Snapshots(tmp_path), report=lambda progress: steps.append(progress.step)
    )
    assert steps == []
    assert trained.state.finished
    assert_same(again.tensors(), first.tensors())


def test_training_moves_the_adapter_away_from_the_base(train):
    model, trained = train()
    assert all(
        weight.abs().max() > 0 for name, weight in model.tensors().items() if "lora_B" in name
    )
    assert trained.state.losses[-1][1] > 0


def test_the_loss_falls(train):
    _, trained = train(
        dataclasses.replace(
            SETTINGS, epochs=15, learning_rate=1e-2, dropout=0.0, snapshot_every=999
        )
    )
    losses = [loss for _, loss, _ in trained.state.losses]
    assert losses[-1] < losses[0] / 2


def test_the_caller_keeps_its_random_numbers(train):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train()
    assert torch.equal(torch.rand(3), expected)


def test_another_seed_trains_another_adapter(train):
    one, _ = train()
    other, _ = train(dataclasses.replace(SETTINGS, seed=1))
    assert any(not torch.equal(one.tensors()[name], other.tensors()[name]) for name in one.trained)


def test_mixed_precision_trains_nearly_the_same_adapter(train, monkeypatch):
    monkeypatch.setattr("finetune.precision.cpu_has_bfloat16", lambda: True)
    exact, _ = train()
    mixed, trained = train(dataclasses.replace(SETTINGS, precision="mixed"))
    assert trained.precision == "bfloat16"
    moved = torch.cat([weight.flatten() for weight in exact.tensors().values()])
    nearly = torch.cat([weight.flatten() for weight in mixed.tensors().values()])
    assert 0.98 < torch.cosine_similarity(moved, nearly, dim=0) < 1


def validation_measures(monkeypatch, values):
    """Make validations return these figures, the base's first."""
    figures = iter(values)
    monkeypatch.setattr(
        "finetune.validation.Validation.__call__",
        lambda self: {DECIDING: next(figures), "Recall@10": 0.5},
    )


def test_training_stops_when_validation_gains_no_more_and_keeps_the_best_epoch(
    train, monkeypatch, tmp_path
):
    validation_measures(monkeypatch, [0.1, 0.2, 0.4, 0.3, 0.4, 0.9, 0.9])
    patient = dataclasses.replace(SETTINGS, epochs=6, patience=2)
    best, trained = train(patient, Snapshots(tmp_path))
    assert trained.state.best_epoch == 2
    assert trained.state.epoch == 4  # the fifth, which would be better, is not run
    validation_measures(monkeypatch, [0.1, 0.2, 0.4])
    expected, _ = train(dataclasses.replace(SETTINGS, epochs=2))
    assert_same(best.tensors(), expected.tensors())


def test_without_patience_every_epoch_is_run(train, monkeypatch):
    validation_measures(monkeypatch, [0.9, 0.5, 0.4, 0.3, 0.2])
    _, trained = train(dataclasses.replace(SETTINGS, epochs=4, patience=0))
    assert (trained.state.epoch, trained.state.best_epoch) == (4, 1)


def test_a_loss_that_is_not_finite_stops_the_run_and_is_an_error_with_its_step(train, monkeypatch):
    monkeypatch.setattr(
        Settings, "learning_rate_at", lambda self, step, steps: 1e30 if step == 2 else 1e-3
    )
    with pytest.raises(Diverged, match=r"diverged at step 4.*no checkpoint was written yet"):
        train(dataclasses.replace(SETTINGS, snapshot_every=99, batch=4))


def test_weights_that_are_not_finite_stop_the_run_at_the_last_good_checkpoint(
    train, monkeypatch, tmp_path
):
    usual = Settings.learning_rate_at

    def explode(self, step, steps):
        return 1e30 if step == 3 else usual(self, step, steps)

    monkeypatch.setattr(Settings, "learning_rate_at", explode)
    snapshots = Snapshots(tmp_path)
    settings = dataclasses.replace(SETTINGS, epochs=5, snapshot_every=3)
    with pytest.raises(Diverged, match="diverged at step 4") as caught:
        train(settings, snapshots)
    assert caught.value.step == 4
    kept = snapshots.load()
    assert str(snapshots.latest()) in str(caught.value)
    assert "--learning-rate" in str(caught.value)
    assert kept.state.step == 3
    assert all(tensor.isfinite().all() for tensor in kept.weights.values())


def test_progress_has_speed_memory_and_the_time_left(train):
    reports = []
    train(report=reports.append)
    assert [each.step for each in reports if not each.validation] == [1, 2, 3, 4, 5, 6]
    assert [each.epoch for each in reports if each.validation] == [0, 1, 2, 3]
    last = reports[-1]
    assert last.steps == 6
    assert last.samples_per_second > 0
    assert last.memory > 2**20
    assert reports[1].seconds_left > last.seconds_left == 0
    assert set(last.validation) == {"nDCG@10", "Recall@10"}
