import bz2
import gzip
import io
import json
import lzma
import random
import zipfile

import pytest

from catalog import CatalogError
from catalog.formats import contents
from catalog.formats.opening import open_feed
from tests.catalog.formats.rows import rows_of

TABLE = b"id,title\n1,Lamp\n2,Rug\n"
LINES = b'{"id": "1", "title": "Lamp"}\n{"id": "2", "title": "Rug"}\n'
ROWS = [{"id": "1", "title": "Lamp"}, {"id": "2", "title": "Rug"}]


def archive(members: dict[str, bytes]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "compression"),
    [
        ("shop.csv.gz", gzip.compress(TABLE, mtime=0), "gzip"),
        ("shop.csv", gzip.compress(TABLE, mtime=0), "gzip"),
        ("shop.csv.gz", TABLE, None),  # unpacked by a browser
        ("shop.csv.bz2", bz2.compress(TABLE), "bzip2"),
        ("shop.csv.xz", lzma.compress(TABLE), "xz"),
        ("shop.csv", LINES, None),
        ("shop.txt", TABLE, None),
        ("shop", TABLE, None),
        ("shop.json", LINES, None),
        ("shop.zip", archive({"out/shop.csv": TABLE, "out/1.jpg": b"x"}), "zip"),
        ("shop.csv", archive({"shop.csv": TABLE, "readme.txt": b"Hello"}), "zip"),
        ("shop.zip", archive({"__MACOSX/._shop.csv": b"x", ".a.csv": b"", "a.txt": TABLE}), "zip"),
    ],
)
def test_a_file_is_known_by_its_content(tmp_path, name, content, compression):
    assert rows_of(tmp_path / name, content) == ROWS
    assert open_feed(tmp_path / name).facts.get("compression") == compression


def test_the_member_of_an_archive_is_stated(tmp_path):
    members = {"out/shop.jsonl": LINES, "out/1.jpg": b"x", "out/2.PNG": b"y"}
    rows_of(tmp_path / "shop.zip", archive(members))
    assert open_feed(tmp_path / "shop.zip").facts == {
        "format": "JSON Lines", "compression": "zip", "member": "out/shop.jsonl",
        "pictures": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none.csv", None, "There is no file"),
        ("empty.csv", b"", "is empty"),
        ("empty.csv.gz", gzip.compress(b"", mtime=0), "is empty"),
        ("zeros.csv", b"\0" * 5000, "holds nothing but zero bytes"),
        ("shop.dat", b"just some words\nof no format", "is of no known format"),
        ("shop.csv", b"\n <!DOCTYPE HTML><html><body>Sign in</body></html>", "is a web page"),
        ("shop.json", b"<html><h1>502 Bad Gateway</h1></html>", "is a web page"),
        ("shop.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, r"save it as \.xlsx"),
        ("shop.csv", b"%PDF-1.7 \xff", "is a PDF"),
        ("shop.csv", b"\x89PNG\r\n\x1a\n\0\0", "is a picture"),
        ("shop.csv.gz", gzip.compress(TABLE * 99, mtime=0)[:-9], "damaged or cut off"),
        ("shop.json.gz", gzip.compress(b"[{}]" * 99, mtime=0)[:9], "damaged or cut off"),
        ("shop.zip", archive({"a/b.csv": TABLE, "c.json": LINES}), r"2 product files \(a/b.csv, c"),
        ("shop.zip", archive({"1.jpg": b"x", "a.doc": b"y"}), "no product file among its 2 files"),
        ("shop.zip", archive({}), "no product file among its 0 files"),
        ("shop.zip", archive({"shop.csv": TABLE * 99})[:-30], "damaged zip archive"),
        ("shop.ods", archive({"mimetype": b"x", "content.xml": b"<x/>"}), "OpenDocument"),
    ],
)
def test_a_file_that_cannot_be_read_as_a_whole_is_one_sentence(tmp_path, name, content, sentence):
    with pytest.raises(CatalogError, match=sentence) as caught:
        rows_of(tmp_path / name, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["pictures", "shop.csv"])
def test_a_folder_is_no_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(CatalogError, match="is a folder; name a file of products"):
        open_feed(tmp_path / name)


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "json"])
def test_the_readable_rows_of_a_damaged_archive_are_read(tmp_path, suffix):
    rng = random.Random(1)
    records = [{"id": number, "title": str(rng.random())} for number in range(5000)]
    text = {
        "jsonl": "\n".join(map(json.dumps, records)),
        "csv": "id,title\n" + "".join(f"{each['id']},{each['title']}\n" for each in records),
        "json": json.dumps(records),
    }[suffix]
    path = tmp_path / f"shop.{suffix}.gz"
    path.write_bytes(gzip.compress(text.encode())[:-5000])
    rows = []
    with pytest.raises(CatalogError, match="cut off"):
        rows.extend(open_feed(path).rows)
    assert len(rows) > 2000


def test_what_is_unpacked_to_disk_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(contents, "MIN_LIMIT", 10_000)
    with pytest.raises(CatalogError, match=r"unpacks to more than \d\d,\d+ bytes"):
        rows_of(tmp_path / "shop.parquet.gz", gzip.compress(b"PAR1" + b"\0" * 2**20))
