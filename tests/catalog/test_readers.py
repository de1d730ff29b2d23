import csv
import gzip
import json
import random
import tracemalloc
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from catalog import CatalogError, columns, formats
from catalog.product import Product
from catalog.readers import DroppedRow, read_products

ROWS = [
    {"id": "1", "title": "Red shoe", "brand": "Acme", "price": 9.5, "image": "a.jpg"},
    {"id": "2", "title": "Blue shoe", "brand": None, "price": None, "image": "http://x/b.jpg"},
]


def lines(path: Path, *records: object) -> Path:
    text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)
    path.write_text(text, encoding="utf-8")
    return path


def read(path: Path, **choices) -> tuple[list[Product], list[DroppedRow]]:
    everything = list(read_products(path, **choices))
    return (
        [item for item in everything if isinstance(item, Product)],
        [item for item in everything if isinstance(item, DroppedRow)],
    )


def written(folder: Path, name: str) -> Path:
    """ROWS as a file of the format that its name tells."""
    plain = folder / name.removesuffix(".gz")
    if ".csv" in name or ".tsv" in name:
        with plain.open("w", newline="") as file:
            table = csv.DictWriter(file, ROWS[0], delimiter="\t" if ".tsv" in name else ",")
            table.writeheader()
            table.writerows(ROWS)
    elif ".parquet" in name:
        parquet.write_table(pyarrow.Table.from_pylist(ROWS), plain)
    else:
        lines(plain, *ROWS)
    if name.endswith(".gz"):
        (folder / name).write_bytes(gzip.compress(plain.read_bytes()))
    return folder / name


@pytest.mark.parametrize("zipped", ["", ".gz"])
@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "json", "csv", "tsv", "parquet"])
def test_every_format_gives_the_same_products(tmp_path, suffix, zipped):
    products, dropped = read(written(tmp_path, f"shop.{suffix}{zipped}"), category="Shoes")
    assert dropped == []
    assert products == [
        Product("1", "Red shoe", "Shoes", brand="Acme", price=9.5, images=(f"{tmp_path}/a.jpg",)),
        Product("2", "Blue shoe", "Shoes", images=("http://x/b.jpg",)),
    ]


def test_a_row_that_is_no_product_is_dropped_with_a_reason_and_the_others_are_kept(tmp_path):
    path = lines(
        tmp_path / "shop.jsonl",
        {"id": "1", "title": "one"},
        {"id": "1", "title": "again"},
        {"id": "2", "title": "  "},
        {"id": None, "title": "no id"},
        ["a", "list"],
        "17",
        "{broken",
        "",
        {"id": "\ud800", "title": "an id of nothing"},
        "[" * 100_000,
        '{"id": "8", "title": ' + "[" * 2_000 + '"deep"' + "]" * 2_000 + "}",
        {"id": 3, "title": "three"},
    )
    with path.open("ab") as file:
        file.write(b'{"id": "9", "title": "\xff"}')
    products, dropped = read(path)
    assert [product.id for product in products] == ["1", "3"]
    assert dropped == [
        DroppedRow(2, "repeated id"),
        DroppedRow(3, "no title"),
        DroppedRow(4, "no id"),
        DroppedRow(5, "not an object"),
        DroppedRow(6, "not an object"),
        DroppedRow(7, "unreadable row"),
        DroppedRow(9, "no id"),
        DroppedRow(10, "unreadable row"),
        DroppedRow(11, "unreadable row"),
        DroppedRow(13, "unreadable row"),
    ]


def test_a_row_above_the_cap_is_dropped_and_the_next_one_read(tmp_path, monkeypatch):
    monkeypatch.setattr(formats, "MAX_ROW", 100)
    long = {"id": "2", "title": "x" * 1000}
    path = lines(tmp_path / "shop.jsonl", ROWS[0], long, {"id": "3", "title": "three"})
    products, dropped = read(path)
    assert [product.id for product in products] == ["1", "3"]
    assert dropped == [DroppedRow(2, "row too long")]


