"""The one picture decoder, for the pictures of products and of queries alike.

It turns a file of any known format into 8-bit RGB, upright, transparency on white. The bytes are
untrusted: the header is read first, and a picture above the caps is rejected before it is decoded.

Reasons of a `PictureError` here:

    empty, not a picture, broken, truncated
    transparent                                 everywhere: nothing is to be seen
    too many pixels, too small, too narrow      by the header
    too much memory                             the process's limit was reached
"""

import io
import warnings
from contextlib import suppress

from PIL import ExifTags, Image, ImageOps

from pictures.errors import PictureError

# What shops and phones write. Pillow has dozens more; each is another parser of untrusted bytes.
FORMATS = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF")

# How files of these formats begin, but for WebP and AVIF: `has_signature`.
SIGNATURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",  # TIFF
    b"MM\0*",
)

# Reasons that a file's own content is the cause of; a failed read or too little memory may pass.
DAMAGE = {
    *("empty", "not a picture", "broken", "truncated", "transparent"),
    *("too many pixels", "too small", "too narrow"),
}

MAX_PIXELS = 64_000_000  # above any phone's usual 50 megapixels; 256 MB while it is decoded
MIN_SIDE = 8  # pixels; smaller ones are tracking pixels and spacers
# Encoders resize the shortest side to 224 or so, which would enlarge 8 × 60,000 to a gigabyte.
MAX_ASPECT_RATIO = 50

# Of JPEG (ITU-T T.81): the second byte of a marker, a marker, and data that is no marker.
START_OF_SCAN = b"\xda"
END_OF_IMAGE = b"\xff\xd9"
FILLING = b"\x55\x33\x0f\x00" * 2**10

WHITE_RGB = (255, 255, 255)

# Pillow warns of large pictures at a limit of its own; `MAX_PIXELS` decides here. Its other
# warnings are about damage that either makes decoding fail or does not matter.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def decode(data: bytes, name: str = "The picture") -> Image.Image:
    """Decode a picture in this process, to RGB.

    Args:
        data: The whole file.
        name: How an error's sentence names the picture.

    Raises:
        PictureError: With a reason of the module's list.
    """
    return to_rgb(open_picture(data, name), name)


def open_picture(data: bytes, name: str) -> Image.Image:
    """Read a picture's header; its pixels are not decoded yet.

    Raises:
        PictureError: "empty", "not a picture", "broken", "truncated", or above a cap.
    """
    if not data:
        raise PictureError("empty", f"{name} is empty.")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name, "hundreds of millions of") from error
    except Exception as error:  # untrusted bytes raise every exception there is
        raise _unopened(data, name) from error
    short, long = sorted(image.size)
    if short * long > MAX_PIXELS:
        raise _too_many_pixels(name, f"{image.width:,} × {image.height:,}")
    if short < MIN_SIDE:
        raise PictureError(
            "too small",
            f"{name} has {image.width} × {image.height} pixels; {MIN_SIDE} a side is the least.",
        )
    if long > MAX_ASPECT_RATIO * short:
        raise PictureError(
            "too narrow",
            f"{name} has {image.width:,} × {image.height:,} pixels; "
            f"a side may be at most {MAX_ASPECT_RATIO} times the other.",
        )
    return image


def has_signature(data: bytes | bytearray) -> bool:
    """Whether a file's first bytes, 12 at least, are those of a picture format."""
    webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    avif = data[4:8] == b"ftyp"
    return webp or avif or data.startswith(SIGNATURES)


def _unopened(data: bytes, name: str) -> PictureError:
    """The error for data that no decoder accepts."""
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return PictureError("truncated", f"{name} is cut off: its header promises more bytes.")
    if has_signature(data):
        return PictureError("broken", f"{name} cannot be decoded: its data is damaged.")
    return PictureError(
        "not a picture", f"{name} is no picture in a known format ({', '.join(FORMATS)})."
    )


