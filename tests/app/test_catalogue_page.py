import json

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from app import picture_retry
from catalog.catalogue import Catalogue
from encoder.variants import Variants
from qdrant.store import open_store
from tests.app.bench_pages import log_searches
from tests.app.page_parts import everything, messages, press

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
    [found, *_] = [each.value for each in page.dataframe if column in each.value.columns]
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


def test_what_the_feeds_columns_became(open_catalogue):
    became = table(open_catalogue(), "Became")
    assert became["Columns"]["images"] == "image (15)"
    assert became["Products with it"]["price"] == 13
    assert became["Products with it"]["attribute colour"] == 12


def test_the_products_of_each_failure(open_catalogue):
    failed = table(open_catalogue(), "What happened")
    assert failed.loc["not a picture", "Id"] == "torn"
    assert "is HTML, not a picture" in failed.loc["not a picture", "What happened"]


def test_a_collection_is_rolled_back_and_forth(open_catalogue, home_copy):
    assert "no generation to go back to" in everything(open_catalogue(home_copy))
    with open_store(home_copy) as store:
        first = store.collection("tiny").generation
        points = list(store.scroll("tiny", vectors=True))
        store.build(store.collection("tiny"), points[:10])
    page = open_catalogue(home_copy)
    generations = table(page, "Use")
    assert generations["Use"].to_list() == ["searched", "kept beside it"]
    assert generations["Products"].to_list() == [10, 16]
    press(page, "Roll tiny back")
    assert table(page, "Use").index[0] == first
    press(page, "Roll tiny back")
    assert table(page, "Use").index[1] == first


def test_a_model_card_is_shown_as_text_without_paths(open_catalogue, home_copy, tiny_clip):
    card = home_copy / "variants" / "tiny" / "README.md"
    card.write_text(f"# tiny\n\n`{tiny_clip}` with ![a picture](http://evil.test/1.png)\n")
    [shown] = [each.value for each in open_catalogue(home_copy).code]
    assert shown.startswith("# tiny")
    assert tiny_clip.name in shown
    assert str(tiny_clip.parent) not in shown


def test_reports_are_listed_and_shown_in_place(open_catalogue, home_copy):
    assert "None. The page Judge makes one" in everything(open_catalogue(home_copy)).replace(
        "`", ""
    )
    folder = home_copy / "reports" / "june"
    folder.mkdir(parents=True)
    (folder / "report.html").write_text("<h1>June</h1>")
    measures = {"nDCG@10": {"value": 0.5}}
    (folder / "results.json").write_text(
        json.dumps({"created": "2026-06-01", "variants": {"tiny": measures}})
    )
    damaged = home_copy / "reports" / "damaged"
    damaged.mkdir()
    (damaged / "report.html").write_text("<h1>Damaged</h1>")
    (damaged / "results.json").write_text("{")
    page = open_catalogue(home_copy)
    reports = table(page, "Made")
    assert reports["nDCG@10"].to_dict() == {"june": "tiny 0.500", "damaged": ""}
    page.selectbox(key="report").set_value("june").run()
    [frame] = page.get("iframe")
    assert "<h1>June</h1>" in frame.proto.srcdoc


def test_sizes_on_disk_and_in_memory(open_catalogue):
    page = open_catalogue()
    sizes = table(page, "Folder or file")
    assert {"catalog.sqlite", "images", "qdrant", "variants"} <= set(sizes.index)
    assert "Memory of this server" in {metric.label for metric in page.metric}


def run_until_ended(page):
    """Run the page until its job has ended."""
    while "They are fetched again" in messages(page):
        page.run()


def test_failed_pictures_are_fetched_again_by_a_job_of_its_own(open_catalogue, home_copy):
    page = press(open_catalogue(home_copy), "Fetch these again")
    run_until_ended(page)
    assert messages(page) == ""
    [newest, *_] = Catalogue(home_copy).runs("images")
    assert newest.outcome == "done"
    assert newest.settings["retry_failed"]
    assert newest.figures["failed"] == {"not a picture": 1}


def test_a_job_that_runs_is_shown_and_reported_when_it_is_killed(
    open_catalogue, home_copy, monkeypatch
):
    monkeypatch.setattr(picture_retry, "COMMAND", ("sleep", "600"))
    page = press(open_catalogue(home_copy), "Fetch these again")
    assert "They are fetched again; 1 have not come yet" in messages(page)
    assert not [button for button in page.button if button.label == "Fetch these again"]
    [job] = [each for each in psutil.Process().children() if each.name() == "sleep"]
    job.kill()
    run_until_ended(page)
    assert "It ended with status" in messages(page)


def test_a_job_that_cannot_run_is_reported_on_the_page(open_catalogue, home_copy, monkeypatch):
    monkeypatch.setenv("VITRINE_USER_AGENT", "two\nlines")
    page = press(open_catalogue(home_copy), "Fetch these again")
    run_until_ended(page)
    assert "cannot be sent" in messages(page)
    assert [button.disabled for button in page.button if button.label == "Fetch these again"] == [
        False
    ]


def test_nothing_is_fetched_while_another_job_runs(open_catalogue, home_copy):
    with (
        Catalogue(home_copy) as catalogue,
        catalogue.exclusive("images"),
        catalogue.recorded("images", {}),
    ):
        page = open_catalogue(home_copy)
    [button] = [button for button in page.button if button.label == "Fetch these again"]
    assert button.disabled
    assert "images" in button.help


def test_recent_searches_are_shown_where_they_are_kept(open_catalogue, home_copy):
    assert "VITRINE_EVENTS=1" in everything(open_catalogue(home_copy))
    log_searches(home_copy, "teal kettle", "navy", "teal kettle")
    page = open_catalogue(home_copy)
    searches = table(page, "Led to a click")
    assert searches["Searches"].to_dict() == {"teal kettle": 2, "navy": 1}
