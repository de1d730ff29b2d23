"""The device and the precision of inference."""

import numpy as np
import pytest
import torch

from encoder.encoder import Encoder
from encoder.errors import EncoderError
from encoder.precision import LEAST_COSINE
from encoder.variants import Variants
from tests.tiny_clip import build_tiny_clip


def add(home, base, **more):
    return Variants(home).add("tiny", base, **more)


def test_on_a_cpu_the_arithmetic_is_float32_unless_named_otherwise(encoder):
    assert (encoder.precision, encoder.device) == ("float32", "cpu")


def test_bfloat16_is_refused_where_it_turns_the_vectors(tmp_path):
    """Wide weights make attention so sharp that bfloat16 lands elsewhere."""
    variant = add(tmp_path, build_tiny_clip(tmp_path / "base", spread=8.0))
    with pytest.raises(EncoderError, match="use float32"):
        Encoder.load(variant, precision="bfloat16", device="cpu")


def test_bfloat16_is_used_where_it_leaves_the_vectors(tmp_path, pictures, texts):
    variant = add(tmp_path, build_tiny_clip(tmp_path / "base", spread=1.0))
    exact = Encoder.load(variant, device="cpu")
    short = Encoder.load(variant, precision="bfloat16", device="cpu")
    assert short.precision == "bfloat16"
    for encode, items in (("encode_images", pictures), ("encode_texts", texts)):
        got, expected = getattr(short, encode)(items), getattr(exact, encode)(items)
        cosines = (got * expected).sum(axis=1)
        assert got.dtype == np.float32
        assert LEAST_COSINE <= cosines.min() < 1 - 1e-9


@pytest.mark.parametrize("name", ["cuda:99", "tpu9000"])
def test_a_device_that_is_not_there_is_refused(variant, name):
    with pytest.raises(EncoderError, match=name):
        Encoder.load(variant, device=name)


def test_an_unknown_precision_is_refused(variant):
    with pytest.raises(EncoderError, match="'int4'"):
        Encoder.load(variant, precision="int4", device="cpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_is_used_where_there_is_one(variant, encoder, pictures, texts):
    there = Encoder.load(variant)
    assert there.device.startswith("cuda")
    for encode, items in (("encode_images", pictures), ("encode_texts", texts)):
        cosines = (getattr(there, encode)(items) * getattr(encoder, encode)(items)).sum(axis=1)
        assert cosines.min() >= LEAST_COSINE
