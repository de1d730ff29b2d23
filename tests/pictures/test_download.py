import gzip
import io

import httpx
import pytest
from PIL import Image

from pictures.decoder import FORMATS, decode
from pictures.download import Download
from pictures.errors import PictureError
from pictures.fetcher import fetch_picture
from tests.hostile_server import HostileServer
from tests.pictures.fetching import PATIENT


def answer(body: bytes, **headers: str) -> httpx.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=headers, request=httpx.Request("GET", "http://a.test/x"))


def download(body: bytes, piece: int, cap: int = 10_000, **headers: str) -> bytes:
    gathered = Download(answer(body, **headers), cap)
    for start in range(0, len(body), piece):
        gathered.add(body[start : start + piece])
    return gathered.picture()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_whatever_the_decoder_reads_is_let_through_in_any_pieces(form: str, piece: int) -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(file, form)

    assert download(file.getvalue(), piece) == file.getvalue()
    packed = gzip.compress(file.getvalue())
    assert download(packed, piece, content_encoding="gzip") == file.getvalue()


def test_exactly_the_cap_is_let_through_and_a_byte_more_is_not() -> None:
    body = b"GIF89a" + bytes(94)

    assert download(body, 10, cap=100) == body
    with pytest.raises(PictureError, match="larger than 99 bytes"):
        download(body, 10, cap=99)
    assert download(gzip.compress(body), 10, cap=100, content_encoding="x-gzip") == body
    with pytest.raises(PictureError, match="larger than 99 bytes"):
        download(gzip.compress(body), 10, cap=99, content_encoding="x-gzip")


def test_a_web_page_is_given_up_after_its_first_bytes() -> None:
    gathered = Download(answer(b"", content_type="image/jpeg"), 10_000)

    with pytest.raises(PictureError, match="calls itself image/jpeg") as caught:
        gathered.add(b"<!doctype html>")
    assert caught.value.reason == "not a picture"


@pytest.mark.parametrize(
    ("page", "reason"),
    [("/truncated.jpg", "truncated"), ("/pixel-bomb.png", "too many pixels")],
)
def test_what_is_wrong_inside_a_picture_is_for_the_decoder_to_find(page: str, reason: str) -> None:
    with HostileServer() as web:
        fetched = fetch_picture(web.address(page), PATIENT)

    with pytest.raises(PictureError) as caught:
        decode(fetched.data)
    assert caught.value.reason == reason
