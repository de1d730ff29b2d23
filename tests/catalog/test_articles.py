"""Variants of one article, wherever their rows stand."""

import csv
import tracemalloc
from pathlib import Path

import pytest

from catalog import articles
from catalog.product import Product
from catalog.readers import read_products

SHOPIFY = ("Handle", "Title", "Vendor", "Option1 Name", "Option1 Value", "Variant SKU",
           "Variant Price", "Image Src", "Image Position")  # fmt: skip
WOO = ("ID", "Type", "SKU", "Name", "Regular price", "Categories", "Images", "Parent",
       "Attribute 1 name", "Attribute 1 value(s)")  # fmt: skip


def table(folder: Path, head: tuple[str, ...], *rows: tuple) -> Path:
    with (folder / "feed.csv").open("w", newline="") as file:
        csv.writer(file).writerows([head, *rows])
    return folder / "feed.csv"


def read(source: Path, **choices):
    reader = read_products(source, **choices)
    items = list(reader)
    return [item for item in items if isinstance(item, Product)], items, reader.report


def names(product: Product) -> list[str]:
    return [Path(address).name for address in product.images]


def test_pictures_are_in_the_order_of_their_positions(tmp_path):
    source = table(
        tmp_path, SHOPIFY,
        ("mug", "Mug", "Kiln", "Glaze", "White", "M-W", "12", "b.jpg", "2"),
        ("mug", "", "", "", "Blue", "M-B", "13", "a.jpg", "1"),
        ("mug", "", "", "", "", "", "", "c.jpg", "3"),
    )  # fmt: skip
    products, _, report = read(source)
    assert [names(product) for product in products] == [["a.jpg", "b.jpg", "c.jpg"]] * 2
    assert [product.attributes["Glaze"] for product in products] == ["White", "Blue"]
    assert report.merged == 1


def test_variants_without_a_number_of_their_own_have_an_id_from_their_options(tmp_path):
    source = table(
        tmp_path, SHOPIFY,
        ("mug", "Mug", "Kiln", "Glaze", "White", "", "12", "", ""),
        ("mug", "", "", "", "Blue", "", "13", "", ""),
        ("jug", "Jug", "Kiln", "Glaze", "White", "SAME", "20", "", ""),
        ("jug", "", "", "", "Blue", "SAME", "21", "", ""),
    )  # fmt: skip
    products, items, _ = read(source)
    assert [product.id for product in products] == ["mug-White", "mug-Blue", "SAME", "jug-Blue"]
    assert len(items) == 4


def test_rows_apart_from_their_article_have_its_title(tmp_path):
    source = table(
        tmp_path, SHOPIFY,
        ("mug", "Mug", "Kiln", "Glaze", "White", "M-W", "12", "a.jpg", "1"),
        ("jug", "Jug", "Kiln", "Title", "Default Title", "J", "20", "j.jpg", "1"),
        ("mug", "", "", "", "Blue", "M-B", "13", "", ""),
    )  # fmt: skip
    products, _, _ = read(source)
    assert [(each.id, each.title, each.parent) for each in products] == [
        ("M-W", "Mug", "mug"),
        ("J", "Jug", "jug"),
        ("M-B", "Mug", "mug"),
    ]


def test_an_article_of_many_rows_is_read_in_parts_within_bounds(tmp_path, monkeypatch):
    monkeypatch.setattr(articles, "MAX_ARTICLE", 2**16)
    rows = [("mug", "Mug", "Kiln", "Glaze", "G0", "M-0", "12", "a.jpg", "1")]
    rows += [("mug", "", "", "", f"G{n}", f"M-{n}", "12", "", "") for n in range(1, 20_000)]
    source = table(tmp_path, SHOPIFY, *rows)
    tracemalloc.start()
    try:
        products = sum(
            isinstance(each, Product) and each.title == "Mug" for each in read_products(source)
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert products == 20_000
    assert peak < 6 * 2**20


def test_variants_may_stand_before_and_after_their_article(tmp_path):
    source = table(
        tmp_path, WOO,
        ("3", "variation", "M-B", "", "13", "", "blue.jpg", "id:1", "Glaze", "Blue"),
        ("2", "simple", "J", "Jug", "20", "Kitchen", "", "", "", ""),
        ("1", "variable", "M", "Mug", "", "Kitchen > Mugs", "mug.jpg", "", "Glaze", "Blue, White"),
        ("4", "variation", "M-W", "", "12", "", "", "M", "Glaze", "White"),
    )  # fmt: skip
    products, _, report = read(source)
    found = {product.id: product for product in products}
    assert set(found) == {"2", "3", "4"}
    assert names(found["3"]) == ["blue.jpg", "mug.jpg"]
    assert (found["4"].title, found["4"].category, found["4"].parent) == ("Mug", "Kitchen", "1")
    assert found["4"].attributes == {"Glaze": "White"}
    assert report.merged == 1


def test_variants_of_an_article_that_is_not_in_the_file_are_counted_not_lost(tmp_path):
    source = table(
        tmp_path, WOO,
        ("3", "variation", "M-B", "Mug - Blue", "13", "", "blue.jpg", "id:1", "Glaze", "Blue"),
        ("4", "variation", "M-W", "", "12", "", "", "id:1", "Glaze", "White"),
    )  # fmt: skip
    _, items, _ = read(source)
    product, dropped = items
    assert (product.id, product.title) == ("3", "Mug - Blue")
    assert (dropped.row, dropped.reason) == (2, "no title")


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_every_row_is_a_product_dropped_skipped_or_merged_wherever_reading_stops(tmp_path, limit):
    source = table(
        tmp_path, WOO,
        ("1", "variable", "M", "Mug", "14", "Kitchen", "mug.jpg", "", "", ""),
        ("2", "variation", "M-B", "", "13", "", "", "id:1", "", ""),
        ("3", "variation", "M-W", "", "12", "", "", "id:1", "", ""),
    )  # fmt: skip
    _, items, report = read(source, limit=limit)
    assert len(items) + report.merged + report.skipped.total() == limit
