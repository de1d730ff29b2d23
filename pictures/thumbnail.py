"""Reduction of a picture: to the JPEG thumbnail that the store keeps, or to a query's pixels."""

import io
from dataclasses import dataclass

from PIL import Image

from pictures.colour import has_other_colours
from pictures.decoder import is_upright, open_picture, to_rgb
from pictures.jpeg import START

# The default shortest side: what the largest usual image encoders read (CLIP 224 and 336, SigLIP up
# to 384), and what a card of the search page needs on a screen of two pixels a point.
SIDE = 384
QUALITY = 95  # JPEG; above it files grow without a visible difference
# Largest JPEG that is kept byte for byte: some files carry megabytes of metadata.
MAX_KEPT_BYTES = 512 * 2**10
# The filter of CLIP's own processors: a thumbnail is then what they would have made of the
# original. JPEGs are decoded at 1/2, 1/4 or 1/8 first, to no less than twice the size wanted: three
# times as fast, and 0.2 of 255 grey levels away from the whole picture resized (25 detailed photos
# of 1,500 pixels; Lanczos, 1.0, a fifth slower; decoding to once the size wanted, 2.2).
FILTER = Image.Resampling.BICUBIC
DRAFT_SCALE = 2
REDUCING_GAP = 3.0  # Pillow's recommendation: in effect as good as none


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A picture as it is kept.

    Attributes:
        data: A JPEG file in sRGB; the original bytes where these are a small plain one already.
        width: In pixels.
        height: In pixels.
    """

    data: bytes
    width: int
    height: int


def make_thumbnail(data: bytes, side: int, name: str) -> Thumbnail:
    """Make the thumbnail of a picture; nothing is enlarged.

    Args:
        data: The original file.
        side: Shortest side of the thumbnail, in pixels.
        name: How an error's sentence names the picture.

    Raises:
        PictureError: With a reason of the decoder's list.
    """
    opened = open_picture(data, name)
    keep = opened.format == "JPEG" and opened.mode == "RGB" and is_upright(opened)
    keep = keep and min(opened.size) <= side and len(data) <= MAX_KEPT_BYTES
    keep = keep and data.startswith(START) and not has_other_colours(opened)
    image = _reduce(opened, side, name)  # also where it is kept: it must be possible to decode
    if keep:
        return Thumbnail(data, *image.size)
    file = io.BytesIO()
    # full colour resolution: edges are few pixels wide at this size
    image.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return Thumbnail(file.getvalue(), *image.size)


def decode_reduced(data: bytes, side: int, name: str) -> Image.Image:
    """Decode a picture to RGB with the shortest side at most `side`; nothing is enlarged.

    Raises:
        PictureError: With a reason of the decoder's list.
    """
    return _reduce(open_picture(data, name), side, name)


def _reduce(opened: Image.Image, side: int, name: str) -> Image.Image:
    width, height = _fit(opened.size, side)
    opened.draft(None, (DRAFT_SCALE * width, DRAFT_SCALE * height))
    image = to_rgb(opened, name)
    if min(image.size) <= side:
        return image
    return image.resize(_fit(image.size, side), FILTER, reducing_gap=REDUCING_GAP)


def _fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height with the shortest side at most `side`, the aspect ratio kept."""
    scale = min(1.0, side / min(size))
    return round(size[0] * scale), round(size[1] * scale)
