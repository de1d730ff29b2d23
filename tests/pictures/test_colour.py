import numpy as np
import pytest
from PIL import Image, ImageCms

from pictures.decoder import decode
from pictures.thumbnail import decode_reduced, make_thumbnail
from tests.pictures import profiles
from tests.pictures.encoding import encoded

COLOURS = [(200, 100, 50), (60, 120, 80), (90, 90, 160), (128, 128, 128), (255, 255, 255)]
SIZE = (20, 16)

P3 = profiles.rgb_profile(profiles.DISPLAY_P3, 2.2)
ADOBE = profiles.rgb_profile(profiles.ADOBE_RGB, 2.2)


def filled(colour: tuple[int, ...], mode: str = "RGB", size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new(mode, size, colour)


def first(data: bytes) -> tuple[int, ...]:
    return decode(data).getpixel((3, 3))


def in_srgb(colour: tuple[int, int, int], primaries: tuple, gamma: float) -> np.ndarray:
    """The colour by the formulas of the profile and of sRGB (IEC 61966-2-1)."""
    light = (np.array(colour) / 255) ** gamma
    linear = np.linalg.inv(np.array(profiles.SRGB).T) @ np.array(primaries).T @ light
    linear = np.clip(linear, 0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(
    ("profile", "primaries"),
    [(P3, profiles.DISPLAY_P3), (ADOBE, profiles.ADOBE_RGB)],
    ids=["Display P3", "Adobe RGB"],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_wide_colours_are_converted_to_srgb(form, profile, primaries, colour):
    options = {"lossless": True} if form == "WEBP" else {"quality": 100} if form == "JPEG" else {}
    found = first(encoded(filled(colour), form, icc_profile=profile, **options))
    assert np.abs(np.array(found) - in_srgb(colour, primaries, 2.2)).max() <= 3
    if len(set(colour)) == 3:
        assert found != colour


def test_a_grey_profile_is_applied_to_greys():
    profile = profiles.grey_profile(1.0)
    expected = 255 * (1.055 * (64 / 255) ** (1 / 2.4) - 0.055)
    for mode, colour in (("L", 64), ("LA", (64, 255))):
        found = first(encoded(filled(colour, mode), "PNG", icc_profile=profile))
        assert found == pytest.approx((expected,) * 3, abs=2)


def test_a_cmyk_profile_is_applied_to_cmyk():
    paper = profiles.cmyk_profile((0.95, 0.5, 0.7))  # white is white; with ink the paper is seen
    red, _, blue = first(encoded(filled((0, 0, 0, 128), "CMYK"), quality=100, icc_profile=paper))
    assert blue < red - 30
    assert first(encoded(filled((0, 0, 0, 128), "CMYK"), quality=100)) == (127, 127, 127)


def test_a_palette_and_transparency_are_converted_too():
    expected = first(encoded(filled(COLOURS[0]), "PNG", icc_profile=P3))
    palette = filled(COLOURS[0]).quantize(4)
    assert first(encoded(palette, "PNG", icc_profile=P3)) == expected
    layer = filled((*COLOURS[0], 255), "RGBA")
    layer.putpixel((0, 0), (0, 0, 0, 0))
    picture = decode(encoded(layer, "PNG", icc_profile=P3))
    assert picture.getpixel((3, 3)) == expected
    assert picture.getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    "profile",
    [
        b"x",
        P3[:100],
        P3[:-200],
        bytes(3000),
        P3[:140] + b"\xff" * 60 + P3[200:],
        profiles.grey_profile(1.0),  # made for other pixels
        profiles.cmyk_profile((0.5, 0.5, 0.5)),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_broken_profile_is_ignored(form, profile):
    plain = first(encoded(filled(COLOURS[0]), form))
    assert first(encoded(filled(COLOURS[0]), form, icc_profile=profile)) == plain


def test_a_picture_with_the_profile_of_srgb_is_kept_byte_for_byte():
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = encoded(filled(COLOURS[0]), icc_profile=srgb)
    assert make_thumbnail(data, 64, "").data == data
    wide = encoded(filled(COLOURS[0]), icc_profile=P3)
    assert make_thumbnail(wide, 64, "").data != wide


def test_store_and_query_see_the_same_colours():
    ramp = np.zeros((300, 400, 3), np.uint8)
    ramp[..., 0] = np.linspace(60, 220, 400)[None, :]
    ramp[..., 1] = np.linspace(60, 220, 300)[:, None]
    data = encoded(Image.fromarray(ramp), "PNG", icc_profile=P3)
    stored = decode(make_thumbnail(data, 100, "").data)
    query = decode_reduced(data, 100, "")
    assert np.abs(np.asarray(stored, int) - np.asarray(query, int)).mean() < 1
