"""The device and the precision of inference."""

import copy
from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageDraw

from encoder.errors import EncoderError
from encoder.model import DualEncoder
from encoder.tokenizer import Tokenizer

Precision = Literal["auto", "float32", "bfloat16"]

# Least cosine to float32 on the probe that another precision must keep.
LEAST_COSINE = 0.999

# The probe's pictures: shapes on white, from very low contrast (a white shirt on white) to full
# contrast. bfloat16 loses low contrast first: of 800 photographs it moved 3 % beyond the bound
# with one trained checkpoint and none with another. Noise pictures passed with both checkpoints;
# these fail with the first and pass with the second.
CONTRASTS = (8, 16, 64, 255)
SHAPES = (1, 3, 8)
DRAWN = 8  # pictures of each kind
CANVAS = 224

# The probe's texts: from nothing to longer than any CLIP reads, in characters.
WORDS = "a red cotton shirt for men with long sleeves, size 42, by Acme. " * 20
LENGTHS = (0, 1, 5, 10, 20, 40, 80, 1000)


def find_device(name: str | None) -> torch.device:
    """The device of that name, or the best there is: CUDA, else the CPU.

    Raises:
        EncoderError: torch knows no such device, or this machine has none.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise EncoderError(
            f"This machine cannot run on the device {name!r}: use cpu, or leave the device out."
        ) from error
    return device


def in_precision(model: DualEncoder, precision: Precision, tokenizer: Tokenizer) -> DualEncoder:
    """Choose the precision: bfloat16 only where the probe allows it.

    `auto` is float32 on a CPU, so that a job stopped and run again ends with the vectors of a
    run without interruption; on other devices it is bfloat16 where the probe allows it.

    Args:
        model: the model in float32.
        precision: the precision that was named.
        tokenizer: the checkpoint's tokenizer.

    Raises:
        EncoderError: an unknown precision, or bfloat16 was named and fails the probe.
    """
    if precision not in ("auto", "float32", "bfloat16"):
        raise EncoderError(f"The precision is auto, float32 or bfloat16, not {precision!r}.")
    if precision == "float32" or (precision == "auto" and model.device.type == "cpu"):
        return model
    halved = DualEncoder(copy.deepcopy(model.model).bfloat16(), model.checkpoint)
    least = least_cosine(model, halved, tokenizer)
    if least >= LEAST_COSINE:
        return halved
    if precision == "auto":
        return model
    raise EncoderError(
        f"bfloat16 changes this model's vectors (cosine to float32 {least:.4f} on the probe, "
        f"{LEAST_COSINE} is needed): use float32."
    )


def least_cosine(one: DualEncoder, other: DualEncoder, tokenizer: Tokenizer) -> float:
    """The least cosine between two models' vectors over the probe's pictures and texts."""
    random = np.random.default_rng(0)
    pixels = np.stack(
        [
            one.checkpoint.processor.pixels(_drawn(random, contrast, shapes))
            for contrast in CONTRASTS
            for shapes in SHAPES
            for _ in range(DRAWN)
        ]
    )
    texts = tokenizer([WORDS[:length] for length in LENGTHS])
    return min(
        _least(one.image_features(pixels), other.image_features(pixels)),
        _least(one.text_features(texts), other.text_features(texts)),
    )


def _drawn(random: np.random.Generator, contrast: int, shapes: int) -> Image.Image:
    """White with some ellipses, darker than white by up to `contrast` levels of 255."""
    picture = Image.new("RGB", (CANVAS, CANVAS), "white")
    for _ in range(shapes):
        x, y = random.integers(CANVAS // 10, CANVAS - CANVAS // 10, 2)
        across, down = random.integers(2, CANVAS // 3, 2)
        colour = tuple((255 - random.integers(0, contrast, 3)).tolist())
        box = [x - across, y - down, x + across, y + down]
        ImageDraw.Draw(picture).ellipse([int(edge) for edge in box], fill=colour)
    return picture


def _least(left: np.ndarray, right: np.ndarray) -> float:
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    cosines = (left * right).sum(axis=1) / lengths
    # NaN counts as the opposite direction.
    return float(np.nan_to_num(cosines, nan=-1.0).min())
