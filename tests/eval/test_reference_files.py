import zipfile

import openpyxl
import pytest

from catalog.catalogue import Catalogue
from catalog.product import Product
from eval import EvalError
from eval.reference_files import COLUMNS, as_catalogue, read_reference, read_rows

AMAZON = "https://www.amazon.com"
ROWS = [
    (
        "Nose ring",
        f"{AMAZON}/Ring-Gold/dp/B000000001/ref=sr_1_1?dib=x",
        "Gold ring",
        "u/1.jpg",
        "a",
    ),
    ("Nose ring", f"{AMAZON}/gp/aw/d/B000000002/?_encoding=UTF8", "Silver  Ring!", "u/2.jpg", "b"),
    ("Kettle ", f"{AMAZON}/gp/product/B000000003", "Red kettle", "u/3.jpg", ""),
    ("Kettle ", f"{AMAZON}/s?k=kettle", "Blue Kettle", None, "d"),
]


def write(path, rows=ROWS, header=COLUMNS):
    book = openpyxl.Workbook()
    for row in (header, *rows):
        book.active.append(row)
    book.save(path)
    return path


def fill(home, *products):
    catalogue = Catalogue(home)
    catalogue.upsert(Product(id=name, title=title) for name, title in products)
    return catalogue


def test_products_are_matched_by_asin_else_by_title_and_the_rest_is_counted(tmp_path):
    path = write(tmp_path / "q.xlsx")
    with fill(
        tmp_path, ("B000000001", "quite another title"), ("x", "silver ring"), ("y", "BLUE KETTLE")
    ) as catalogue:
        queries = read_reference(path, catalogue)
    ring, kettle = queries
    assert (ring.text, ring.relevant) == ("Nose ring", {"B000000001": 1, "x": 1})
    assert (kettle.text, kettle.relevant) == ("Kettle", {"y": 1})
    assert ring.picture == kettle.picture == ""
    assert list(queries.counts.values()) == [1, 2, 1]


def test_with_pictures_a_query_has_the_first_products_picture(tmp_path):
    path = write(tmp_path / "q.xlsx")
    with fill(tmp_path) as catalogue:
        queries = read_reference(path, catalogue, with_pictures=True)
    assert [query.picture for query in queries] == ["u/1.jpg", "u/3.jpg"]
    assert [query.relevant for query in queries] == [{}, {}]


def test_the_file_is_a_catalogue_of_its_own(tmp_path):
    products, queries = as_catalogue(write(tmp_path / "q.xlsx"), "Beauty")
    assert [product.id for product in products] == [
        "B000000001", "B000000002", "B000000003", "blue kettle",
    ]  # fmt: skip
    assert products[0].category == "Beauty"
    assert products[0].images == ("u/1.jpg",)
    assert products[3].images == ()
    assert [set(query.relevant) for query in queries] == [
        {"B000000001", "B000000002"},
        {"B000000003", "blue kettle"},
    ]


def test_a_product_of_two_queries_is_one_product(tmp_path):
    rows = [ROWS[0], ("Gold", *ROWS[0][1:])]
    products, queries = as_catalogue(write(tmp_path / "q.xlsx", rows))
    assert len(products) == 1
    assert len(queries) == 2


def test_another_file_is_refused_in_a_sentence(tmp_path):
    (tmp_path / "text.xlsx").write_text("no zip")
    with pytest.raises(EvalError, match="not an Excel file"):
        list(read_rows(tmp_path / "text.xlsx"))
    with pytest.raises(EvalError, match="There is no file"):
        list(read_rows(tmp_path / "none.xlsx"))
    with pytest.raises(EvalError, match="no column Queries, Product_link"):
        list(read_rows(write(tmp_path / "other.xlsx", header=("a", "b", "Product_title", "", ""))))
    with pytest.raises(EvalError, match="no row"):
        list(read_rows(write(tmp_path / "empty.xlsx", rows=[])))


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["beauty", "appliances"])
def test_the_references_own_files_have_50_queries_of_5_products_with_an_asin(realdata, name):
    rows = list(read_rows(realdata / "ground_truth" / f"Amazon_{name}_queries.xlsx"))
    assert len(rows) == 250
    assert len({row.query for row in rows}) == 50
    assert all(row.asin for row in rows)


def test_a_damaged_sheet_is_reported_and_not_a_parsers_error(tmp_path):
    whole = write(tmp_path / "q.xlsx")
    sheet = "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(tmp_path / "cut.xlsx", "w") as cut:
        for name in source.namelist():
            data = source.read(name)
            cut.writestr(name, data[: len(data) // 2] if name == sheet else data)
    with pytest.raises(EvalError, match=r"cut\.xlsx is not an Excel file .*ParseError"):
        list(read_rows(tmp_path / "cut.xlsx"))
    (tmp_path / "empty.xlsx").touch()
    with pytest.raises(EvalError, match="is not an Excel file"):
        list(read_rows(tmp_path / "empty.xlsx"))
