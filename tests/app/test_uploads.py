import os
import time

import pytest
from PIL import Image

from app import uploads
from app.uploads import Uploads
from tests import shop


@pytest.fixture
def folder(tmp_path):
    return Uploads(tmp_path)


def test_a_picture_is_found_by_its_hash_pixel_by_pixel(folder):
    picture = shop.draw("kettle-teal")
    digest = folder.add(picture)
    assert folder.find(digest).tobytes() == picture.tobytes()
    assert folder.add(picture) == digest


def test_nothing_but_pixels_is_kept(folder):
    picture = shop.draw("kettle-teal")
    picture.info |= {"exif": b"Exif\0\0GPS", "comment": "at home", "icc_profile": b"a screen"}
    path = folder.path(folder.add(picture))
    with Image.open(path) as kept:
        assert kept.info == {}


@pytest.mark.parametrize("digest", ["", "1", "ab" * 32, "../" * 21 + "a"])
def test_what_is_no_hash_of_a_picture_finds_none(folder, digest):
    assert folder.find(digest) is None


def test_a_damaged_file_is_no_picture(folder):
    digest = folder.add(shop.draw("kettle-teal"))
    folder.path(digest).write_bytes(folder.path(digest).read_bytes()[:80])
    assert folder.find(digest) is None


def test_the_picture_shown_longest_ago_makes_room_for_another(folder, monkeypatch):
    first, second = (folder.add(shop.draw(name)) for name in ("kettle-teal", "kettle-navy"))
    day_ago = time.time() - 86_400
    for each in (first, second):
        os.utime(folder.path(each), (day_ago, day_ago))
    folder.find(first)
    monkeypatch.setattr(uploads, "MAX_BYTES", folder.path(first).stat().st_size + 200)
    third = folder.add(Image.new("RGB", (4, 4)))
    assert folder.find(first)
    assert folder.find(third)
    assert not folder.find(second)


def test_a_picture_that_was_not_shown_for_long_is_deleted(folder):
    old = folder.add(shop.draw("kettle-teal"))
    os.utime(folder.path(old), (1e9, 1e9))
    folder.add(shop.draw("kettle-navy"))
    assert not folder.find(old)
