"""The API's address as clients see it, and those of pictures there."""

import pytest

from pictures.public_addresses import PUBLIC_URL, picture_address, read_public_url
from vitrine import VitrineError


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("", "/v1/pictures/ab.webp"),
        (" https://api.shop.example ", "https://api.shop.example/v1/pictures/ab.webp"),
        ("HTTP://localhost:8000//", "http://localhost:8000/v1/pictures/ab.webp"),
        ("https://shop.example/search/", "https://shop.example/search/v1/pictures/ab.webp"),
        ("http://[::1]:8000", "http://[::1]:8000/v1/pictures/ab.webp"),
    ],
)
def test_a_picture_has_its_address_under_the_public_url(written, address):
    assert picture_address(read_public_url({PUBLIC_URL: written}), "ab") == address


@pytest.mark.parametrize(
    "written",
    [
        "api.shop.test",
        "ftp://api.shop.test",
        "https://[",
        "https:",
        "https://:8000",
        "https://shop.test:80000",
        "https://shop.test:port",
        "https://user:secret@shop.test",
        "https://shop.test/?shop=1",
        "https://shop.test/#top",
        "https://shop.test/a b",
        "https://shop\n.test",
    ],
)
def test_an_address_that_is_none_of_a_server_is_refused(written):
    with pytest.raises(VitrineError, match="set it to the API's address"):
        read_public_url({PUBLIC_URL: written})
