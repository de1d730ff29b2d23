"""The one picture decoder, for the pictures of products and of queries alike.

It turns a file of any known format into 8-bit sRGB, upright, transparency on white. The bytes are
untrusted: the header is read first, and a picture above the caps is rejected before it is decoded.
HEIF is read where its decoder was registered: in the decode workers.

Reasons of a `PictureError` here:

    empty, not a picture, broken, truncated
    format not read                             a picture, in a format that is not in `formats.READ`
    transparent                                 everywhere: nothing is to be seen
    too many pixels, too small, too narrow      by the header
    too much memory                             the process's limit was reached
"""

import io
import warnings
from contextlib import suppress

from PIL import ExifTags, Image, ImageOps

from pictures import jpeg
from pictures.colour import to_srgb
from pictures.errors import PictureError
from pictures.formats import HEAD, NO_PICTURES, READ, identify
from pictures.grey import to_eight_bits
from pictures.png import without_metadata

# Reasons that a file's own content is the cause of; a failed read or too little memory may pass.
DAMAGE = {
    *("empty", "not a picture", "format not read", "broken", "truncated", "transparent"),
    *("too many pixels", "too small", "too narrow"),
}

MAX_PIXELS = 64_000_000  # above any phone's usual 50 megapixels; 256 MB while it is decoded
MIN_SIDE = 8  # pixels; smaller ones are tracking pixels and spacers
# Encoders resize the shortest side to 224 or so, which would enlarge 8 × 60,000 to a gigabyte.
MAX_ASPECT_RATIO = 50

HEIF = "HEIF"
JPEGS = ("JPEG", "MPO")  # MPO: several pictures in a file, the first of them an ordinary JPEG
GREYS = ("1", "L", "LA")
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
        PictureError: "empty", "not a picture", "format not read", "broken", "truncated", or above
            a cap.
    """
    if not data:
        raise PictureError("empty", f"{name} is empty.")
    known = [name for name in READ if name != HEIF or HEIF in Image.OPEN]
    try:
        image = Image.open(io.BytesIO(_repaired(data)), formats=known)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(name, "hundreds of millions of") from error
    except Exception as error:  # untrusted bytes raise every exception there is
        raise _unopened(data, name) from error
    _check_size(image, name)
    return image


def _repaired(data: bytes) -> bytes:
    """A file without what would make its decoder refuse sound pixels."""
    kind = identify(data)
    if kind == "PNG":
        return without_metadata(data)
    if kind == "JPEG" or (not kind and jpeg.START in data[:HEAD]):
        return jpeg.repair(data)
    return data


def _check_size(image: Image.Image, name: str) -> None:
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


def _unopened(data: bytes, name: str) -> PictureError:
    """The error for data that no decoder accepts."""
    if data[:4] == b"RIFF" and int.from_bytes(data[4:8], "little") + 8 > len(data):
        return PictureError("truncated", f"{name} is cut off: its header promises more bytes.")
    kind = identify(data)
    if kind in READ:
        return PictureError(
            "broken", f"{name} cannot be decoded: its {kind} data is broken, or of a rare kind."
        )
    return not_read(kind, name)


def not_read(kind: str, name: str, more: str = "") -> PictureError:
    """The error for a file of another format.

    Args:
        kind: Its format, as `formats.identify` returns it.
        name: How the sentence names the file.
        more: What else is known of it.
    """
    formats = f"the formats that are read are {', '.join(READ)}"
    if not kind or kind in NO_PICTURES:
        what = f"is {kind}, not a picture" if kind else "is no picture"
        return PictureError("not a picture", f"{name} {what}{more}; {formats}.")
    return PictureError("format not read", f"{name} is {kind}, which is not read{more}; {formats}.")


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
        _check_size(image, name)  # that of HEIF may differ from its header's
        if image.format in JPEGS and jpeg.ends_early(image, data):
            raise EOFError
        if _is_transparent(image):
            raise PictureError("transparent", f"{name} is transparent everywhere.")
        tags, profile = getattr(image, "tag_v2", {}), image.info.get("icc_profile")
        return to_srgb(_on_white(to_eight_bits(_upright(image), tags)), profile)
    except PictureError:
        raise
    except MemoryError as error:
        sentence = f"{name} needs more memory to decode than a process may use."
        raise PictureError("too much memory", sentence) from error
    except Exception as error:  # untrusted bytes raise every exception there is
        if isinstance(error, EOFError) or "truncated" in str(error).casefold():
            sentence = f"{name} is cut off before its last row of pixels."
            raise PictureError("truncated", sentence) from error
        raise PictureError("broken", f"{name} cannot be decoded: its data is broken.") from error


def _is_transparent(image: Image.Image) -> bool:
    """Whether no pixel of a picture is visible."""
    if not image.has_transparency_data:
        return False
    alpha = image if image.mode in ("RGBA", "LA") else image.convert("RGBA")
    return alpha.getchannel("A").getextrema()[1] == 0


def _upright(image: Image.Image) -> Image.Image:
    with suppress(Exception):  # a damaged EXIF block is no reason to reject the picture
        ImageOps.exif_transpose(image, in_place=True)
    return image


def _on_white(image: Image.Image) -> Image.Image:
    """A picture without transparency; greys, CMYK and Lab stay what they are."""
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    white = Image.new("RGB", layer.size, WHITE_RGB)
    white.paste(layer, mask=layer)
    return white.convert("L") if image.mode in GREYS else white
