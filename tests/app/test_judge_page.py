import re

import pytest

from eval.judges import Judges
from eval.query_folder import QueryFolder
from eval.trec import read_qrels
from tests.app.bench_pages import log_searches, open_bench
from tests.app.page_parts import address, everything, messages, plain, press

COLUMNS = ["tiny:words", "tiny:vectors:image"]


@pytest.fixture
def open_judge(home_with_queries, monkeypatch):
    """Opens the page at an address of the shop with queries."""

    def opened(**parameters):
        chosen = {"queries": "some.jsonl", "query": "a", "judge": "Anna", "column": COLUMNS}
        return open_bench(
            monkeypatch, home_with_queries, "judge_page", **(chosen | {"depth": "3"} | parameters)
        )

    return opened


@pytest.fixture
def judges(home_with_queries):
    return Judges(home_with_queries, "some.jsonl")


def shown(page):
    """The title of the product that is to be judged."""
    [title] = [plain(heading.value) for heading in page.subheader]
    return title


def test_pooled_products_are_judged_one_by_one_and_written_at_once(open_judge, judges):
    page = open_judge()
    titles = []
    for number, label in enumerate(("Relevant", "Partly", "Not"), start=1):
        titles.append(shown(page))
        press(page, label)
        assert len(judges.read("Anna")["a"]) == number
    assert list(read_qrels(judges.folder / "Anna.qrels")["a"].values()) == [2, 1, 0]
    assert len(set(titles)) == 3


def test_neither_column_nor_rank_nor_score_is_shown(open_judge):
    page = open_judge()
    text = everything(page)
    assert not re.search(r"\bscore\b|\branks?\b|words \d|image \d", text)
    assert shown(page) == shown(open_judge(column=COLUMNS[::-1]))


def test_the_order_is_of_the_seed(open_judge):
    def order(**parameters):
        page = open_judge(depth="10", **parameters)
        page.segmented_control(key="judge-mode").set_value("List").run()
        return [each.label for each in page.segmented_control if each.label.startswith("Grade")]

    assert order() == order()
    assert order() != order(seed="1")
    assert sorted(order()) == sorted(order(seed="1"))


def test_keys_are_bound_to_the_grades(open_judge):
    shortcuts = {button.label: button.proto.shortcut for button in open_judge().button}
    keys = [shortcuts[label] for label in ("Relevant", "Partly", "Not", "Skip", "Undo", "Next")]
    assert [key.lower() for key in keys] == ["1", "2", "3", "4", "u", "n"]


def test_undo_removes_the_last_judgement_and_returns_to_its_product(open_judge, judges):
    page = open_judge()
    first = shown(page)
    press(page, "Relevant")
    second = shown(page)
    press(page, "Skip")
    assert shown(page) not in (first, second)
    press(page, "Undo")
    assert shown(page) == second
    press(page, "Next")
    press(page, "Undo")
    assert address(page)["query"] == ["a"]
    assert shown(page) == first
    assert judges.read("Anna") == {}


def test_a_reload_goes_on_where_the_judge_was(open_judge):
    page = open_judge()
    first = shown(page)
    press(page, "Not")
    assert shown(open_judge()) == shown(page) != first
    assert shown(open_judge(judge="Ben")) == first


def test_a_list_shows_and_changes_all_grades(open_judge, judges):
    judges.write("Anna", "a", "kettle-teal", 1)
    page = open_judge()
    page.segmented_control(key="judge-mode").set_value("List").run()
    [own] = [each for each in page.segmented_control if each.label == "Grade of teal kettle"]
    assert own.value == 1
    own.set_value(2).run()
    assert judges.read("Anna")["a"]["kettle-teal"] == 2


def test_what_is_typed_becomes_a_query_of_a_file(open_judge, home_with_queries):
    page = open_judge(queries="", query="", q="olive")
    press(page, "Judge what is typed")
    assert address(page)["queries"] == ["typed.jsonl"]
    assert address(page)["query"] == ["1"]
    press(page, "Relevant")
    assert list(Judges(home_with_queries, "typed.jsonl").read("Anna")) == ["1"]


def test_queries_of_the_log_are_judged_and_added_once(open_judge, home_with_queries):
    log_searches(home_with_queries, "olive", "teal kettle")
    for _ in range(2):
        page = press(open_judge(queries="", query=""), "Take these 2")
    assert address(page)["queries"] == ["searched.jsonl"]
    press(page, "Next")
    assert "teal kettle" in [heading.value for heading in page.header]
    press(page, "Relevant")
    assert list(Judges(home_with_queries, "searched.jsonl").read("Anna")) == ["1"]
    assert len(QueryFolder(home_with_queries).read("searched.jsonl")) == 2


def test_a_judge_without_a_name_is_requested_to_type_one(open_judge):
    assert "Type your name" in messages(open_judge(judge=""))
    assert "cannot be a judge’s name" in messages(open_judge(judge="../Anna")).replace("\\", "")


def test_a_judgement_that_cannot_be_written_is_reported_and_the_product_stays(open_judge, judges):
    page = open_judge()
    first = shown(page)
    judges.folder.parent.write_text("a file where the folder should be")
    press(page, "Relevant")
    assert "The judgement is not kept" in messages(page)
    assert shown(page) == first


def test_columns_are_measured_on_the_judgements_and_the_agreement_is_shown(open_judge, judges):
    for judge, other in (("Anna", 0), ("Ben", 1)):
        judges.write(judge, "a", "kettle-teal", 2)
        judges.write(judge, "a", "kettle-navy", other)
        judges.write(judge, "c", "lipstick-navy", 2)
    page = open_judge()
    [agreement] = [each.value for each in page.dataframe if "Weighted kappa" in each.value.columns]
    assert agreement["Judged by both"].tolist() == [3]
    assert agreement["Equal"].tolist() == [pytest.approx(2 / 3)]
    press(page, "Measure")
    assert not page.error
    report = judges.home / "reports" / "judged-some.jsonl-all"
    assert (report / "report.html").is_file()
    assert read_qrels(report / "qrels.txt") == {"a": {"kettle-teal": 2}, "c": {"lipstick-navy": 2}}
    [needed] = [each.value for each in page.dataframe if "Queries needed" in each.value.columns]
    assert needed["Compared"].tolist() == ["tiny-words and tiny-vectors-image"]
    assert needed["Queries so far"].tolist() == [2]
    assert needed["Queries needed"].isna().all()  # two queries say nothing
