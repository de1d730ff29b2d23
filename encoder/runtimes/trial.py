"""A precision on trial: how near its vectors are to float32's, and how fast it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from PIL import Image, ImageDraw

from encoder.processor import ImageProcessor
from encoder.runtimes.runtime import Runtime
from encoder.tokenizer import Tokenizer

# The 1st percentile of the cosines to float32 that a precision must keep: then the vectors of the
# two can be compared with each other, and the precision is no part of the fingerprint.
PERCENTILE, LEAST_COSINE = 1, 0.995

# A precision that gains less is not worth its files.
LEAST_GAIN = 1.2

ROUNDS = 3

# Drawn pictures: shapes on white, from very low contrast (a white shirt on white) to full
# contrast. bfloat16 loses low contrast first: of 800 photographs it moved 3 % beyond the bound
# with one trained checkpoint and none with another. Noise pictures passed with both checkpoints;
# these fail with the first and pass with the second.
CONTRASTS = (8, 16, 64, 255)
SHAPES = (1, 3, 8)
DRAWN = 8  # pictures of each kind
CANVAS = 224

# Their texts: from nothing to longer than any CLIP reads, in characters.
WORDS = "a red cotton shirt for men with long sleeves, size 42, by Acme. " * 20
LENGTHS = (0, 1, 5, 10, 20, 40, 80, 1000)


@dataclass(frozen=True)
class Samples:
    """Pictures and texts for a trial, prepared.

    Attributes:
        pixels: uint8 (n, side, side, 3).
        tokens: token ids of texts.
    """

    pixels: np.ndarray
    tokens: Sequence[list[int]]


def drawn_samples(processor: ImageProcessor, tokenizer: Tokenizer) -> Samples:
    """Samples for where a shop has none: drawn pictures, and texts of all lengths."""
    random = np.random.default_rng(0)
    pixels = [
        processor.pixels(_drawn(random, contrast, shapes))
        for contrast in CONTRASTS
        for shapes in SHAPES
        for _ in range(DRAWN)
    ]
    return Samples(np.stack(pixels), tokenizer([WORDS[:length] for length in LENGTHS]))


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


def cosine(model: Runtime, expected: Mapping[str, np.ndarray], samples: Samples) -> float:
    """The 1st percentile of the cosines to given features, of pictures or texts: the lesser one."""
    got = features(model, samples)
    return min(
        float(np.percentile(cosines(got[part], expected[part]), PERCENTILE)) for part in expected
    )


def features(model: Runtime, samples: Samples) -> dict[str, np.ndarray]:
    """Features of samples, by "image" and "text"."""
    return {
        "image": model.image_features(samples.pixels),
        "text": model.text_features(samples.tokens),
    }


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosines of features (n, d) to others, row by row; NaN counts as the opposite direction."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num((left * right).sum(axis=1) / lengths, nan=-1.0)


def gain(model: Runtime, plain: Runtime, pixels: np.ndarray) -> float:
    """How many times as fast as another one a model encodes pictures.

    They take turns, and each one's fastest round counts: other work on the machine only delays.
    """
    seconds: dict[int, float] = {}
    for number in range(ROUNDS + 1):
        for which, each in enumerate((model, plain)):
            started = perf_counter()
            each.image_features(pixels)
            if number:  # the first one generates code
                took = perf_counter() - started
                seconds[which] = min(seconds.get(which, took), took)
    return seconds[1] / seconds[0]