def _too_many_pixels(name: str, pixels: str) -> PictureError:
    return PictureError(
        "too many pixels", f"{name} has {pixels} pixels; the cap is {MAX_PIXELS:,}."
    )


def is_upright(image: Image.Image) -> bool:
    """Whether a picture's EXIF block, if it has a readable one, specifies no rotation."""
    with suppress(Exception):  # untrusted bytes
        return image.getexif().get(ExifTags.Base.Orientation, 1) == 1
    return True


def to_rgb(image: Image.Image, name: str) -> Image.Image:
    """Decode an opened picture: first frame, upright, transparency on white, 8-bit RGB.

    Raises:
        PictureError: "truncated", "broken", "transparent" or "too much memory".
    """
    file = getattr(image, "fp", None)
    data = file.getvalue() if isinstance(file, io.BytesIO) else b""
    try:
        image.load()
        if image.format == "JPEG" and _ends_early(image, data):
            raise EOFError
        if _is_transparent(image):
            raise PictureError("transparent", f"{name} is transparent everywhere.")
        return _on_white(_to_eight_bits(_upright(image)))
    except PictureError:
        raise
    except MemoryError as error:
        sentence = f"{name} needs more memory to decode than a process may use."
        raise PictureError("too much memory", sentence) from error
    except Exception as error:  # untrusted bytes raise every exception there is
        if isinstance(error, EOFError) or "truncated" in str(error).casefold():
            sentence = f"{name} is cut off before its last row of pixels."
            raise PictureError("truncated", sentence) from error
        raise PictureError("broken", f"{name} cannot be decoded: its data is damaged.") from error


def _is_transparent(image: Image.Image) -> bool:
    """Whether no pixel of a picture is visible."""
    if not image.has_transparency_data:
        return False
    alpha = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    return alpha.getchannel("A").getextrema()[1] == 0


def _ends_early(image: Image.Image, data: bytes) -> bool:
    """Whether a JPEG's end marker comes before its last blocks.

    libjpeg then leaves these at 128, grey, and reports nothing. Where the last pixel has that
    value the file is decoded again with more data before the marker: only what was missing changes.
    """
    last = image.getpixel((image.width - 1, image.height - 1))
    if not {127, 128}.issuperset(last if isinstance(last, tuple) else (last,)):  # 127: inverted
        return False
    start = 2
    while data[start : start + 1] == b"\xff" and data[start + 1 : start + 2] != START_OF_SCAN:
        start += 2 + int.from_bytes(data[start + 2 : start + 4])
    end = data.find(END_OF_IMAGE, start)
    if end < 0:
        return False
    longer = Image.open(io.BytesIO(data[:end] + FILLING + data[end:]), formats=("JPEG",))
    longer.draft(None, image.size)
    return longer.tobytes() != image.tobytes()


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # a damaged EXIF block is no reason to reject the picture
        return ImageOps.exif_transpose(image)
    return image


def _to_eight_bits(image: Image.Image) -> Image.Image:
    """Scale 16-bit, 32-bit and floating-point grey to 8 bits; Pillow would clip it at 255.

    The wider modes do not define white: it is taken as 1, 255 or 65,535, the least that holds
    every value; beyond that, of integers as the largest, of floats as the brightest value.
    """
    if not image.mode.startswith(("I", "F")):
        return image
    import numpy as np  # slow to import, and few pictures need it

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32), posinf=0.0, neginf=0.0)
    top = grey.max()
    if image.mode == "F" and top <= 1.0:
        white = 1.0
    else:
        beyond = float(top) if image.mode == "F" else 2.0**31 - 1
        white = next((white for white in (255.0, 65535.0) if top <= white), beyond)
    return Image.fromarray(np.clip(grey * (255.0 / white), 0.0, 255.0).round().astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    white = Image.new("RGB", layer.size, WHITE_RGB)
    white.paste(layer, mask=layer)
    return white
