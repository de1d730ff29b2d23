import numpy as np
import pytest
from PIL import Image

from pictures import jpeg
from pictures.decoder import decode
from pictures.errors import PictureError
from pictures.thumbnail import make_thumbnail
from tests.pictures.encoding import encoded, noise

NOISE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (200, 300, 3), np.uint8))
END = b"\xff\xd9"
KINDS = [
    *(("RGB", {}), ("L", {}), ("CMYK", {})),
    *(
        ("RGB", {"progressive": True}),
        ("L", {"progressive": True}),
        ("CMYK", {"progressive": True}),
    ),
    *(("RGB", {"subsampling": 0}), ("RGB", {"restart_marker_blocks": 3})),
]


def reason(data: bytes) -> str:
    try:
        decode(data)
    except PictureError as error:
        return error.reason
    return ""


@pytest.mark.parametrize(("mode", "options"), KINDS)
def test_a_jpeg_without_its_end_marker_is_whole(mode: str, options: dict) -> None:
    data = encoded(NOISE.convert(mode), **options)
    assert data.endswith(END)
    whole = decode(data).tobytes()
    for without in (data[:-2], data[:-1], data[:-2] + bytes(100)):
        assert decode(without).tobytes() == whole


@pytest.mark.parametrize("share", [0.98, 0.9, 0.7, 0.5, 0.2, 0.1])
@pytest.mark.parametrize(("mode", "options"), KINDS)
def test_a_jpeg_that_is_cut_off_is_truncated(mode: str, options: dict, share: float) -> None:
    data = encoded(NOISE.convert(mode), **options)
    assert reason(data[: int(share * len(data))]) == "truncated"


@pytest.mark.parametrize("share", [0.6, 0.4, 0.2, 0.1])
@pytest.mark.parametrize(("mode", "options"), KINDS)
def test_an_end_marker_that_comes_early_hides_nothing(
    mode: str, options: dict, share: float
) -> None:
    data = encoded(NOISE.convert(mode), **options)
    assert reason(data[: int(share * len(data))].rstrip(b"\xff") + END) == "truncated"


@pytest.mark.parametrize(
    "before", [b"\r\n", b"\xef\xbb\xbf", b"HTTP/1.1 200 OK\r\n\r\n", bytes(900)]
)
def test_bytes_before_a_jpeg_are_passed_over(before: bytes) -> None:
    data = encoded(NOISE)
    assert decode(before + data).tobytes() == decode(data).tobytes()
    assert make_thumbnail(before + data, 400, "").data.startswith(jpeg.START)


def test_bytes_behind_a_jpeg_are_passed_over() -> None:
    data = encoded(NOISE)
    assert decode(data + encoded(NOISE.rotate(90)) + b"junk").tobytes() == decode(data).tobytes()


def test_a_jpeg_of_several_pictures_is_its_first_one() -> None:
    both = encoded(NOISE, "MPO", save_all=True, append_images=[NOISE.rotate(180)])
    assert decode(both).tobytes() == decode(encoded(NOISE)).tobytes()
    assert reason(both[: len(both) // 4]) == "truncated"


def test_a_component_that_was_never_sent_makes_no_whole_picture() -> None:
    data = encoded(NOISE, progressive=True)
    scans = jpeg._read_scans(data)
    assert scans.components == len(scans.bits_left) == 3
    assert not scans.lack_content()
    assert not scans.lack_bits()
    second = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    assert reason(data[:second] + END) == "truncated"  # the first scan alone, an eighth of the size


@pytest.mark.parametrize("cut", range(2, 700, 7))
def test_a_jpeg_cut_in_its_header_has_a_reason(cut: int) -> None:
    assert reason(encoded(NOISE)[:cut]) in {"not a picture", "broken", "truncated"}
    assert reason(encoded(NOISE)[:cut] + END) in {"not a picture", "broken", "truncated"}


def test_a_jpeg_of_hundreds_of_scans_is_rejected_before_it_is_decoded() -> None:
    data = encoded(NOISE, progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    assert reason(data[:-2] + last * 50 + END) == ""
    assert reason(data[:-2] + last * 2000 + END) == "broken"


@pytest.mark.parametrize("filling", [b"\xff" * 200_000, b"\xff" * 200_000 + b"\0"])
def test_long_filling_is_read_once(filling: bytes) -> None:
    data = encoded(NOISE)
    assert reason(data[:2] + filling + data[2:]) in {"", "broken"}
    assert reason(data[:-2] + filling + END) in {"", "broken", "truncated"}
    assert reason(data[:-2] + filling) in {"", "broken", "truncated"}


@pytest.mark.parametrize("size", [(501, 400), (502, 403), (601, 467), (121, 97)])
@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_whole_picture_with_a_grey_corner_is_whole_at_every_reduction(size, options):
    picture = noise(*size)
    picture.paste((128, 128, 128), (size[0] - 16, size[1] - 16, *size))
    for side in (16, 32, 64):  # libjpeg reduces by 8, 4, 2 and rounds the sizes up
        assert make_thumbnail(encoded(picture, **options), side, "").width >= side
