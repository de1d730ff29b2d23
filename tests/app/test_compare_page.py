import pytest

from app.main import WORKBENCH
from app.state import crop_picture
from app.uploads import Uploads
from encoder.variants import Variants
from search.query import Query
from tests import shop
from tests.app.bench_pages import open_bench
from tests.app.page_parts import address, everything, labels, links, messages, plain, press, titles


@pytest.fixture
def open_compare(home, monkeypatch):
    """Opens the page at an address: `open_compare(q="coral", column=["tiny:words"])`."""

    def opened(folder=home, **parameters):
        return open_bench(monkeypatch, folder, "compare_page", **parameters)

    return opened


def badges(page):
    return [plain(each.value) for each in page.markdown if "badge[" in each.value]


def test_columns_are_searched_side_by_side_and_marked_against_the_first(open_compare):
    page = open_compare(q="coral kettle", column=["tiny:words", "tiny:vectors:text"], depth="5")
    found = titles(page)
    assert found[0] == "coral kettle"
    text = everything(page)
    assert "overlap@5" in text
    assert "rank-biased overlap" in text
    assert text.count("ms in the model") == 2
    marks = " ".join(badges(page))
    assert "same" in marks or "up" in marks or "down" in marks or "in, " in marks


def test_equal_columns_are_wholly_alike(open_compare):
    page = open_compare(q="coral", column=["tiny:hybrid", "tiny:hybrid"])
    assert "overlap@10 **1.00** · rank-biased overlap **1.00**" in [
        each.value for each in page.markdown if "overlap" in each.value
    ]
    assert all("same" in badge for badge in badges(page))


def test_an_address_without_columns_compares_two_matches_of_the_only_variant(open_compare):
    page = open_compare(q="coral")
    assert [box.value for box in page.selectbox if "searched by" in box.label] == [
        ("hybrid", ""),
        ("vectors", ""),
    ]
    assert address(page) == {"q": ["coral"]}


def test_an_act_writes_all_columns_into_the_address(open_compare):
    page = open_compare(q="coral")
    press(page, "Add a column")
    columns = address(page)["column"]
    assert columns[:2] == ["tiny:hybrid", "tiny:vectors"]
    assert len(columns) == 3
    press(page, "Remove C")
    assert address(page)["column"] == ["tiny:hybrid", "tiny:vectors"]
    [how] = [box for box in page.selectbox if box.label == "B: searched by"]
    how.set_value(("words", "")).run()
    assert address(page) == {"q": ["coral"], "column": ["tiny:hybrid", "tiny:words"]}


def test_a_column_that_cannot_be_searched_states_why(open_compare, home_copy, tiny_clip):
    Variants(home_copy).add("spare", tiny_clip, template="title")
    page = open_compare(home_copy, q="coral", column=["tiny", "spare", "gone"])
    assert "`vitrine ingest vectors --variant spare`" in messages(page).replace("\\", "")
    assert "gone" in messages(page)
    assert titles(page)  # of the column that can be searched


def test_a_query_file_is_stepped_through(open_compare, home_with_queries):
    page = open_compare(home_with_queries, queries="some.jsonl", query="a")
    assert page.text_input(key="text").value == "teal kettle"
    assert "nDCG@10" in everything(page)
    assert any(badge.endswith(":violet-badge[relevant]") for badge in badges(page))
    press(page, "Next")
    assert address(page)["query"] == ["b"]
    assert titles(page)[0] == "teal kettle"  # found by the picture alone
    press(page, "Next")
    assert (address(page)["query"], address(page)["q"]) == (["c"], ["navy"])
    assert [button.disabled for button in page.button if button.label == "Next"] == [True]
    press(page, "Previous")
    assert address(page)["query"] == ["b"]
    page.text_input(key="text").set_value("olive").run()
    assert address(page)["queries"] == ["some.jsonl"]
    assert "query" not in address(page)
    assert "olive" in titles(page)[0]


def test_a_part_of_the_picture_is_searched_with(open_compare, home, found_by):
    digest = Uploads(home).add(shop.draw("kettle-olive"))
    column = ["tiny:vectors:image", "tiny:vectors:image"]
    page = open_compare(upload=digest, crop="20,0,60,50", column=column, depth="5")
    part = crop_picture(Uploads(home).find(digest), (20, 0, 60, 50))
    found = found_by(Query(picture=part, match="vectors", vector="image", k=5))
    assert titles(page)[:5] == found[:5]
    assert "crop=20%2C0%2C60%2C50" in links(page)[0].proto.query_string
    press(page, "Use all of it")
    assert "crop" not in address(page)
    assert titles(page)[0] == "olive kettle"


def test_a_query_or_file_that_is_gone_is_reported(open_compare, home_with_queries):
    page = open_compare(home_with_queries, queries="some.jsonl", query="z", q="navy")
    assert "has no query “z”" in messages(page)
    page = open_compare(home_with_queries, queries="other.jsonl", q="navy")
    assert "There is no query file “other.jsonl”" in messages(page).replace("\\", "")
    assert titles(page)


def test_the_workbench_is_shown_to_operators_alone(open_page):
    assert WORKBENCH.keys() <= set(labels(open_page()))
    assert not WORKBENCH.keys() & set(labels(open_page(audience="shop")))
