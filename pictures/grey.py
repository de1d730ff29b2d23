"""Greys of 16 and 32 bits and floating-point ones, scaled to 8 bits: Pillow clips them at 255."""

from collections.abc import Mapping
from typing import Any

from PIL import Image

# Of TIFF: the numbers of the tags, and the values that matter here.
BITS_PER_SAMPLE, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2


def to_eight_bits(image: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    """Scale the wider modes of grey to 8 bits; other pictures stay as they are.

    Of unsigned integers, white is the largest number of their bits. The other modes do not define
    it: it is taken as 1, 255 or 65,535, the least that holds every value; beyond that, of integers
    as the largest, of floats as the brightest value.

    Args:
        image: In any mode.
        tags: Those of a TIFF file; empty for other formats.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    import numpy as np  # slow to import, and few pictures need it

    bits = tags.get(BITS_PER_SAMPLE, (16,))[0]
    grey = np.array(image, dtype=np.float32)  # all below is in place: it may have 256 MB
    np.nan_to_num(grey, copy=False, posinf=0.0, neginf=0.0)
    if image.mode.startswith("I;16"):
        white = 2.0**bits - 1
    elif tags.get(SAMPLE_FORMAT) == (SIGNED,) and bits < 32:
        white = 2.0 ** (bits - 1) - 1
    else:
        white = _white(image.mode, float(grey.max()))
    np.multiply(grey, 255.0 / white, out=grey)
    np.rint(np.clip(grey, 0.0, 255.0, out=grey), out=grey)
    scaled = grey.astype(np.uint8)
    return Image.fromarray(255 - scaled if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO else scaled)


def _white(mode: str, top: float) -> float:
    if mode == "F" and top <= 1.0:
        return 1.0
    beyond = top if mode == "F" else 2.0**31 - 1
    return next((white for white in (255.0, 65535.0) if top <= white), beyond)
