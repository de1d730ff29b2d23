import base64
import errno
import hashlib
import io
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictures import store as store_module
from pictures.errors import PictureError, PictureStoreError
from pictures.store import PictureStore, decode, read_source


def photo(width: int, height: int) -> Image.Image:
    """A smooth gradient, so that shrinking and JPEG change little."""
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, width)[None, :]
    ramp[..., 1] = np.linspace(0, 255, height)[:, None]
    return Image.fromarray(ramp)


def encoded(picture: Image.Image, form: str = "JPEG", **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def store(tmp_path) -> PictureStore:
    return PictureStore(tmp_path / "images")


def reason(address: str) -> str:
    with pytest.raises(PictureError) as caught:
        read_source(address)
    assert caught.value.reason in store_module.REASONS
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


def test_the_alphabet_of_web_addresses_is_base64_too():
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
def test_an_address_that_leads_nowhere_has_a_reason(address, expected):
    assert reason(address) == expected


def test_bytes_are_capped_for_files_and_data_addresses(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "MAX_BYTES", 10)
    path = tmp_path / "a.jpg"
    path.write_bytes(bytes(10))
    assert read_source(str(path)) == bytes(10)
    path.write_bytes(bytes(11))
    assert reason(str(path)) == "too many bytes"
    assert read_source("data:," + "x" * 10) == b"x" * 10
    assert reason("data:," + "x" * 11) == "too many bytes"
    assert reason("data:," + "x" * 11_000) == "too many bytes"
    assert reason("data:;base64," + base64.b64encode(bytes(11)).decode()) == "too many bytes"


@pytest.mark.parametrize(
    ("size", "kept"),
    [
        ((448, 336), (299, 224)),
        ((336, 448), (224, 299)),
        ((3000, 2000), (336, 224)),
        ((100, 60), (100, 60)),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_the_shortest_side_is_kept_at_the_stores_and_nothing_is_enlarged(store, form, size, kept):
    data = encoded(photo(*size), form)
    stored = store.add(data)
    assert stored.hash == hashlib.sha256(data).hexdigest()
    assert (stored.width, stored.height, stored.new) == (*kept, True)
    path = store.path(stored.hash)
    assert path == store.folder / stored.hash[:2] / f"{stored.hash}.jpg"
    assert path.stat().st_size == stored.bytes
    with Image.open(path) as file:
        assert (file.format, file.mode, file.size) == ("JPEG", "RGB", kept)
    whole = decode(data).resize(kept, Image.Resampling.LANCZOS)
    difference = np.abs(np.asarray(store.open(stored.hash), int) - np.asarray(whole, int))
    assert difference.mean() < 2


def test_a_small_plain_jpeg_is_kept_byte_for_byte(store):
    data = encoded(photo(224, 300), quality=80)
    assert store.path(store.add(data).hash).read_bytes() == data


def test_what_is_not_a_plain_upright_rgb_jpeg_is_written_anew(store):
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = store.add(encoded(photo(100, 60), exif=exif))
    assert (turned.width, turned.height) == (60, 100)
    with Image.open(store.path(turned.hash)) as file:
        assert (file.size, dict(file.getexif())) == ((60, 100), {})
    for data in (encoded(photo(100, 60).convert("L")), encoded(photo(100, 60).convert("CMYK"))):
        with Image.open(store.path(store.add(data).hash)) as file:
            assert (file.mode, file.size) == ("RGB", (100, 60))


def test_megabytes_of_metadata_are_not_kept(store):
    data = encoded(photo(100, 60), comment=b"x" * 60_000)
    head, tail = data[:2], data[2:]
    comment = b"\xff\xfe\xff\xff" + bytes(0xFFFD)
    assert store.add(head + comment * 20 + tail).bytes < 100_000


def test_the_same_picture_is_stored_once(store):
    data = encoded(photo(500, 500))
    first, second = store.add(data), store.add(data)
    assert (first.new, second.new) == (True, False)
    assert (second.hash, second.width, second.height, second.bytes) == (
        first.hash,
        first.width,
        first.height,
        first.bytes,
    )


def test_a_stored_picture_that_was_damaged_is_written_again(store):
    data = encoded(photo(500, 500))
    stored = store.add(data)
    store.path(stored.hash).write_bytes(b"")
    with pytest.raises(PictureError, match="is empty"):
        store.open(stored.hash)
    assert store.add(data).new
    assert store.open(stored.hash).size == (224, 224)


def test_a_picture_that_cannot_be_decoded_leaves_nothing_behind(store):
    with pytest.raises(PictureError, match="cut off"):
        store.add(encoded(photo(500, 500))[:1500])
    assert not store.folder.exists()


def test_many_threads_may_add_the_same_pictures(store):
    data = [encoded(photo(240 + n, 240)) for n in range(5)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(store.add, data * 10))
    assert len({picture.hash for picture in stored}) == 5
    assert all(store.open(picture.hash).height == 224 for picture in stored)
    assert list((store.folder / ".parts").iterdir()) == []


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "ab", "A" * 64])
def test_only_a_hash_names_a_picture(store, name):
    with pytest.raises(ValueError, match="not a picture's hash"):
        store.path(name)


def test_a_full_disk_stops_the_job_and_leaves_no_part(store, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    data = encoded(photo(500, 500))
    with pytest.raises(
        PictureStoreError, match=r"No space left on device.*run the same command again"
    ):
        store.add(data)
    assert not store.path(hashlib.sha256(data).hexdigest()).exists()
    assert list((store.folder / ".parts").iterdir()) == []


CRASHING = """
import os, sys
from pathlib import Path
from pictures.store import PictureStore
rename = Path.replace
def crash(self, target):
    if sys.argv[3] == "after":
        rename(self, target)
    os._exit(9)
Path.replace = crash
PictureStore(Path(sys.argv[1])).add(Path(sys.argv[2]).read_bytes())
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_dies_at_the_rename_leaves_a_whole_picture_or_none(store, tmp_path, when):
    source = tmp_path / "a.jpg"
    source.write_bytes(encoded(photo(500, 400)))
    command = [sys.executable, "-c", CRASHING, str(store.folder), str(source), when]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 9
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert store.path(digest).exists() == (when == "after")
    assert store.add(source.read_bytes()).new == (when == "before")
    assert store.open(digest).size == (280, 224)
    store.sweep()
    assert list((store.folder / ".parts").iterdir()) == []
