"""Colours of a picture, converted to sRGB by the colour profile (ICC) that its file contains.

Photos of phones are in Display P3, prints in CMYK, some cameras' in Adobe RGB: without the profile
all of them have wrong colours. A profile that is damaged, or made for another kind of pixels, is
ignored. Conversions are relative colorimetric with black-point compensation, as of image editors.
"""

import io
from functools import lru_cache
from itertools import chain, product

from PIL import Image, ImageChops, ImageCms

# A profile's colour space → the mode of the pixels that it describes.
MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}
CACHED = 8  # profiles: most pictures of a shop have the same few
SAME = 2  # of 255: a profile that changes no colour by more is taken for sRGB's own
PROBE = range(0, 256, 51)

SRGB = ImageCms.createProfile("sRGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A picture as RGB, by its colour profile where it has a valid one.

    Args:
        image: 8-bit, without transparency.
        profile: The ICC profile of its file.
    """
    transform = _transform(profile, _mode(image)) if profile else None
    if transform is None:
        return image.convert("RGB")
    converted: Image.Image = transform.apply(image.convert(transform.input_mode))
    return converted


def has_other_colours(image: Image.Image) -> bool:
    """Whether a picture's colour profile makes its pixels other colours than sRGB's."""
    profile = image.info.get("icc_profile")
    return bool(profile) and _transform(profile, _mode(image)) is not None


def _mode(image: Image.Image) -> str:
    """The kind of a picture's pixels: L, CMYK, LAB, or RGB for all others."""
    base = {"1": "L", "LA": "L"}.get(image.mode, image.mode)
    return base if base in MODES.values() else "RGB"


@lru_cache(CACHED)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The conversion of pixels to sRGB; None where there is nothing to convert by."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = MODES.get(source.profile.xcolor_space.strip())
        if space is None or (space != mode and (space, mode) != ("RGB", "L")):
            return None
        transform = ImageCms.buildTransform(
            source,
            SRGB,
            space,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        return None if _changes_nothing(transform) else transform
    except (ImageCms.PyCMSError, OSError, TypeError, ValueError):  # untrusted bytes
        return None


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    if transform.input_mode not in ("RGB", "L"):
        return False
    colours = bytes(chain.from_iterable(product(PROBE, repeat=3)))
    probe = Image.frombytes("RGB", (len(colours) // 3, 1), colours).convert(transform.input_mode)
    difference = ImageChops.difference(probe.convert("RGB"), transform.apply(probe))
    return max(difference.tobytes()) <= SAME
