"""Chunks and processes change the memory that a step takes, not its gradients."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from accelerate import Accelerator
from safetensors.torch import load_file

from finetune.batches import Batches, Share
from finetune.gradients import Gradients
from finetune.loss import contrastive_loss
from finetune.model import Model
from tests.finetune.conftest import QUICK

pytestmark = pytest.mark.usefixtures("one_thread")

SETTINGS = dataclasses.replace(QUICK, batch=16, dropout=0.3)


def gradients_of(examples, checkpoint, settings, accelerator):
    """The gradients of the first step by name, its loss, and its batch."""
    torch.set_num_threads(1)
    model = Model.load(checkpoint, settings, accelerator.device)
    torch.manual_seed(1)  # away from the first step's, where LoRA's B is zero
    with torch.no_grad():
        for weight in model.trained.values():
            weight.add_(0.1 * torch.randn(weight.shape))
    model.dual_encoder.train()
    ids = [example.id for example in examples.rows]
    share = Share(accelerator.process_index, accelerator.num_processes)
    batch = next(Batches(examples, ids, checkpoint, settings, share).epoch(0))
    step = Gradients(
        model, settings, accelerator, torch.float32, torch.amp.GradScaler("cpu", enabled=False)
    )
    loss = step(batch, 0)
    found = {name: weight.grad.clone() for name, weight in model.trained.items()}
    return found, loss, model, batch, step


def run(examples, checkpoint, **changes):
    settings = dataclasses.replace(SETTINGS, **changes)
    return gradients_of(examples, checkpoint, settings, Accelerator(cpu=True))


def assert_near(found, expected, within=1e-5):
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient.abs().max() > 0, name
        torch.testing.assert_close(found[name], gradient, rtol=within, atol=within)


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("micro_batch", [0, 5])
def test_without_dropout_the_gradients_are_those_of_one_plain_pass(
    examples, checkpoint, method, micro_batch
):
    found, loss, model, batch, _ = run(
        examples, checkpoint, method=method, micro_batch=micro_batch, dropout=0.0
    )
    model.dual_encoder.zero_grad()
    image = F.normalize(model.image_features(torch.from_numpy(batch.pixels)), dim=-1)
    text = F.normalize(model.text_features(batch.tokens), dim=-1)
    plain = contrastive_loss(image, text, model.scale, torch.from_numpy(batch.positives))
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), abs=1e-6)
    assert_near(found, {name: weight.grad for name, weight in model.trained.items()})


def test_cached_gradients_are_those_of_one_pass_with_the_same_dropout(examples, checkpoint):
    found, loss, model, batch, step = run(examples, checkpoint, micro_batch=5)
    # One pass: every chunk keeps its graph, and one backward goes through all of them.
    model.dual_encoder.zero_grad()
    pictures, texts = step._image_chunks(batch, 0), step._text_chunks(batch, 0)
    assert len(pictures) == 4
    image = torch.cat([step._run(chunk, graph=True) for chunk in pictures])
    order = torch.tensor([row for chunk in texts for row in chunk.rows]).argsort()
    text = torch.cat([step._run(chunk, graph=True) for chunk in texts])[order]
    plain = contrastive_loss(image, text, model.scale, torch.from_numpy(batch.positives))
    plain.backward()
    assert loss.item() == pytest.approx(plain.item(), abs=1e-6)
    assert_near(found, {name: weight.grad for name, weight in model.trained.items()})


def test_dropout_depends_on_the_step(examples, checkpoint):
    _, first, _, batch, step = run(examples, checkpoint)
    assert step(batch, 0).item() == first.item()
    assert step(batch, 1).item() != first.item()


def test_the_temperature_is_trained_with_the_whole_model_only(examples, checkpoint):
    _, _, adapted, _, _ = run(examples, checkpoint)
    assert not adapted.dual_encoder.logit_scale.requires_grad
    found, _, _, _, _ = run(examples, checkpoint, method="full")
    assert found["logit_scale"].abs() > 0


def test_two_processes_find_the_gradients_of_one(shop, examples, checkpoint, tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    # The two start again where one of them cannot connect; wrong gradients are found below.
    command += ["--max-restarts", "2"]
    command += ["--master-port", "0", "--standalone", str(Path(__file__).with_name("share.py"))]
    subprocess.run(
        [*command, str(shop), str(checkpoint.folder), str(tmp_path)],
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        timeout=300,
    )
    for method in ("lora", "full"):
        found, *_ = run(examples, checkpoint, method=method, dropout=0.0)
        assert_near(load_file(tmp_path / f"{method}.safetensors"), found)
