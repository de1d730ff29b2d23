import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from pictures.decoder import decode
from pictures.errors import PictureError
from pictures.png import MAX_PROFILE, without_metadata
from tests.pictures import profiles
from tests.pictures.encoding import encoded, noise

PICTURE = noise(40, 30)
DATA = encoded(PICTURE, "PNG")
HEAD = 8 + 25  # signature and IHDR


def chunk(kind: bytes, body: bytes, crc: int | None = None) -> bytes:
    crc = zlib.crc32(kind + body) if crc is None else crc
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def with_chunk(data: bytes) -> bytes:
    return DATA[:HEAD] + data + DATA[HEAD:]


TEXT = b"w" * 3_000_000
PROFILE = profiles.rgb_profile(profiles.DISPLAY_P3, 2.2)


@pytest.mark.parametrize(
    "metadata",
    [
        chunk(b"zTXt", b"prompt\0\0" + zlib.compress(TEXT)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(TEXT)),
        chunk(b"tEXt", b"prompt\0" + TEXT),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(PROFILE + bytes(MAX_PROFILE))),
        chunk(b"iCCP", b"profile\0\0" + zlib.compress(PROFILE)[:-20]),
        chunk(b"iCCP", b"profile"),
        chunk(b"iCCP", b""),
        chunk(b"tEXt", b"prompt\0words", crc=1),
        chunk(b"tRNS", b"\0\0\0\0\0\0", crc=1),
        chunk(b"eXIf", b"II*\0\xff\xff", crc=1),
        chunk(b"gAMA", b"x"),
        chunk(b"acTL", b"x"),
        chunk(b"vpAg", bytes(range(256))),
        chunk(b"tEXt", b"prompt\0words") * 20_000,
    ],
    ids=lambda data: f"{data[4:8].decode()} {len(data)}",
)
def test_metadata_never_costs_a_sound_picture(metadata):
    assert decode(with_chunk(metadata)).tobytes() == PICTURE.tobytes()


def test_text_as_other_programs_write_it_is_passed_over():
    note = PngImagePlugin.PngInfo()
    note.add_itxt("XML:com.adobe.xmp", "w" * 1_500_000, zip=True)
    assert decode(encoded(PICTURE, "PNG", pnginfo=note)).tobytes() == PICTURE.tobytes()


def test_transparency_orientation_and_profile_are_kept():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(PICTURE, "PNG", exif=exif, icc_profile=PROFILE, transparency=(1, 2, 3))
    kept = Image.open(__import__("io").BytesIO(without_metadata(data)))
    assert kept.info["icc_profile"] == PROFILE
    assert kept.info["transparency"] == (1, 2, 3)
    assert kept.getexif()[0x0112] == 6
    assert decode(data).size == (30, 40)


def test_a_file_without_its_end_is_whole_and_one_without_its_pixels_is_not():
    assert decode(DATA[:-12]).tobytes() == PICTURE.tobytes()
    for cut in (len(DATA) // 2, HEAD + 20):
        with pytest.raises(PictureError) as caught:
            decode(DATA[:cut])
        assert caught.value.reason == "truncated"


def test_a_wrong_checksum_of_the_pixels_is_damage():
    start = DATA.index(b"IDAT") + 4
    for wrong in (
        DATA[: start + 9] + b"\0\0\0" + DATA[start + 12 :],
        DATA[:-20] + bytes(4) + DATA[-16:],
    ):
        with pytest.raises(PictureError) as caught:
            decode(wrong)
        assert caught.value.reason in {"broken", "truncated"}
