"""Light augmentation: another cut of the picture each time, and now and then its mirror image.

Colours are left alone: they are what tells one shade from the next.
"""

from random import Random

import numpy as np
from PIL import Image

from encoder.processor import ImageProcessor


def augmented(
    image: Image.Image, processor: ImageProcessor, rng: Random, *, crop: float, flip: bool
) -> np.ndarray:
    """Cut and resize in one go, which costs no more than resizing alone.

    Args:
        image: RGB, of any size.
        processor: the checkpoint's picture settings.
        rng: what to draw from; two pictures with like generators are cut alike.
        crop: smallest share of the side to keep.
        flip: whether to mirror every second picture.

    Returns:
        uint8 (side, side, 3).
    """
    # A square, as the processor's own cut is, unless it squeezes the whole picture into one.
    whole = image.size if processor.exact else (min(image.size),) * 2
    share = rng.uniform(crop, 1.0)
    width, height = (max(1.0, edge * share) for edge in whole)
    left = rng.uniform(0, image.width - width)
    top = rng.uniform(0, image.height - height)
    size = (processor.side, processor.side)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(image.resize(size, Image.Resampling(processor.resample), box))
    return pixels[:, ::-1] if flip and rng.random() < 0.5 else pixels
