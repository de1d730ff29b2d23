import pytest
from streamlit.testing.v1 import AppTest

from catalog.catalogue import Catalogue
from encoder.variants import Variants
from tests.app.page_parts import everything

PAGE = """
from app import catalogue_page, main
main.run_page(catalogue_page.show)
"""


@pytest.fixture
def open_catalogue(home, monkeypatch):
    def opened(folder=home):
        monkeypatch.setenv("VITRINE_HOME", str(folder))
        page = AppTest.from_string(PAGE, default_timeout=600).run()
        assert not page.exception
        return page

    return opened


def table(page, column):
    """The table that has the column, by the values of its first."""
    [found] = [each.value for each in page.dataframe if column in each.value.columns]
    return found.set_index(found.columns[0])


def test_counts_per_category_with_the_pictures_outcomes(open_catalogue):
    page = open_catalogue()
    categories = table(page, "With a picture")
    assert categories["Products"].to_dict() == {"Appliances": 8, "Beauty": 6, "<i>Odd</i>": 2}
    assert categories["With a picture"].to_dict() == {"Appliances": 6, "Beauty": 6, "<i>Odd</i>": 2}
    assert categories["Missing"]["Appliances"] == "1 no picture given, 1 not a picture"
    metrics = {metric.label: metric.value for metric in page.metric}
    assert metrics["Products"] == "16"
    assert metrics["With a picture"] == "14"


def test_failures_by_reason_with_an_example(open_catalogue):
    failures = table(open_catalogue(), "For example")
    assert failures["Products"].to_dict() == {"not a picture": 1}
    assert (
        "is HTML, not a picture; the formats that are read are JPEG"
        in failures["For example"]["not a picture"]
    )


def test_no_path_of_the_server_is_shown(open_catalogue, home, tiny_clip):
    page = open_catalogue()
    assert "torn.jpg" in everything(page)
    assert "products.jsonl" in everything(page)
    assert tiny_clip.name in everything(page)
    assert str(home.parent) not in everything(page)
    assert str(tiny_clip.parent) not in everything(page)


def test_variants_with_their_collections(open_catalogue, home):
    variants = table(open_catalogue(), "Generation")
    assert variants.loc["tiny", "State"] == "ready"
    assert variants.loc["tiny", "Products"] == 16
    assert variants.loc["tiny", "Fingerprint"] == Variants(home).get("tiny").fingerprint


def test_a_variant_without_a_collection_is_shown_with_the_remedy(
    open_catalogue, home_copy, tiny_clip
):
    Variants(home_copy).add("spare", tiny_clip, template="title")
    page = open_catalogue(home_copy)
    assert table(page, "Generation").loc["spare", "State"] == "cannot be searched"
    assert "`vitrine ingest vectors --variant spare`" in page.warning[0].value


def test_a_collection_that_is_out_of_date_is_shown(open_catalogue, home_copy):
    with Catalogue(home_copy) as catalogue:
        catalogue.delete(["bare"])
    captions = [caption.value for caption in open_catalogue(home_copy).caption]
    assert any("holds 16 of 15 products" in caption for caption in captions)


def test_the_last_runs_come_first(open_catalogue):
    runs = table(open_catalogue(), "Outcome")
    assert list(runs.index) == ["vectors", "images", "products"]
    assert set(runs["Outcome"]) == {"done"}
    assert "points 16" in runs["Figures"]["vectors"]


def test_an_empty_folder_is_an_error_in_a_sentence(open_catalogue, tmp_path):
    assert "`vitrine ingest products" in open_catalogue(tmp_path).error[0].value
