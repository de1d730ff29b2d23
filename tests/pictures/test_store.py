import errno
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pictures.decoder import decode
from pictures.errors import PictureError
from pictures.store import PictureStore
from pictures.thumbnail import Thumbnail
from tests.pictures.encoding import encoded
from vitrine import VitrineError


def photo(width: int, height: int) -> Image.Image:
    """A smooth gradient, so that shrinking and JPEG change little."""
    ramp = np.zeros((height, width, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, width)[None, :]
    ramp[..., 1] = np.linspace(0, 255, height)[:, None]
    return Image.fromarray(ramp)


@pytest.fixture
def store(tmp_path) -> PictureStore:
    return PictureStore(tmp_path / "images", side=224)


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
    assert (stored.width, stored.height) == kept
    path = store.path(stored.hash)
    assert path == store.folder / stored.hash[:2] / f"{stored.hash}.jpg"
    assert path.stat().st_size == stored.bytes
    with Image.open(path) as file:
        assert (file.format, file.mode, file.size) == ("JPEG", "RGB", kept)
    whole = decode(data).resize(kept, Image.Resampling.LANCZOS)
    difference = np.abs(np.asarray(store.open(stored.hash), int) - np.asarray(whole, int))
    assert difference.mean() < 2


def test_by_default_pictures_are_kept_with_a_shortest_side_of_384(tmp_path):
    stored = PictureStore(tmp_path).add(encoded(photo(800, 600)))
    assert (stored.width, stored.height) == (512, 384)


def test_a_small_plain_jpeg_is_kept_byte_for_byte(store):
    data = encoded(photo(224, 300), quality=80)
    assert store.path(store.add(data).hash).read_bytes() == data


def test_what_is_not_a_plain_upright_rgb_jpeg_is_encoded_again(store):
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


def test_adding_a_picture_is_idempotent(store):
    data = encoded(photo(500, 500))
    first = store.add(data)
    written = store.path(first.hash).stat()
    assert store.add(data) == first
    assert store.path(first.hash).stat() == written


def test_a_stored_picture_that_was_damaged_is_written_again(store):
    data = encoded(photo(500, 500))
    stored = store.add(data)
    store.path(stored.hash).write_bytes(b"")
    with pytest.raises(PictureError, match="is empty"):
        store.open(stored.hash)
    assert store.add(data) == stored
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
    with pytest.raises(ValueError, match="is not a hash"):
        store.path(name)


def test_bytes_that_are_not_trusted_are_decoded_where_the_caller_says(store):
    made = Thumbnail(b"a thumbnail", 8, 9)
    stored = store.add(b"untrusted", "shop/a.jpg", lambda data, side, name: made)
    assert (stored.width, stored.height, stored.bytes) == (8, 9, 11)
    assert store.path(stored.hash).read_bytes() == made.data


def test_a_full_disk_stops_the_job_and_leaves_no_part(store, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    data = encoded(photo(500, 500))
    with pytest.raises(VitrineError, match=r"No space left on device.*run the same command again"):
        store.add(data)
    assert not store.path(hashlib.sha256(data).hexdigest()).exists()
    assert list((store.folder / ".parts").iterdir()) == []


CRASHING = """
import os, sys
from pathlib import Path
from pictures.store import PictureStore
from pictures.thumbnail import Thumbnail
rename = Path.replace
def crash(self, target):
    if sys.argv[3] == "after":
        rename(self, target)
    os._exit(9)
Path.replace = crash
PictureStore(Path(sys.argv[1]), 224).add(Path(sys.argv[2]).read_bytes())
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_process_that_dies_at_the_rename_leaves_a_complete_picture_or_none(store, tmp_path, when):
    source = tmp_path / "a.jpg"
    source.write_bytes(encoded(photo(500, 400)))
    command = [sys.executable, "-c", CRASHING, str(store.folder), str(source), when]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == 9
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    assert store.path(digest).exists() == (when == "after")
    store.add(source.read_bytes())
    assert store.open(digest).size == (280, 224)
    store.sweep()
    assert list((store.folder / ".parts").iterdir()) == []
