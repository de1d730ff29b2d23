import base64
from pathlib import Path

import pytest

from pictures import sources
from pictures.errors import PictureError
from pictures.sources import read_source


def reason(address: str) -> str:
    with pytest.raises(PictureError) as caught:
        read_source(address)
    assert len(caught.value.sentence) < 250
    return caught.value.reason


@pytest.mark.parametrize(
    "address",
    [
        "data:image/png;base64,aGVsbG8=",
        "DATA:;BASE64,aGVsbG8",
        "data:image/png;base64,aGVs%0AbG8%3D",
        "data:image/png;base64, aGVs bG8=",
        "data:text/plain,hello",
        "data:,%68ello",
    ],
)
def test_a_data_address_carries_its_bytes(address):
    assert read_source(address) == b"hello"


def test_the_url_safe_alphabet_is_base64_too():
    assert (
        read_source("data:;base64," + base64.urlsafe_b64encode(b"\xff\xfe\xfb").decode())
        == b"\xff\xfe\xfb"
    )


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("data:image/png;base64", "bad data address"),
        ("data:;base64,a", "bad data address"),
        ("data:;base64,%&$!", "bad data address"),
        ("http://shop/a.jpg", "web address"),
        ("HTTPS://shop/" + "x" * 9999, "web address"),
        ("ftp://shop/a.jpg", "unknown address"),
        ("file:///etc/passwd", "unknown address"),
        ("/nowhere/a.jpg", "missing file"),
        ("/etc/passwd/a.jpg", "missing file"),
        ("/", "not a file"),
        ("/dev/zero", "not a file"),
        ("/a\0b.jpg", "unreadable file"),
        ("/" + "x" * 999, "unreadable file"),
    ],
)
def test_an_address_without_a_file_has_a_reason(address, expected):
    assert reason(address) == expected


def test_bytes_are_capped_for_files_and_data_addresses(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MAX_BYTES", 10)
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(10))
    assert read_source(str(path)) == bytes(10)
    path.write_bytes(bytes(11))
    assert reason(str(path)) == "too many bytes"
    assert read_source("data:," + "x" * 10) == b"x" * 10
    assert reason("data:," + "x" * 11) == "too many bytes"
    assert reason("data:," + "x" * 11_000) == "too many bytes"
    assert reason("data:;base64," + base64.b64encode(bytes(11)).decode()) == "too many bytes"


@pytest.mark.parametrize("path", ["/proc/kmsg", "/proc/self/pagemap", "/proc/self/mem"])
def test_a_file_without_a_size_is_empty_and_never_read(path: str) -> None:
    assert reason(path) == "empty"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "{folder}/../a.jpg", "{folder}x/a.jpg", "{folder}/link/../a.jpg"]
)
def test_a_path_outside_the_folder_of_its_feed_is_refused(tmp_path: Path, path: str) -> None:
    folder = tmp_path / "feed"
    elsewhere = tmp_path / "elsewhere" / "below"
    for each in (folder, elsewhere):
        each.mkdir(parents=True)
    (folder / "link").symlink_to(elsewhere)
    for secret in (tmp_path / "a.jpg", elsewhere.parent / "a.jpg"):
        secret.write_bytes(b"secret")
    with pytest.raises(PictureError) as caught:
        read_source(path.format(folder=folder), folder=str(folder))
    assert caught.value.reason in {"refused path", "missing file"}  # never the secret
    assert read_source(str(tmp_path / "a.jpg")) == b"secret"


def test_a_path_inside_the_folder_of_its_feed_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"picture")
    (tmp_path / "link").symlink_to(tmp_path)  # a shop's pictures are often on another disk
    for path in ("a.jpg", "link/a.jpg", "below/../a.jpg"):
        assert read_source(str(tmp_path / path), folder=str(tmp_path)) == b"picture"


def test_a_path_that_an_earlier_version_refused_stays_refused() -> None:
    assert reason("outside:/etc/passwd") == "refused path"
