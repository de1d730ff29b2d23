import shutil

import pytest
from streamlit.testing.v1 import AppTest

from catalog.catalogue import Catalogue
from encoder.variants import Variants

PAGE = """
from app import catalogue_page, main
main.run_page(catalogue_page.show)
"""


@pytest.fixture
def open_stock(home, monkeypatch):
    def opened(folder=home):
        monkeypatch.setenv("VITRINE_HOME", str(folder))
        page = AppTest.from_string(PAGE, default_timeout=60).run()
        assert not page.exception
        return page

    return opened


def table(page, column):
    """The table that has the column, by the values of its first."""
    [found] = [each.value for each in page.dataframe if column in each.value.columns]
    return found.set_index(found.columns[0])


def test_counts_per_category_with_what_became_of_the_pictures(open_stock):
    page = open_stock()
    categories = table(page, "With a picture")
    assert categories["Products"].to_dict() == {"Appliances": 8, "Beauty": 6, "<i>Odd</i>": 2}
    assert categories["With a picture"].to_dict() == {"Appliances": 6, "Beauty": 6, "<i>Odd</i>": 2}
    assert categories["Missing"]["Appliances"] == "1 no picture given, 1 not a picture"
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Products"] == "16"
    assert metrics["With a picture"] == "14"


def test_failures_by_reason_with_an_example(open_stock):
    failures = table(open_stock(), "For example")
    assert failures["Products"].to_dict() == {"not a picture": 1}
    assert "no picture in a known format" in failures["For example"]["not a picture"]


def test_variants_with_their_collections(open_stock, home):
    variants = table(open_stock(), "Generation")
    assert variants.loc["tiny", "State"] == "ready"
    assert variants.loc["tiny", "Products"] == 16
    assert variants.loc["tiny", "Fingerprint"] == Variants(home).get("tiny").fingerprint


def test_a_variant_without_a_collection_is_told_with_the_remedy(
    open_stock, home, tiny_clip, tmp_path
):
    folder = tmp_path / "two"
    shutil.copytree(home, folder)
    Variants(folder).add("spare", tiny_clip, template="title")
    page = open_stock(folder)
    assert table(page, "Generation").loc["spare", "State"] == "cannot be searched"
    assert "`vitrine ingest vectors --variant spare`" in page.warning[0].value


def test_a_collection_that_is_behind_is_told(open_stock, home, tmp_path):
    folder = tmp_path / "behind"
    shutil.copytree(home, folder)
    with Catalogue(folder) as catalogue:
        catalogue.delete(["bare"])
    captions = [caption.value for caption in open_stock(folder).caption]
    assert any("holds 16 of 15 products" in caption for caption in captions)


def test_the_last_runs_come_first(open_stock):
    runs = table(open_stock(), "Outcome")
    assert list(runs.index) == ["vectors", "images", "products"]
    assert set(runs["Outcome"]) == {"done"}
    assert "points 16" in runs["Figures"]["vectors"]


def test_an_empty_folder_is_told_in_a_sentence(open_stock, tmp_path):
    assert "`vitrine ingest products" in open_stock(tmp_path).error[0].value
