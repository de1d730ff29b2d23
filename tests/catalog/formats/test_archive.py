"""Pictures inside a zip archive, beside the product file that names them."""

import hashlib
import io
import struct
import zipfile
from pathlib import Path

import pytest

from catalog import CatalogError
from catalog.formats import archive
from catalog.readers import read_products
from pictures.embedded import EmbeddedPictures
from vitrine import VitrineError


def kept(data: bytes) -> str:
    return "embedded:" + hashlib.sha256(data).hexdigest()


def packed(
    path: Path, members: dict[str, bytes], cells: list[str], table: str = "shop.csv"
) -> Path:
    """An archive with a table whose products have these cells as their pictures."""
    rows = "".join(f'p{number},Lamp {number},"{cell}"\n' for number, cell in enumerate(cells))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(table, "id,title,image\n" + rows)
        for name, content in members.items():
            file.writestr(name, content)
    return path


def images(source: Path) -> list[tuple[str, ...]]:
    return [product.images for product in read_products(source)]


@pytest.mark.parametrize(
    ("member", "table", "cell"),
    [
        ("1.jpg", "shop.csv", "1.jpg"),
        ("out/images/1.jpg", "out/shop.csv", "images/1.jpg"),  # beside the table
        ("out/images/1.jpg", "out/shop.csv", "out/images/1.jpg"),  # from the archive's root
        ("images/1.jpg", "out/shop.csv", "../images/1.jpg"),
        ("images/1.jpg", "shop.csv", r"images\1.jpg"),
        ("Images/1.JPG", "shop.csv", "images/1.jpg"),
        ("images/deep/1.jpg", "shop.csv", "1.jpg"),  # the only one of that name
        ("images/1.jpg", "shop.csv", r"C:\shop\photos\1.jpg"),
        ("images/1.jpg", "shop.csv", "/home/ada/shop/1.jpg"),
        ("images/tu\u0308r.jpg", "shop.csv", "images/t\u00fcr.jpg"),  # as macOS writes accents
    ],
)
def test_a_picture_of_the_archive_is_found_by_its_path(tmp_path, member, table, cell):
    source = packed(tmp_path / "shop.zip", {member: b"lamp"}, [cell], table)
    assert images(source) == [(kept(b"lamp"),)]


@pytest.mark.parametrize("encoding", ["utf-8", "cp437", "cp1252"])
def test_a_name_without_the_flag_of_utf8_is_read_in_usual_encodings(tmp_path, encoding):
    source = packed(tmp_path / "shop.zip", {"xxxxxxxx.jpg": b"lamp"}, ["Tür.jpg"])
    name = "Tür.jpg".encode(encoding)
    data = source.read_bytes().replace(b"xxxxxxxx.jpg", name.rjust(12, b"/"))
    source.write_bytes(data)
    assert images(source) == [(kept(b"lamp"),)]


def test_what_is_no_member_stays_an_address(tmp_path):
    cells = ["2.jpg", "../../1.jpg/..", "https://cdn.example/1.jpg", "/etc/hosts", ""]
    source = packed(tmp_path / "shop.zip", {"a/1.jpg": b"one", "a/same.jpg": b"2"}, cells)
    assert images(source) == [
        (f"{tmp_path}/2.jpg",),
        (f"{tmp_path}/../../1.jpg/..",),
        ("https://cdn.example/1.jpg",),
        ("/etc/hosts",),
        (),
    ]


def test_a_name_of_several_members_is_none_of_them(tmp_path):
    members = {"a/1.jpg": b"one", "b/1.jpg": b"two"}
    source = packed(tmp_path / "shop.zip", members, ["1.jpg", "b/1.jpg", "/a/1.jpg"])
    assert images(source) == [(f"{tmp_path}/1.jpg",), (kept(b"two"),), (kept(b"one"),)]


def test_a_picture_that_cannot_be_read_is_an_address_with_the_reason(tmp_path, monkeypatch):
    members = {"damaged.jpg": b"lamp" * 99, "empty.jpg": b"", "large.jpg": b"x" * 101}
    source = packed(tmp_path / "shop.zip", members, list(members))
    data = bytearray(source.read_bytes())
    with zipfile.ZipFile(source) as file:
        start = file.getinfo("damaged.jpg").header_offset + 30 + len("damaged.jpg")
    data[start : start + 4] = b"\xff\xff\xff\xff"
    source.write_bytes(data)
    monkeypatch.setattr(archive, "MAX_BYTES", 100)
    monkeypatch.setattr("pictures.embedded.MAX_BYTES", 100)
    assert images(source) == [
        ("embedded:unreadable-file",),
        ("embedded:empty",),
        ("embedded:too-many-bytes",),
    ]


def test_a_picture_with_a_password_is_an_address_with_the_reason(tmp_path):
    source = packed(tmp_path / "shop.zip", {"1.jpg": b"lamp"}, ["1.jpg"])
    data = bytearray(source.read_bytes())
    entry = data.rindex(b"PK\x01\x02")
    struct.pack_into("<H", data, entry + 8, 1)
    source.write_bytes(data)
    assert images(source) == [("embedded:unreadable-file",)]


def test_pictures_together_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "MIN_LIMIT", 100_000)
    monkeypatch.setattr(archive, "MAX_RATIO", 1)
    members = {f"{number}.jpg": bytes([number]) * 30_000 for number in range(5)}
    source = packed(tmp_path / "shop.zip", members, list(members))
    with pytest.raises(CatalogError, match="unpack to many times its size; unpack it and name"):
        images(source)


def test_a_picture_of_several_products_is_read_once_and_kept_once(tmp_path):
    source = packed(tmp_path / "shop.zip", {"1.jpg": b"lamp", "2.jpg": b"rug"}, ["1.jpg"] * 3)
    pictures = EmbeddedPictures(tmp_path / "home")
    products = read_products(source, keep_picture=pictures.add)
    assert {product.images for product in products} == {(kept(b"lamp"),)}
    assert pictures.read(kept(b"lamp")) == b"lamp"
    assert products.report.file["pictures"] == 2
    assert products.report.file["pictures read"] == 1


def test_a_picture_that_cannot_be_kept_ends_the_reading(tmp_path):
    def fail(_: bytes | str) -> str:
        raise VitrineError("The disk is full.")

    source = packed(tmp_path / "shop.zip", {"1.jpg": b"lamp"}, ["1.jpg"])
    with pytest.raises(VitrineError, match="The disk is full"):
        list(read_products(source, keep_picture=fail))


def test_pictures_named_by_id_are_looked_for_in_the_archive(tmp_path):
    table = "id,productDisplayName,masterCategory,subCategory,articleType\n7,Lamp,Home,Light,Lamp\n"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("set/styles.csv", table)
        file.writestr("set/images/7.jpg", b"lamp")
    source = tmp_path / "shop.zip"
    source.write_bytes(data.getvalue())
    assert images(source) == [(kept(b"lamp"),)]
    named = read_products(source, fields={"image": "images/{id}.jpg"})
    assert [product.images for product in named] == [(kept(b"lamp"),)]


def test_names_of_members_stay_on_the_line_of_their_sentence(tmp_path):
    with zipfile.ZipFile(tmp_path / "shop.zip", "w") as archive:
        for name in ("one\n.csv", "two\x1b[31m.csv"):
            archive.writestr(name, "id,title")
    with pytest.raises(CatalogError, match=r"2 product files \(one \.csv, two \[31m\.csv\)"):
        read_products(tmp_path / "shop.zip")
