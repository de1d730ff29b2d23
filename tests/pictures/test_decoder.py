import io
import os
import random
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from pictures import decoder
from pictures.decoder import decode
from pictures.errors import PictureError
from pictures.sources import open_file
from tests.pictures.encoding import encoded

# The closed list: what counts of failures have as keys.
REASONS = {
    *("empty", "not a picture", "format not read", "truncated", "broken", "transparent"),
    *("too many pixels", "too small", "too narrow"),
}
SIZE = (40, 30)
NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8))

# Pillow's own remarks about damaged TIFF and EXIF
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def photo(size: tuple[int, int] = SIZE) -> Image.Image:
    """Red on the left half, blue on the right, green on the bottom row's third."""
    picture = Image.new("RGB", size, (255, 0, 0))
    picture.paste((0, 0, 255), (size[0] // 2, 0, *size))
    picture.paste((0, 255, 0), (0, size[1] * 2 // 3, *size))
    return picture


def near(picture: Image.Image, place: tuple[int, int], colour: tuple[int, int, int]) -> bool:
    return max(abs(a - b) for a, b in zip(picture.getpixel(place), colour, strict=True)) <= 40


def is_photo(picture: Image.Image) -> bool:
    return (
        (picture.mode, picture.size) == ("RGB", SIZE)
        and near(picture, (5, 5), (255, 0, 0))
        and near(picture, (35, 5), (0, 0, 255))
        and near(picture, (5, 27), (0, 255, 0))
    )


def png(
    width: int, height: int, bits: int, colour: int, rows: bytes, *, extra: bytes = b""
) -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    if extra:
        extra = chunk(b"tRNS", extra)
    data = zlib.compress(rows, 1)
    head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return head + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def failure(data: bytes) -> PictureError:
    with pytest.raises(PictureError) as caught:
        decode(data)
    assert caught.value.reason in REASONS
    assert str(caught.value) == caught.value.sentence
    assert "\n" not in caught.value.sentence
    return caught.value


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_every_format_of_a_shop_is_decoded(form):
    assert is_photo(decode(encoded(photo(), form)))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_decoded(form):
    second = Image.new("RGB", SIZE, (0, 0, 0))
    assert is_photo(decode(encoded(photo(), form, save_all=True, append_images=[second, second])))


def test_cmyk_becomes_rgb():
    assert is_photo(decode(encoded(photo().convert("CMYK"), "JPEG", quality=95)))


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_colour_becomes_white(form):
    palette = photo().quantize(8)
    palette.info["transparency"] = palette.getpixel((5, 27))
    data = encoded(palette, form, transparency=palette.getpixel((5, 27)))
    assert Image.open(io.BytesIO(data)).mode == "P"
    picture = decode(data)
    assert picture.getpixel((5, 27)) == (255, 255, 255)
    assert near(picture, (5, 5), (255, 0, 0))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_pixels_are_blended_with_white(mode):
    layer = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    layer.paste((0, 0, 0, 128), (20, 0, 40, 30))
    picture = decode(encoded(layer.convert(mode), "PNG"))
    assert picture.getpixel((5, 5)) == (255, 255, 255)
    assert near(picture, (30, 5), (127, 127, 127))


def test_sixteen_bits_keep_their_greys():
    grey = np.tile(np.linspace(0, 65535, 40).astype(np.uint16), (30, 1))
    picture = decode(encoded(Image.fromarray(grey), "PNG"))
    assert [picture.getpixel((x, 5))[0] for x in (0, 20, 39)] == [0, 131, 255]
    row = b"\0" + b"\xff\xff\x80\x00\x00\x00" * 16
    assert decode(png(16, 16, 16, 2, row * 16)).getpixel((3, 3)) == (255, 128, 0)


def twelve_bit_tiff(row: list[int]) -> bytes:
    """A TIFF file of 12 bits a pixel, which Pillow reads and does not write."""
    packed = b"".join((a << 12 | b).to_bytes(3) for a, b in zip(row[::2], row[1::2], strict=True))
    tags = {
        256: len(row),
        257: 30,
        258: 12,
        259: 1,
        262: 1,
        273: 200,
        277: 1,
        278: 30,
        279: 30 * len(packed),
    }
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries
    return head.ljust(200, b"\0") + packed * 30


def test_a_tiff_of_twelve_bits_keeps_its_greys():
    picture = decode(twelve_bit_tiff([0, 4095] * 10 + [2048] * 20))
    assert [picture.getpixel((x, 5))[0] for x in (0, 1, 30)] == [0, 255, 128]


def test_where_zero_is_white_sixteen_bits_are_inverted():
    grey = np.tile(np.linspace(0, 65535, 40).astype(np.uint16), (30, 1))
    picture = decode(encoded(Image.fromarray(grey), "TIFF", tiffinfo={262: 0}))
    assert [picture.getpixel((x, 5))[0] for x in (0, 39)] == [255, 0]


@pytest.mark.parametrize(
    ("dtype", "white"), [(np.float32, 1.0), (np.float32, 255.0), (np.int32, 65535)]
)
def test_wider_greys_are_scaled_to_eight_bits(dtype, white):
    grey = np.tile(np.linspace(0, white, 40).astype(dtype), (30, 1))
    picture = decode(encoded(Image.fromarray(grey), "TIFF"))
    assert [picture.getpixel((x, 5))[0] for x in (0, 39)] == [0, 255]
    assert near(picture, (20, 5), (131, 131, 131))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_rotated_photo_is_turned_upright(form, orientation):
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    lying = photo().transpose(undo[orientation]) if orientation in undo else photo()
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert is_photo(decode(encoded(lying, form, exif=exif)))


def test_a_damaged_exif_block_is_ignored():
    assert is_photo(decode(encoded(photo(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")))


def test_twenty_thousand_pixels_square_are_rejected_by_their_header():
    row = b"\0" + bytes(2500)
    whole = png(20_000, 20_000, 1, 0, row * 20_000)
    assert failure(whole).reason == "too many pixels"
    assert failure(whole[:100]).reason == "too many pixels"


def test_the_pixel_cap_is_checked_with_the_header_before_decoding(monkeypatch):
    monkeypatch.setattr(decoder, "MAX_PIXELS", 1000)
    error = failure(encoded(photo(), "JPEG")[:700])
    assert (error.reason, "40 × 30" in error.sentence) == ("too many pixels", True)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>404 Not Found</html>", "not a picture"),
        (b"just words", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 40 30\n", "format not read"),
        (encoded(photo(), "JPEG")[:700], "truncated"),
        (encoded(NOISE, "PNG")[:2000], "truncated"),
        (encoded(NOISE, "GIF")[:2000], "truncated"),
        (encoded(photo(), "WEBP")[:-20], "truncated"),
        (encoded(photo(), "BMP")[:-20], "truncated"),
        (encoded(photo(), "JPEG")[:20], "broken"),
        (encoded(photo(), "PNG")[:20], "broken"),
        (png(16, 16, 8, 2, b"\x09" * 784)[:-30] + bytes(30), "broken"),
        (encoded(photo((7, 300)), "PNG"), "too small"),
        (encoded(photo((1, 1)), "GIF"), "too small"),
        (encoded(photo((8, 401)), "PNG"), "too narrow"),
        (encoded(photo((401, 8)), "PNG"), "too narrow"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:8]),
)
def test_what_is_no_usable_picture_has_a_reason(data, reason):
    assert failure(data).reason == reason


@pytest.mark.parametrize(
    ("data", "form", "reason"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG", "format not read"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- made -->\n<svg >", "SVG", "format not read"),
        (encoded(NOISE, "JPEG2000"), "JPEG 2000", "format not read"),
        (b"\xff\x4f\xff\x51" + bytes(99), "JPEG 2000", "format not read"),
        (b"\xff\x0a" + bytes(99), "JPEG XL", "format not read"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "JPEG XL", "format not read"),
        (b"8BPS\0\1" + bytes(99), "PSD", "format not read"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS", "format not read"),
        (encoded(photo(), "PDF"), "PDF", "format not read"),
        (encoded(photo(), "ICO"), "ICO", "format not read"),
        (b"\0\0\0\x18ftypcrx " + bytes(99), "Canon RAW", "format not read"),
        (b"\n <!DOCTYPE html><title>Robot?</title>", "HTML", "not a picture"),
        (b"<html><body><svg-icon></body>", "HTML", "not a picture"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "XML", "not a picture"),
        (b'{"error": "not found"}', "JSON", "not a picture"),
        (b"PK\3\4" + bytes(99), "ZIP", "not a picture"),
        (b"\0\0\0\x18ftypmp42" + bytes(99), "MP4", "not a picture"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_format_that_is_not_read_is_named_with_those_that_are(data, form, reason):
    error = failure(data)
    assert error.reason == reason
    assert f"The picture is {form}, " in error.sentence
    assert "JPEG, PNG, GIF, WEBP, BMP, TIFF, AVIF, HEIF" in error.sentence
    assert "broken" not in error.sentence


def test_untrusted_bytes_never_raise_anything_else(capfd):
    random.seed(3)
    for form in ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "AVIF"):
        good = encoded(photo(), form)
        for _ in range(60):
            bad = bytearray(good)
            for _ in range(random.randint(1, 8)):
                bad[random.randrange(random.choice([60, len(bad)]))] = random.randrange(256)
            with suppress(PictureError):
                assert decode(bytes(bad)).mode == "RGB"
    capfd.readouterr()  # libtiff writes to standard error itself


def test_a_file_is_read_and_named(tmp_path):
    path = tmp_path / "shoe.png"
    path.write_bytes(encoded(photo(), "PNG"))
    assert is_photo(open_file(path))
    path.write_bytes(b"none")
    with pytest.raises(PictureError, match=r"shoe.png is no picture"):
        open_file(path)
    path.unlink()
    with pytest.raises(PictureError, match=r"There is no file .*shoe.png"):
        open_file(path)
    os.mkfifo(path)
    with pytest.raises(PictureError, match=r"shoe.png is a folder or a device"):
        open_file(path)


def cut_to(data: bytes, share: float) -> bytes:
    """A JPEG whose end marker comes after a share of its bytes."""
    return data[: int(len(data) * share)].rstrip(b"\xff") + b"\xff\xd9"


@pytest.mark.parametrize("form", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("junk", [b"", b"bytes behind the end"])
def test_a_jpeg_that_ends_before_its_last_blocks_is_truncated(form: str, junk: bytes) -> None:
    data = cut_to(encoded(NOISE.resize((300, 300)).convert(form)), 0.5) + junk
    with pytest.raises(PictureError) as caught:
        decode(data)
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("form", ["RGB", "L", "CMYK"])
def test_a_whole_jpeg_of_middle_grey_is_no_truncated_one(form: str, options: dict) -> None:
    grey = Image.new("RGB", (100, 100), (128, 128, 128)).convert(form)
    assert decode(encoded(grey, **options)).size == (100, 100)
    half = NOISE.resize((100, 100)).convert(form)
    half.paste(grey, (0, 50))
    assert decode(encoded(half, **options)).size == (100, 100)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_a_picture_that_is_transparent_everywhere_is_no_white_one(mode: str) -> None:
    options = {}
    if mode == "P":
        picture, options = Image.new("P", SIZE, 0), {"transparency": 0}
        picture.putpalette([255, 0, 0])
    else:
        picture = photo().convert("RGBA")
        picture.putalpha(0)
        picture = picture.convert(mode)
    with pytest.raises(PictureError) as caught:
        decode(encoded(picture, "PNG", **options))
    assert caught.value.reason == "transparent"


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
def test_grey_beyond_sixteen_bits_is_no_white_picture(dtype: type) -> None:
    grey = np.tile(np.linspace(2**28, 2**30, 40).astype(dtype), (30, 1))
    shown = np.asarray(decode(encoded(Image.fromarray(grey), "TIFF")))[0, :, 0]
    assert shown[0] < shown[20] < shown[-1]
