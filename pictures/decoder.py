"""The one picture decoder, for the pictures of products and of queries alike.

Whatever the file is, out comes plain RGB, upright, on white. Bytes come from strangers: the header
is read first, and what would need too much memory is refused before a pixel is decoded.
"""

import io
import warnings
from contextlib import suppress

from PIL import ExifTags, Image, ImageOps

from pictures.errors import PictureError

# What shops and phones write. Pillow knows dozens more; each is a parser for strangers' bytes.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")

# How the commonest begin, to tell a damaged picture from a web page that says it is not found.
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")

MAX_PIXELS = 64_000_000  # above any phone's usual 50 megapixels; 256 MB while it is decoded
MIN_SIDE = 8  # pixels; below lie tracking pixels and spacers
# CLIP resizes the shortest side to 224 or so: a line of 8 × 60,000 would become a gigabyte then.
MAX_SHAPE = 50  # longest side over shortest

WHITE = (255, 255, 255)

# Pillow warns of large pictures at a limit of its own; the one above decides here. Whatever else is
# odd about a picture either shows when it is decoded or does not matter.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def open_picture(data: bytes, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Read a picture's header; its pixels are not decoded yet.

    Args:
        data: The whole file.
        name: What a sentence calls it.
        max_pixels: Cap on width × height.

    Raises:
        PictureError: "empty", "not a picture", "too many pixels", "too small", "too narrow".
    """
    if not data:
        raise PictureError("empty", f"{name} is empty.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_large(name, "hundreds of millions of", max_pixels) from error
    except Exception as error:  # strangers' bytes make decoders fail in every way there is
        raise _unopened(data, name) from error
    short, long = sorted(image.size)
    if short * long > max_pixels:
        raise _too_large(name, f"{image.width:,} × {image.height:,}", max_pixels)
    if short < MIN_SIDE:
        raise PictureError(
            "too small",
            f"{name} has {image.width} × {image.height} pixels; {MIN_SIDE} a side is the least.",
        )
    if long > MAX_SHAPE * short:
        raise PictureError(
            "too narrow",
            f"{name} has {image.width:,} × {image.height:,} pixels; "
            f"a side may be at most {MAX_SHAPE} times the other.",
        )
    return image


def _unopened(data: bytes, name: str) -> PictureError:
    """Why no decoder took the data."""
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return PictureError("truncated", f"{name} is cut off: its header promises more bytes.")
    if data.startswith(SIGNATURES) or data[4:8] == b"ftyp":
        return PictureError("broken", f"{name} cannot be decoded: its data is damaged.")
    return PictureError(
        "not a picture", f"{name} is no picture in a known format ({', '.join(FORMATS)})."
    )


def _too_large(name: str, pixels: str, cap: int) -> PictureError:
    return PictureError("too many pixels", f"{name} has {pixels} pixels; the cap is {cap:,}.")


def is_upright(image: Image.Image) -> bool:
    """Whether a picture's EXIF block, if it has one that can be read, asks for no rotation."""
    with suppress(Exception):  # strangers' bytes again
        return image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    return True


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Decode an opened picture: first frame, upright, transparency on white, 8-bit RGB.

    Raises:
        PictureError: "truncated" or "broken".
    """
    try:
        image.load()
        return _on_white(_eight_bit(_upright(image)))
    except Exception as error:  # strangers' bytes make decoders fail in every way there is
        if isinstance(error, EOFError) or "truncated" in str(error).casefold():
            sentence = f"{name} is cut off before its last row of pixels."
            raise PictureError("truncated", sentence) from error
        raise PictureError("broken", f"{name} cannot be decoded: its data is damaged.") from error


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # a damaged EXIF block is no reason to refuse the picture
        return ImageOps.exif_transpose(image)
    return image


def _eight_bit(image: Image.Image) -> Image.Image:
    """Bring 16-bit, 32-bit and floating-point grey to 8 bits; Pillow would cut it off at 255.

    The wider modes do not say what their white is: 1, 255 or 65,535, the least that holds them.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    import numpy as np  # takes longer to load than everything else a decoder needs

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    top = grey.max()
    white = 1.0 if image.mode == "F" and top <= 1.0 else 255.0 if top <= 255.0 else 65535.0
    return Image.fromarray(np.clip(grey * (255.0 / white), 0.0, 255.0).round().astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    paper = Image.new("RGB", layer.size, WHITE)
    paper.paste(layer, mask=layer)
    return paper
