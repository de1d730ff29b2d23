"""Mixed precision, and how it is done on a CPU that has no instructions for bfloat16."""

from collections import Counter

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch.utils._python_dispatch import TorchDispatchMode

from finetune import precision
from finetune.model import Model
from finetune.precision import autocast_of, precision_of, rounded_products
from finetune.settings import Settings
from tests.finetune.conftest import QUICK

CPU = torch.device("cpu")
# The distance of two bfloat16 next to each other, of their size.
STEP = 2**-7


@pytest.fixture
def clip(checkpoint):
    model = Model.load(checkpoint, QUICK, CPU).clip
    model.set_attn_implementation("eager")
    return model


def passes(clip, context):
    """The vector of a picture, and the gradients of the adapter, under a precision."""
    clip.zero_grad()
    side = clip.config.vision_config.image_size
    pixels = torch.linspace(-1, 1, 3 * side * side).view(1, 3, side, side)
    with context:
        vector = clip.get_image_features(pixel_values=pixels).pooler_output
    vector.float().square().sum().backward()
    slopes = (
        weight.grad.flatten()
        for name, weight in clip.named_parameters()
        if "lora_B" in name and weight.grad is not None
    )
    return vector.detach().float(), torch.cat(list(slopes))


def test_it_is_bfloat16_on_a_cpu_and_only_where_it_was_asked_for():
    assert precision_of(Settings(precision="mixed"), CPU) == torch.bfloat16
    assert precision_of(Settings(), CPU) == torch.float32


@pytest.mark.parametrize("supported", [True, False])
def test_products_are_rounded_where_the_cpu_cannot_multiply_bfloat16(monkeypatch, supported):
    monkeypatch.setattr(precision, "_multiplies_bfloat16", lambda: supported)
    context = autocast_of(CPU, torch.bfloat16)
    assert (context is rounded_products) is not supported


def test_a_rounded_product_is_torchs_own_but_for_the_last_bit():
    torch.manual_seed(0)
    left, right, bias = torch.randn(9, 40), torch.randn(7, 40), torch.randn(7)
    found = []
    for context in (torch.autocast("cpu", torch.bfloat16), rounded_products()):
        leaf = left.clone().requires_grad_()
        with context:
            product = F.linear(leaf, right, bias)
        product.float().square().sum().backward()
        found.append((product, leaf.grad))
    for (theirs, ours), most in zip(zip(*found, strict=True), (1, 4), strict=True):
        assert ours.dtype == theirs.dtype
        assert (ours - theirs).abs().max() <= most * STEP * theirs.abs().max()
    assert not torch.equal(found[1][0].float(), F.linear(left, right, bias))


def test_a_whole_tower_is_nearer_to_torchs_own_than_to_float32(clip):
    exact, slope = passes(clip, torch.autocast("cpu", enabled=False))
    theirs, their_slope = passes(clip, torch.autocast("cpu", torch.bfloat16))
    ours, our_slope = passes(clip, rounded_products())
    assert (ours - theirs).norm() < (exact - theirs).norm()
    assert F.cosine_similarity(our_slope, their_slope, dim=0) > 0.9
    assert not torch.equal(our_slope, slope)


class Products(TorchDispatchMode):
    """Counts products by the type of number that is multiplied."""

    def __init__(self):
        super().__init__()
        self.found = Counter()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func._opname in {"mm", "addmm", "bmm", "baddbmm", "convolution", "convolution_backward"}:
            self.found[args[-1 if func._opname == "addmm" else 0].dtype] += 1
        return func(*args, **(kwargs or {}))


def test_nothing_is_left_to_be_multiplied_number_by_number(clip):
    products = Products()
    with products:
        passes(clip, rounded_products())
    assert set(products.found) == {torch.float32}
    assert products.found.total() > 20