BOMBS = {
    "values of JSON": ("shop.jsonl", '{"id": "2", "title": "t", "x": [' + "[]," * 30_000 + "0]}\n"),
    "cells of CSV": ("shop.csv", "2,t" + "," * 30_000 + "\n"),
    "a title of megabytes": (
        "shop.jsonl",
        json.dumps({"id": "2", "title": "x" * 7_000_000}) + "\n",
    ),
    "a title of pages": ("shop.jsonl", json.dumps({"id": "2", "title": "x" * 20_000}) + "\n"),
    "an id of pages": ("shop.jsonl", json.dumps({"id": "2" * 2000, "title": "x"}) + "\n"),
}
REASONS = ["too many values", "too many values", "row too long", "title too long", "id too long"]


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [(*bomb, reason) for bomb, reason in zip(BOMBS.values(), REASONS, strict=True)],
    ids=BOMBS,
)
def test_a_row_that_would_take_much_memory_is_dropped_for_a_reason(tmp_path, name, row, reason):
    path = tmp_path / name
    around = ("id,title\n1,one\n", "3,three\n")
    if name.endswith(".jsonl"):
        around = ('{"id": "1", "title": "one"}\n', '{"id": "3", "title": "three"}\n')
    path.write_text(around[0] + row + around[1])
    products, dropped = read(path)
    assert [product.id for product in products] == ["1", "3"]
    assert dropped == [DroppedRow(2, reason)]


def test_rows_with_large_pictures_are_read_ahead_within_bounds(tmp_path):
    picture = "data:image/png;base64," + "A" * 2**21
    rows = ({"id": str(n), "title": "t", "image": picture} for n in range(60))
    path = lines(tmp_path / "shop.jsonl", *rows)
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_products(path)) == 60
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 * 2**20  # the file has 120 MiB


def test_semicolons_are_a_delimiter(tmp_path):
    products, _ = read(lines(tmp_path / "shop.csv", "id;title;price", "1;one, two;5,99"))
    assert products == [Product("1", "one, two", price=5.99)]


def test_usual_column_names_are_found_in_any_case_and_with_any_dashes(tmp_path):
    row = {
        "Unique Thing": "kept",
        "ASIN": "B00",
        "Product-Name": "Cream",
        "store": None,
        "manufacturer": "Acme",
        "average_rating": "4.5 out of 5 stars",
        "rating_number": 12.0,
        "selling price": "Rs. 899",
        "productURL": "http://x/?a=ﬁ",
        "bullet_points": '["soft", "white"]',
        "details": '{"Colour": "red"}',
        "attributes": {"Size": "M"},
        "imageURL": "http://x/1.jpg",
        "images": ["http://x/2.jpg", "http://x/1.jpg"],
        "description": ["long", "text"],
        "categories": ["Beauty", "Skin"],
        "flag": True,
        "videos": [{"url": "http://x"}],
    }
    products, _ = read(lines(tmp_path / "shop.jsonl", row))
    assert products == [
        Product(
            "B00",
            "Cream",
            categories=(("Beauty", "Skin"),),
            description="long text",
            features=("soft", "white"),
            attributes={"Unique Thing": "kept", "Colour": "red", "Size": "M", "flag": True},
            brand="Acme",
            price=899.0,
            currency="INR",
            rating=4.5,
            rating_count=12,
            link="http://x/?a=ﬁ",
            images=("http://x/1.jpg", "http://x/2.jpg"),
        )
    ]


def test_a_chosen_column_replaces_the_usual_ones(tmp_path):
    row = {
        "id": "1",
        "title": "wrong",
        "label": "right",
        "image": "a.jpg",
        "pic": "b.jpg",
        "aisle": "Food",
    }
    path = lines(tmp_path / "shop.jsonl", row)
    products, _ = read(path, fields={"title": "label", "image": "pic"}, category_field="aisle")
    (product,) = products
    assert (product.title, product.category) == ("right", "Food")
    assert product.images == (f"{tmp_path}/b.jpg",)


