"""Light augmentation: random crops and horizontal flips.

Colours are not changed: shades of one product differ in nothing else.
"""

from random import Random

import numpy as np
from PIL import Image

from encoder.processor import ImageProcessor


def augment(
    image: Image.Image, processor: ImageProcessor, rng: Random, *, crop: float, flip: bool
) -> np.ndarray:
    """Crop and resize in one call, which costs no more than resizing alone.

    Args:
        image: RGB, of any size.
        processor: the checkpoint's.
        rng: source of crop and flip.
        crop: smallest share of the side to keep.
        flip: mirror half of the pictures.

    Returns:
        uint8 (side, side, 3).
    """
    # The processor crops a square, or resizes the whole picture to one.
    whole = image.size if processor.exact else (min(image.size),) * 2
    share = rng.uniform(crop, 1.0)
    width, height = (max(1.0, edge * share) for edge in whole)
    left = rng.uniform(0, image.width - width)
    top = rng.uniform(0, image.height - height)
    size = (processor.side, processor.side)
    box = (left, top, left + width, top + height)
    pixels = np.asarray(image.resize(size, Image.Resampling(processor.resample), box))
    return pixels[:, ::-1] if flip and rng.random() < 0.5 else pixels
