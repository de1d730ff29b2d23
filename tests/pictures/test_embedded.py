import base64
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pictures import embedded
from pictures.embedded import EmbeddedPictures, embedded_address
from pictures.errors import PictureError
from vitrine import VitrineError

DATA = b"the bytes of a picture"
HASH = hashlib.sha256(DATA).hexdigest()
ADDRESS = f"embedded:{HASH}"


@pytest.fixture
def pictures(tmp_path: Path) -> EmbeddedPictures:
    return EmbeddedPictures(tmp_path)


def files(pictures: EmbeddedPictures) -> list[Path]:
    return [path for path in pictures.folder.rglob("*") if path.is_file()]


def reason(pictures: EmbeddedPictures, address: str) -> str:
    with pytest.raises(PictureError) as caught:
        pictures.read(address)
    assert len(caught.value.sentence) < 250
    return caught.value.reason


@pytest.mark.parametrize(
    "value",
    [
        DATA,
        "data:image/png;base64," + base64.b64encode(DATA).decode(),
        "data:," + "%74he%20bytes of a picture",
    ],
)
def test_bytes_and_data_addresses_are_kept_by_their_content(pictures, value):
    assert pictures.add(value) == ADDRESS == embedded_address(value)
    assert files(pictures) == [pictures.folder / HASH[:2] / HASH]
    assert pictures.read(ADDRESS) == DATA


def test_the_same_content_is_written_once(pictures):
    pictures.add(DATA)
    [path] = files(pictures)
    os.utime(path, (1, 1))
    assert EmbeddedPictures(pictures.folder.parent).add(DATA) == ADDRESS
    assert path.stat().st_mtime == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"", "empty"),
        ("data:,", "empty"),
        ("data:;base64,%&$!", "bad data address"),
        ("data:image/png;base64", "bad data address"),
        (bytes(11), "too many bytes"),
        ("data:," + "x" * 11, "too many bytes"),
        ("data:," + "x" * 11_000, "too many bytes"),
    ],
)
def test_a_refused_value_is_recorded_by_its_address_and_keeps_nothing(
    pictures, monkeypatch, value, expected
):
    monkeypatch.setattr(embedded, "MAX_BYTES", 10)
    address = pictures.add(value)
    assert len(address) < 40
    assert reason(pictures, address) == expected
    assert not pictures.folder.exists()


@pytest.mark.parametrize(
    "name", [HASH, "a" * 64, "", "../../etc/passwd", "a" * 63 + "/", HASH[:-1]]
)
def test_an_address_that_no_feed_brought_is_a_missing_file(pictures, name):
    assert reason(pictures, f"embedded:{name}") == "missing file"


def test_a_damaged_file_is_missing_until_its_feed_is_read_again(pictures):
    pictures.add(DATA)
    [path] = files(pictures)
    path.write_bytes(DATA[::-1])
    assert reason(pictures, ADDRESS) == "missing file"
    assert path.exists()  # reading deletes nothing
    pictures.add(DATA)
    assert pictures.read(ADDRESS) == DATA


def test_a_file_that_cannot_be_read_is_not_deleted(pictures):
    path = pictures.path(HASH)
    path.mkdir(parents=True)  # a read error that the superuser has, too
    assert reason(pictures, ADDRESS) == "unreadable file"
    assert path.exists()


def test_pictures_that_no_product_names_are_deleted(pictures):
    kept = pictures.add(b"kept")
    pictures.add(b"orphan")
    assert pictures.prune(lambda _: {kept.removeprefix("embedded:")}) == 1
    assert pictures.read(kept) == b"kept"
    assert len(files(pictures)) == 1


def test_a_full_disk_is_reported_and_leaves_no_half_file(pictures, monkeypatch):
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(VitrineError, match=r"No space left on device\. Free some space"):
        pictures.add(DATA)
    assert files(pictures) == []


KILLED = """
import os, signal
from pathlib import Path
from pictures.embedded import EmbeddedPictures
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
EmbeddedPictures(Path({home!r})).add(b"x" * 100_000)
"""


def test_a_kill_while_writing_leaves_no_half_picture(pictures):
    code = KILLED.format(home=str(pictures.folder.parent))
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    address = embedded_address(b"x" * 100_000)
    assert reason(pictures, address) == "missing file"
    assert len(files(pictures)) == 1  # the unfinished one
    pictures.sweep()
    assert files(pictures) == []
    assert pictures.add(b"x" * 100_000) == address


ADDING = """
from pathlib import Path
from pictures.embedded import EmbeddedPictures
pictures = EmbeddedPictures(Path({home!r}))
for number in range(200):
    pictures.add(bytes([number]) * 50_000)
"""


def test_two_processes_add_the_same_pictures(pictures):
    code = ADDING.format(home=str(pictures.folder.parent))
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait() for process in both] == [0, 0]
    assert len(files(pictures)) == 200
    for number in range(200):
        data = bytes([number]) * 50_000
        assert pictures.read(embedded_address(data)) == data
