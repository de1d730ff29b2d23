"""Shrinking: any picture into the small JPEG that the store keeps."""

import io
from dataclasses import dataclass

from PIL import Image

from pictures.decoder import is_upright, open_picture, to_rgb

SIDE = 224  # the shortest side kept: what CLIP's processors look at
QUALITY = 95  # JPEG; above it files grow without looking better
# Bytes of a small JPEG that is kept as it is: some carry megabytes of metadata.
KEPT_BYTES = 512 * 2**10
# What CLIP's own processors resize with: a kept picture is then what they would have made of the
# original. JPEGs are decoded at 1/2, 1/4 or 1/8 first, to no less than twice the size wanted: three
# times as fast, and 0.2 of 255 grey levels away from the whole picture resized (25 detailed photos
# of 1,500 pixels; Lanczos, 1.0, a fifth slower; decoding to once the size wanted, 2.2).
FILTER = Image.Resampling.BICUBIC
DECODED = 2
REDUCING_GAP = 3.0  # Pillow's own advice: in effect as good as none


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as it is kept.

    Attributes:
        data: A JPEG; the original itself where that is small and plain already.
        width: In pixels.
        height: In pixels.
    """

    data: bytes
    width: int
    height: int


def make_thumbnail(data: bytes, side: int, name: str) -> Thumbnail:
    """Make the small JPEG of a picture; nothing is enlarged.

    Args:
        data: The original file.
        side: The shortest side wanted, in pixels.
        name: What a sentence calls the picture.

    Raises:
        PictureError: It is no picture that can be kept.
    """
    opened = open_picture(data, name)
    plain = opened.format == "JPEG" and opened.mode == "RGB" and len(data) <= KEPT_BYTES
    plain = plain and is_upright(opened)
    width, height = _fitted(opened.size, side)
    opened.draft(None, (DECODED * width, DECODED * height))
    image = to_rgb(opened, name)
    if plain and min(image.size) <= side:
        return Thumbnail(data, *image.size)
    image = image.resize(_fitted(image.size, side), FILTER, reducing_gap=REDUCING_GAP)
    file = io.BytesIO()
    # full colour resolution: edges are few pixels wide at this size
    image.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return Thumbnail(file.getvalue(), *image.size)


def _fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with the shortest side at most `side`, the shape kept."""
    scale = min(1.0, side / min(size))
    return round(size[0] * scale), round(size[1] * scale)
