"""Mixed precision where the device has bfloat16 instructions, float32 where it has not."""

import pytest
import torch

from finetune.model import Model
from finetune.precision import autocast, choose_attention, falls_back, precision_of
from finetune.settings import Settings
from tests.finetune.conftest import QUICK

CPU = torch.device("cpu")
MIXED = Settings(precision="mixed")


@pytest.fixture(params=[True, False])
def has_bfloat16(request, monkeypatch):
    monkeypatch.setattr("finetune.precision.cpu_has_bfloat16", lambda: request.param)
    return request.param


def test_mixed_precision_is_bfloat16_on_a_cpu_that_has_it_else_float32(has_bfloat16):
    assert precision_of(MIXED, CPU) == (torch.bfloat16 if has_bfloat16 else torch.float32)
    assert falls_back(MIXED, CPU) is not has_bfloat16


@pytest.mark.usefixtures("has_bfloat16")
def test_float32_is_float32_everywhere():
    assert precision_of(Settings(), CPU) == torch.float32
    assert not falls_back(Settings(), CPU)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_forward_pass_multiplies_in_the_precision(checkpoint, dtype):
    clip = Model.load(checkpoint, QUICK, CPU).dual_encoder
    choose_attention(clip, CPU, dtype)
    side = clip.config.vision_config.image_size
    pixels = torch.linspace(-1, 1, 3 * side * side).view(1, 3, side, side)
    with autocast(CPU, dtype):
        vector = clip.get_image_features(pixel_values=pixels).pooler_output
    assert vector.dtype == dtype
