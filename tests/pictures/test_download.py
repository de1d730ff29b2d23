import gzip

import pytest
from PIL import Image

from pictures.decoder import decode
from pictures.download import Download
from pictures.errors import PictureError
from pictures.fetcher import fetch_picture
from pictures.formats import HEAD, READ
from tests.hostile_server import HostileServer
from tests.pictures.encoding import encoded, heif
from tests.pictures.fetching import LONG_TIMEOUTS


def download(body: bytes, piece: int, cap: int = 10_000, **headers: str) -> bytes:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    gathered = Download("http://a.test/x", headers, cap)
    for start in range(0, len(body), piece):
        gathered.add(body[start : start + piece])
    return gathered.picture()


@pytest.mark.parametrize("form", READ)
@pytest.mark.parametrize("piece", [1, 7, 10_000])
def test_every_format_of_the_decoder_is_accepted_in_any_pieces(form: str, piece: int) -> None:
    data = heif("photo") if form == "HEIF" else encoded(Image.new("RGB", (16, 16), "teal"), form)

    assert download(data, piece) == data
    assert download(gzip.compress(data), piece, content_encoding="gzip") == data


def test_a_jpeg_with_other_bytes_before_it_is_accepted() -> None:
    data = b"\r\n" * 200 + encoded(Image.new("RGB", (16, 16), "teal"))

    assert download(data, 7) == data


def test_a_format_that_is_not_read_is_named_with_its_label() -> None:
    with pytest.raises(
        PictureError, match=r"is SVG, which is not read \(its label is image/svg"
    ) as caught:
        download(
            b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
            5,
            content_type="image/svg+xml",
        )
    assert caught.value.reason == "format not read"


def test_exactly_the_cap_is_accepted_and_a_byte_more_is_not() -> None:
    body = b"GIF89a" + bytes(94)

    assert download(body, 10, cap=100) == body
    with pytest.raises(PictureError, match="larger than 99 bytes"):
        download(body, 10, cap=99)
    assert download(gzip.compress(body), 10, cap=100, content_encoding="x-gzip") == body
    with pytest.raises(PictureError, match="larger than 99 bytes"):
        download(gzip.compress(body), 10, cap=99, content_encoding="x-gzip")


def test_a_web_page_is_rejected_after_its_first_bytes() -> None:
    gathered = Download("http://a.test/x", {"content-type": "image/jpeg"}, 10_000)

    with pytest.raises(
        PictureError, match=r"is HTML, not a picture.*its label is image/jpeg"
    ) as caught:
        gathered.add(b"<!doctype html>" + b" " * HEAD)
    assert caught.value.reason == "not a picture"


@pytest.mark.parametrize("end", [-1, -8, -20])
def test_a_compressed_body_that_is_cut_off_is_truncated(end: int) -> None:
    body = gzip.compress(b"GIF89a" + bytes(range(256)))

    with pytest.raises(PictureError) as caught:
        download(body[:end], 10, content_encoding="gzip")
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize("header", ["content-type", "content-encoding"])
def test_a_quoted_header_is_bounded_and_printable(header: str) -> None:
    hostile = "x\x1b]0;title\x07\u202e\x9b31m" + "y" * 10_000

    with pytest.raises(PictureError) as caught:
        Download("http://a.test/x", {header: hostile}, 10_000).add(b"<!doctype html>" * HEAD)
    assert len(caught.value.sentence) < 400
    assert not set("\x1b\x07\u202e\x9b") & set(caught.value.sentence)


@pytest.mark.parametrize(
    ("page", "reason"),
    [("/truncated.jpg", "truncated"), ("/pixel-bomb.png", "too many pixels")],
)
def test_damage_inside_a_picture_is_found_by_the_decoder_only(page: str, reason: str) -> None:
    with HostileServer() as server:
        data = fetch_picture(server.address(page), LONG_TIMEOUTS)

    with pytest.raises(PictureError) as caught:
        decode(data)
    assert caught.value.reason == reason
