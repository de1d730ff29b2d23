"""HEIC and HEIF, which are decoded by the decode workers only."""

import subprocess
import sys

import pytest

from pictures.decode_workers import DecodeWorkers
from pictures.errors import PictureError
from tests.pictures.encoding import heif
from tests.pictures.test_decoder import near

SIZE = (64, 48)


@pytest.fixture(scope="module")
def workers():
    with DecodeWorkers(1) as workers:
        yield workers


def reason(workers: DecodeWorkers, data: bytes) -> str:
    with pytest.raises(PictureError) as caught:
        workers.decode(data)
    return caught.value.reason


@pytest.mark.parametrize("name", ["photo", "second_is_primary", "rotated", "ten_bits"])
def test_a_phones_photo_is_decoded_upright(workers, name):
    picture = workers.decode(heif(name))
    assert (picture.mode, picture.size) == ("RGB", SIZE)
    assert near(picture, (5, 5), (255, 0, 0))
    assert near(picture, (60, 5), (0, 0, 255))
    assert near(picture, (5, 45), (0, 255, 0))


def test_a_thumbnail_is_an_upright_jpeg(workers):
    made = workers.thumbnail(heif("rotated"), 24, "")
    assert (made.width, made.height) == (32, 24)
    assert made.data.startswith(b"\xff\xd8\xff")


def test_what_is_transparent_everywhere_is_no_white_picture(workers):
    assert reason(workers, heif("transparent")) == "transparent"


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8, 0.95])
def test_a_file_that_is_cut_off_has_a_reason(workers, share):
    data = heif("photo")
    assert reason(workers, data[: int(share * len(data))]) in {"broken", "truncated"}


def test_a_file_of_nothing_but_a_header_is_broken(workers):
    data = b"\0\0\0\x18ftypheic" + bytes(4) + b"mif1heic" + bytes(4000)
    assert reason(workers, data) == "broken"


def test_the_decoder_is_not_loaded_into_the_jobs_process():
    code = (
        "import sys\n"
        "from pictures.decode_workers import DecodeWorkers\n"
        "from pictures.decoder import decode\n"
        "from pictures.errors import PictureError\n"
        f"data = bytes.fromhex({heif('photo').hex()!r})\n"
        "try:\n"
        "    decode(data)\n"
        "except PictureError as error:\n"
        "    print(error.reason)\n"
        "print(any('heif' in name for name in sys.modules))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["broken", "False"]
