"""Generated vectors of pictures and texts that lie to each other as those of a small CLIP do.

The figures are those of a CLIP with 6.3 million parameters and 256 dimensions on 9,583 fashion
products, whose photos it was trained on (`docs/search-speed.md` compares the cosines).
"""

from __future__ import annotations

import numpy as np

from encoder.vectors import normalize

# Directions that the vectors differ in, and how much less each has of their variance than the one
# before: the first five have 88 %, the first ten 99 %.
DIRECTIONS = 20
DECAY = 0.65
# The gap between the modalities: lengths of the mean vectors of pictures and of texts, less what
# kinds add, and the cosine of these two.
PICTURE_MEAN, TEXT_MEAN, MEANS_COSINE = 0.36, 0.26, 0.64
# What the rest of a vector is made of, as shares of its variance: what all products of a kind have
# in common, what a product's picture and text have in common, and what each has alone.
OF_KIND, OF_PRODUCT, OF_VECTOR = 0.45, 0.35, 0.20


class Modalities:
    """Draws the vectors of products, of a picture and of a text each.

    Args:
        rng: draws the directions that all vectors have in common.
        dim: dimension of the vectors, at least 3.
    """

    def __init__(self, rng: np.random.Generator, dim: int) -> None:
        drawn = rng.standard_normal((dim, min(DIRECTIONS + 2, dim)))
        axes = np.linalg.qr(drawn)[0].T.astype(np.float32)
        one, other, *directions = axes
        between = float(np.sqrt(1 - MEANS_COSINE**2))
        self._picture = PICTURE_MEAN * one
        self._text = TEXT_MEAN * (MEANS_COSINE * one + between * other)
        variances = DECAY ** np.arange(len(directions))
        spread = np.sqrt(variances / variances.sum())[:, None]
        self._directions = (spread * np.array(directions)).astype(np.float32)

    def kind(self, rng: np.random.Generator) -> np.ndarray:
        """What a kind of products has in common: coordinates of variance 1, (directions,)."""
        return rng.standard_normal(len(self._directions), dtype=np.float32)

    def product(self, rng: np.random.Generator, kind: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The picture's and the text's unit vector of a product of a kind, float32 (d,) each."""
        common = OF_KIND**0.5 * kind + OF_PRODUCT**0.5 * self.kind(rng)
        picture, text = (
            normalize(self._placed(mean, common + OF_VECTOR**0.5 * self.kind(rng)))
            for mean in (self._picture, self._text)
        )
        return picture, text

    def _placed(self, mean: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """A vector of mean length 1 about the mean of its modality."""
        rest = float(np.sqrt(1 - mean @ mean))
        placed: np.ndarray = mean + rest * (coordinates @ self._directions)
        return placed
