"""A precision on trial: how near its vectors are to float32's, and how fast it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Protocol, cast

import numpy as np
from PIL import Image, ImageDraw

from encoder.processor import ImageProcessor
from encoder.runtimes.runtime import Runtime

# The 1st percentile of the cosines to float32 that a precision must keep: then the vectors of the
# two can be compared with each other, and the precision is no part of the fingerprint.
PERCENTILE, LEAST_COSINE = 1, 0.995

# A precision that gains less is not worth its files.
LEAST_GAIN = 1.2

# Pictures, and texts, of the batch whose time is measured.
TIMED, TIMED_TEXTS = 8, 32

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
class Sample:
    """Some of a shop's pictures, and some of its texts."""

    pictures: Sequence[Image.Image]
    texts: Sequence[str]


@dataclass(frozen=True)
class Samples:
    """Texts and pictures for a trial, prepared.

    Attributes:
        tokens: token ids of texts.
        pixels: uint8 (n, side, side, 3); None for a text model.
    """

    tokens: Sequence[list[int]]
    pixels: np.ndarray | None = None

    @property
    def named(self) -> str:
        """How many they are, in words."""
        if self.pixels is None:
            return f"{len(self.tokens)} texts"
        return f"{len(self.pixels)} pictures and texts"


class TextFeatures(Protocol):
    """A text encoder that can be run."""

    def text_features(self, tokens: Sequence[list[int]]) -> np.ndarray:
        """Run it on n texts: float32 (n, d), not normalised."""


@dataclass(frozen=True)
class Trial:
    """What a model is compared on with float32.

    Attributes:
        samples: texts and pictures.
        expected: their features by torch in float32, by "image" and "text".
    """

    samples: Samples
    expected: Mapping[str, np.ndarray]

    def cosine(self, model: TextFeatures) -> float:
        """The 1st percentile of a model's cosines, of pictures or texts: the lesser one."""
        got = features(model, self.samples)
        return min(
            float(np.percentile(cosines(got[part], expected), PERCENTILE))
            for part, expected in self.expected.items()
        )

    def gain(self, model: TextFeatures, plain: TextFeatures) -> float:
        """How many times as fast as another one a model encodes a batch.

        Of pictures, or texts where it takes none. They take turns, and each one's fastest round
        counts: other work on the machine only delays.
        """
        pixels = self.samples.pixels
        if pixels is None:
            batch = Samples(self.samples.tokens[:TIMED_TEXTS])
        else:
            batch = Samples([], pixels[:TIMED])
        seconds: dict[int, float] = {}
        for number in range(ROUNDS + 1):
            for which, each in enumerate((model, plain)):
                started = perf_counter()
                features(each, batch)
                if number:  # the first one generates code
                    took = perf_counter() - started
                    seconds[which] = min(seconds.get(which, took), took)
        return seconds[1] / seconds[0]


def features(model: TextFeatures, samples: Samples) -> dict[str, np.ndarray]:
    """Features of samples, by "image" and "text", where there are such."""
    found: dict[str, np.ndarray] = {}
    if samples.pixels is not None:
        found["image"] = cast("Runtime", model).image_features(samples.pixels)
    if samples.tokens:
        found["text"] = model.text_features(samples.tokens)
    return found


def cosines(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Cosines of features (n, d) to others, row by row; NaN counts as the opposite direction."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num((left * right).sum(axis=1) / lengths, nan=-1.0)


def drawn_texts() -> list[str]:
    """Texts of all lengths, for where a shop has none."""
    return [WORDS[:length] for length in LENGTHS]


def drawn_pictures(processor: ImageProcessor) -> np.ndarray:
    """Drawn pictures, for where a shop has none: uint8 (n, side, side, 3)."""
    random = np.random.default_rng(0)
    return np.stack(
        [
            processor.pixels(_drawn(random, contrast, shapes))
            for contrast in CONTRASTS
            for shapes in SHAPES
            for _ in range(DRAWN)
        ]
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
