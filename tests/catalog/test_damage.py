"""Damaged rows: left out, counted, named, and repaired by their file."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from catalog import CatalogError, database
from catalog.catalogue import Catalogue
from catalog.product import Product

FACTS = Product("2", "two", features=("soft",), images=("http://x/2",), price=2.0)
PRODUCTS = [Product("1", "one"), FACTS, Product("3", "three")]

DAMAGES = {
    "details": "'[1'",
    "features": "'\"soft\"'",
    "images": "'[[1]]'",
    "categories": "'[\"a\"]'",
    "title": "CAST(x'ff41' AS TEXT)",
    "description": "x'41'",
    "price": "'cheap'",
    "brand": "CAST(x'41e2' AS TEXT)",
}


def overwrite(home: Path, column: str, value: str, *, table: str = "product", key: str = "id"):
    with closing(sqlite3.connect(home / database.FILE)) as connection, connection:
        connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {key} = '2'")  # noqa: S608


@pytest.fixture
def home(tmp_path):
    with Catalogue(tmp_path) as catalogue:
        catalogue.upsert(PRODUCTS)
    return tmp_path


@pytest.mark.parametrize("column", DAMAGES)
def test_a_damaged_row_is_left_out_counted_and_named(home, column, capsys):
    overwrite(home, column, DAMAGES[column])
    with Catalogue(home) as catalogue:
        assert [product.id for product in catalogue.products()] == ["1", "3"]
        assert list(catalogue.get(["2", "3"])) == ["3"]
        assert list(catalogue.pictures_pending()) == []
        damage = catalogue.damage()
    assert damage["count"] == 1
    assert "row of the product '2' is damaged" in damage["example"]
    assert "`vitrine ingest products` with its file again" in damage["example"]
    stderr = capsys.readouterr().err
    assert f"1 damaged rows of {home}/catalog.sqlite were left out: {damage['example']}" in stderr


@pytest.mark.parametrize("column", DAMAGES)
def test_its_file_repairs_a_damaged_row(home, column, capsys):
    overwrite(home, column, DAMAGES[column])
    with Catalogue(home) as catalogue:
        assert len(list(catalogue.products())) == 2
        assert catalogue.upsert(PRODUCTS).changed == 1
        assert list(catalogue.products()) == PRODUCTS
        assert catalogue.damage() == {}
    assert capsys.readouterr().err == ""


def test_an_id_that_is_damaged_hides_no_other_product(home, monkeypatch):
    monkeypatch.setattr(database, "PAGE_ROWS", 1)
    overwrite(home, "id", "CAST(x'328041' AS TEXT)")
    with Catalogue(home) as catalogue:
        assert [product.id for product in catalogue.products()] == ["1", "3"]
        assert "with its file and --prune again" in catalogue.damage()["example"]


def change_bytes(home: Path, table: str, old: bytes, new: bytes) -> None:
    """Change the first page of a table or index, behind SQLite's back."""
    file = home / database.FILE
    with closing(sqlite3.connect(file)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        ((root,),) = connection.execute(query, (table,))
        ((size,),) = connection.execute("PRAGMA page_size")
    whole = bytearray(file.read_bytes())
    page = slice((root - 1) * size, root * size)
    whole[page] = whole[page].replace(old, new)
    file.write_bytes(whole)


def test_an_id_out_of_order_ends_the_reading_with_a_sentence(home, monkeypatch):
    monkeypatch.setattr(database, "PAGE_ROWS", 2)
    change_bytes(home, "sqlite_autoindex_product_1", b"2", b"0")
    with Catalogue(home) as catalogue, pytest.raises(CatalogError, match="'0' is out of order"):
        list(catalogue.products())


def test_a_check_finds_an_index_that_differs_from_its_table(home):
    with Catalogue(home) as catalogue:
        catalogue.check()
    change_bytes(home, "sqlite_autoindex_product_1", b"2", b"0")
    with Catalogue(home) as catalogue, pytest.raises(CatalogError, match="is damaged"):
        catalogue.check()


def test_a_damaged_summary_is_none_and_is_written_anew(home):
    with Catalogue(home) as catalogue:
        catalogue.save_summaries([("2", "2", "short")])
        overwrite(home, "text", "CAST(x'ff' AS TEXT)", table="summary", key="digest")
        assert [entry.summary for entry in catalogue.entries()] == [None] * 3
        assert catalogue.summaries(["2"]) == {}


def test_a_damaged_row_of_the_picture_ledger_is_tried_again(home):
    for damage in ("CAST(x'ff' AS TEXT)", "x'41'", "7"):
        with Catalogue(home) as catalogue:
            overwrite(home, "stamp", damage, table="picture", key="product")
            overwrite(home, "hash", damage, table="picture", key="product")
            assert [each.product.id for each in catalogue.pictures_pending()] == ["2"]


@pytest.mark.parametrize("name", [b"brcnd", b"br\xe3nd"])
def test_a_damaged_name_in_the_schema_is_a_sentence(home, name):
    file = home / database.FILE
    file.write_bytes(file.read_bytes().replace(b"brand TEXT", name + b" TEXT"))
    with pytest.raises(CatalogError, match="is damaged"), Catalogue(home) as catalogue:
        list(catalogue.products())


def test_an_error_in_a_query_is_no_damage(home):
    with Catalogue(home) as catalogue, pytest.raises(sqlite3.OperationalError, match="no such"):
        catalogue._select("SELECT gone FROM product")


@pytest.mark.parametrize(
    ("column", "value"), [("title", "'twa'"), ("price", "2.25"), ("in_stock", "1"), ("id", "'4'")]
)
def test_a_row_that_could_be_a_products_and_is_not_what_was_written_is_damaged(home, column, value):
    overwrite(home, column, value)
    with Catalogue(home) as catalogue:
        assert [product.id for product in catalogue.products()] == ["1", "3"]
        assert "its checksum differs" in catalogue.damage()["example"]


def test_rows_of_before_there_were_checksums_are_read_and_get_one_from_their_file(home):
    overwrite(home, "checksum", "NULL")
    overwrite(home, "price", "3")
    changed = [PRODUCTS[0], replace(FACTS, price=3.0), PRODUCTS[2]]
    with Catalogue(home) as catalogue:
        assert list(catalogue.products()) == changed
        assert catalogue.upsert(changed).unchanged == 3
    overwrite(home, "price", "4")
    with Catalogue(home) as catalogue:
        assert len(list(catalogue.products())) == 2


@pytest.mark.parametrize("price", [float("nan"), 5, 1e300, -0.0])
def test_any_number_is_sound_when_it_is_read_back(home, price):
    product = Product("2", "two", price=price, in_stock=False)
    with Catalogue(home) as catalogue:
        catalogue.upsert([product])
        assert catalogue.upsert([product]).unchanged == 1
        assert len(list(catalogue.products())) == 3
