"""What `ingest products` says of a file: on a terminal, as JSON, before anything is written."""

import json
from pathlib import Path

import pytest

from catalog.catalogue import Catalogue
from tests.ingest.commands import run_here

TABLE = """code;label;Regular price;Type;Colour;Weight
1;Pan;30;;red;1.5
2;Pot;;;blue;2
3;Lid;9;;red;0.5
"""


@pytest.fixture
def source(tmp_path) -> Path:
    (tmp_path / "feed.csv").write_text(TABLE)
    return tmp_path / "feed.csv"


def words(*more: object) -> tuple[object, ...]:
    return ("--field", "title=label", *more)


def test_the_report_has_a_line_for_each_field_and_names_what_is_missing(tmp_path, source):
    shown = run_here(tmp_path / "home", "products", source, *words()).stdout
    assert "read by column names: CSV, delimiter ;" in shown
    assert "  title ← label\n" in shown
    assert "  price ← Regular price (2 of 3 products)\n" in shown
    assert "  pictures: no column; where their names follow from another column" in shown
    assert "  category: Type has no value\n" in shown
    assert "  2 attributes ← Colour, Weight (number)\n" in shown
    assert "of 3 products 3 without picture, 1 without price, 3 without brand" in shown


def test_json_has_the_report_under_columns_with_names_as_keys(tmp_path, source):
    done = run_here(tmp_path / "home", "products", source, *words("--json"))
    columns = json.loads(done.stdout)["columns"]
    assert columns["fields"]["price"] == {"columns": {"Regular price": 2}, "products": 2}
    assert columns["fields"]["category"] == {"columns": {"Type": 0}, "products": 0}
    assert columns["fields"]["brand"] == {"columns": {}, "products": 0}
    assert columns["attributes"] == {"Colour": 3, "Weight": 3}
    assert columns["attribute_types"] == {"Colour": "text", "Weight": "number"}
    assert columns["without"] == {"images": 3, "price": 1, "brand": 3, "category": 3}
    assert (columns["convention"], columns["file"]["format"]) == (None, "CSV")


def test_a_column_has_one_type_and_is_text_where_a_value_is(tmp_path, source):
    rows = "".join(f"{number};Pan;;;{number % 2 == 0};{number}\n" for number in range(4, 9))
    source.write_text(f"{TABLE}{rows}9;Wok;;;no;about 2\n")
    done = run_here(tmp_path / "home", "products", source, *words("--json"))
    assert json.loads(done.stdout)["columns"]["attribute_types"] == {
        "Colour": "text",
        "Weight": "text",
    }
    with Catalogue(tmp_path / "home") as catalogue:
        assert {each.name: each.kind for each in catalogue.attributes()} == {
            "Colour": "text",
            "Weight": "text",
        }


def test_columns_that_were_not_used_are_named(tmp_path, source):
    source.write_text(TABLE.replace("Type", "SEO title").replace(";;red", ";Cheap pans;red"))
    shown = run_here(tmp_path / "home", "products", source, *words()).stdout
    assert "  not used: SEO title\n" in shown


def test_a_preview_shows_products_with_their_pictures_and_writes_nothing(tmp_path, source):
    home = tmp_path / "home"
    preview = words("--preview", 2, "--field", "image=photos/{code}.jpg")
    done = run_here(home, "products", source, *preview)
    assert done.status == 0
    assert "Pan" in done.stdout
    assert "Lid" not in done.stdout
    assert f"1  {tmp_path}/photos/1.jpg" in done.stdout
    assert "title ← label" in done.stdout
    assert not home.exists()
    shown = json.loads(run_here(home, "products", source, *preview, "--json").stdout)
    assert [product["id"] for product in shown["products"]] == ["1", "2"]
    assert shown["columns"]["products"] == 3


@pytest.mark.parametrize("command", ["products", "all"])
def test_a_file_of_which_no_row_is_a_product_is_an_error_and_ends_the_jobs(home, tmp_path, command):
    source = tmp_path / "bad.jsonl"
    source.write_text('{"id": "1", "title": ""}\n{broken\n{"id": "", "title": "x"}\n')
    with Catalogue(home) as catalogue:
        before = len(catalogue)
    done = run_here(home, command, source)
    assert done.status == 1
    assert "No row of" in done.error
    assert "no title (1)" in done.error
    assert "unreadable row (1)" in done.error
    assert "--preview" in done.error
    with Catalogue(home) as catalogue:
        assert len(catalogue) == before
        assert catalogue.runs()[0].job == "products"


def test_a_prune_with_a_file_of_no_products_deletes_nothing(tmp_path, source):
    home = tmp_path / "home"
    assert run_here(home, "products", source, *words()).status == 0
    source.write_text("code;label\n;\n")
    assert run_here(home, "products", source, *words("--prune")).status == 1
    with Catalogue(home) as catalogue:
        assert len(catalogue) == 3


def test_filters_are_named_with_the_file_and_kept(tmp_path, source):
    home = tmp_path / "home"
    done = run_here(home, "products", source, *words("--filters", "weight, Colour"))
    assert "filters: Weight, Colour" in done.stdout
    done = run_here(home, "products", source, *words("--filters", "Size"))
    assert "No product has an attribute 'Size' to filter by; there are Colour, Weight" in done.error
    with Catalogue(home) as catalogue:
        assert [each.name for each in catalogue.filters()] == ["Weight", "Colour"]


def test_a_field_is_written_with_an_equals_sign(tmp_path, source):
    done = run_here(tmp_path / "home", "products", source, "--field", "title")
    assert done.status == 2
    assert "write it as title=name" in " ".join(done.stderr.split())
