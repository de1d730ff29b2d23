"""What is trained of a model, and targets that cannot be."""

import dataclasses

import numpy as np
import pytest
import torch

from encoder.adapter import merge_adapter
from finetune.errors import FinetuneError
from finetune.model import Model, load_base
from finetune.settings import Settings

CPU = torch.device("cpu")


def load(checkpoint, **changes):
    return Model.load(checkpoint, dataclasses.replace(Settings(), **changes), CPU)


def features(model):
    random = np.random.default_rng(0)
    pixels = torch.from_numpy(random.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8))
    with torch.no_grad():
        both = model.image_features(pixels), model.text_features([[3, 4, 5], [3, 5], [6, 5], [7]])
    return torch.nn.functional.normalize(torch.cat(both), dim=1)


def shake(model):
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in model.trained.values():
            weight.add_(0.05 * torch.randn(weight.shape))


def test_adapters_of_both_towers_are_trained_and_nothing_else(checkpoint):
    trained = load(checkpoint, rank=2).trained
    assert all("lora_" in name for name in trained)
    for tower in ("vision_model", "text_model"):
        for target in ("q_proj", "v_proj"):
            assert any(name.startswith(tower) and target in name for name in trained)
    # Two towers of two layers, two targets, two matrices of rank 2 on a width of 32.
    assert sum(weight.numel() for weight in trained.values()) == 2 * 2 * 2 * 2 * 2 * 32


def test_a_new_adapter_changes_nothing_yet(checkpoint):
    base = Model(load_base(checkpoint, CPU), checkpoint, None)
    torch.testing.assert_close(features(load(checkpoint)), features(base), rtol=0, atol=1e-6)


def test_the_shortcut_of_the_last_layer_changes_neither_vectors_nor_names(checkpoint):
    base = Model(load_base(checkpoint, CPU), checkpoint, None)
    quick = load(checkpoint, method="full")
    assert set(quick.trained) == {name for name, _ in base.dual_encoder.named_parameters()}
    torch.testing.assert_close(features(quick), features(base), rtol=0, atol=1e-5)


def test_a_saved_adapter_gives_what_was_trained(checkpoint, tmp_path):
    model = load(checkpoint)
    untrained = features(model.dual_encoder.eval() and model)
    shake(model)
    model.dual_encoder.eval()
    model.save_adapter(tmp_path)
    merged = merge_adapter(load_base(checkpoint, CPU), tmp_path)
    reloaded = features(Model(merged, checkpoint, None))
    torch.testing.assert_close(reloaded, features(model), rtol=0, atol=1e-6)
    assert (reloaded - untrained).abs().max() > 1e-2


def test_restored_tensors_are_those_that_were_taken(checkpoint):
    model = load(checkpoint)
    before = model.tensors()
    shake(model)
    assert any(not torch.equal(before[name], now) for name, now in model.tensors().items())
    model.restore(before)
    assert all(torch.equal(before[name], now) for name, now in model.tensors().items())


def test_an_adapter_weight_interpolates_between_the_base_and_what_was_trained(checkpoint):
    model = load(checkpoint, method="full")
    base = {name: value.clone() for name, value in model.dual_encoder.state_dict().items()}
    shake(model)
    tuned = model.tensors()
    model.interpolate(1.0)
    assert all(torch.equal(value, tuned[name]) for name, value in model.tensors().items())
    model.interpolate(0.5)
    for name, value in model.dual_encoder.state_dict().items():
        torch.testing.assert_close(value, (base[name] + tuned[name]) / 2)


@pytest.mark.parametrize("targets", [("nonsense",), ("q_proj", "nonsense"), ("proj",)])
def test_a_target_that_is_not_there_is_an_error_with_those_that_are(checkpoint, targets):
    with pytest.raises(FinetuneError, match=r"is called '(nonsense|proj)'.*k_proj.*q_proj"):
        load(checkpoint, targets=targets)


def test_a_target_that_cannot_have_an_adapter_is_an_error(checkpoint):
    with pytest.raises(FinetuneError, match="can have an adapter"):
        load(checkpoint, targets=("q_proj", "layer_norm1"))


def test_the_temperature_stays_where_training_is_steady(checkpoint):
    model = load(checkpoint, method="full")
    with torch.no_grad():
        model.dual_encoder.logit_scale.fill_(9.0)
    model.clamp_scale()
    assert model.scale.item() == pytest.approx(100)