@pytest.mark.parametrize(
    ("name", "data", "choices", "sentence"),
    [
        ("none.jsonl", None, {}, "There is no file"),
        ("empty.jsonl", b"", {}, "is empty"),
        ("blank.jsonl", b"\n\n", {}, "has no rows"),
        ("header.csv", b"id,title\n", {}, "has no rows"),
        ("shop.csv", b"id,price\n1,2\n", {}, "no column for the title.*--field title=COLUMN"),
        ("shop.jsonl", b'{"name": "a"}\n', {}, "no column for the id"),
        ("shop.jsonl", b"1\n" * 300, {}, "None of the first 200 rows"),
        ("shop.csv", b"id,title\n1,2\n", {"fields": {"price": "cost"}}, "'cost'.*: id, title"),
        ("shop.jsonl", b'{"id": 1, "title": "a"}', {"fields": {"price": "c"}}, "'c'.*: id, title"),
        ("shop.csv", b"id,title\n1,2\n", {"fields": {"colour": "c"}}, "no field 'colour'"),
        ("shop.csv", b"id,title\n1,2\n", {"fields": {"title": ""}}, "names no column"),
        ("shop.csv", b"id,title\n1,2\n", {"category": "A", "category_field": "b"}, "given twice"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_as_a_whole_is_one_sentence(
    tmp_path, name, data, choices, sentence
):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(CatalogError, match=sentence) as caught:
        read(path, **choices)
    assert "\n" not in str(caught.value)


def test_a_wrong_option_is_an_error_at_the_call_and_not_at_the_first_row(tmp_path):
    with pytest.raises(CatalogError):
        read_products(tmp_path / "none.jsonl")


def test_memory_does_not_grow_with_the_file(tmp_path):
    row = f'"title": "a title", "description": "{"x" * 2000}"'
    lines(tmp_path / "shop.jsonl", *(f'{{"id": "{number}", {row}}}' for number in range(4_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_products(tmp_path / "shop.jsonl")) == 4_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * 2**20  # the file has 8 MiB


def test_whatever_a_cell_holds_a_row_is_a_product_or_dropped(tmp_path):
    random.seed(7)
    names = "id title category description features details brand price rating rating_count link"
    names = [*names.split(), "parent_asin", "image", "images", "other"]

    def anything(depth: int) -> object:
        leaf = [None, True, 0, -1, 10**25, 1.5, float("nan"), float("inf"), "", "a", "[1", "{}",
                '{"a": [1]}', "data:,", "\ud83d", "\x00", "$1.2.3,4", "x" * 50]  # fmt: skip
        if depth and random.random() < 0.4:
            inner = [anything(depth - 1) for _ in range(random.randrange(4))]
            keys = ("hi_res", "variant", "name", "value", "")
            return inner if random.random() < 0.5 else dict(zip(keys, inner, strict=False))
        return random.choice(leaf)

    good = {"id": "good", "title": "good"}
    records = [{name: anything(3) for name in names} for _ in range(1500)]
    products, dropped = read(lines(tmp_path / "shop.jsonl", good, *records))
    assert len(products) + len(dropped) == 1501
    assert {drop.reason for drop in dropped} == {"no id", "no title", "repeated id"}
    for product in products:
        product.title.encode()
        assert all(isinstance(address, str) and address for address in product.images)


def test_structs_maps_and_missing_values_of_parquet_are_read(tmp_path):
    text = pyarrow.string()
    texts = pyarrow.list_(text)
    table = pyarrow.table(
        {
            "parent_asin": ["A", "B"],
            "title": ["one", None],
            "images": pyarrow.array(
                [{"hi_res": ["h.jpg", None], "large": ["l.jpg", "m.jpg"]}, None],
                pyarrow.struct({"hi_res": texts, "large": texts}),
            ),
            "details": pyarrow.array([[("Colour", "red")], []], pyarrow.map_(text, text)),
            "price": pyarrow.array([None, 3.0]),
        }
    )  # fmt: skip
    parquet.write_table(table, tmp_path / "shop.parquet")
    products, dropped = read(tmp_path / "shop.parquet")
    assert dropped == [DroppedRow(2, "no title")]
    (product,) = products
    assert product.images == tuple(f"{tmp_path}/{name}.jpg" for name in "hlm")
    assert (product.attributes, product.price, product.parent) == ({"Colour": "red"}, None, "A")


def test_an_unforeseen_exception_costs_its_row_and_not_the_file(tmp_path, monkeypatch):
    number = columns.CONVERSIONS["rating"]
    ratings = {
        **columns.CONVERSIONS,
        "rating": lambda cell: number(None if cell is None else 1 / cell),
    }
    monkeypatch.setattr(columns, "CONVERSIONS", ratings)
    rows = [{"id": str(rating), "title": "a title", "rating": rating} for rating in (1, 0, 2)]
    products, dropped = read(lines(tmp_path / "shop.jsonl", *rows))
    assert [product.id for product in products] == ["1", "2"]
    assert dropped == [DroppedRow(2, "unexpected ZeroDivisionError")]
