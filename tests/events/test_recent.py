"""The latest queries, with their counts."""

import pytest

from events.recent import recent_queries


@pytest.fixture
def queries(searched, acted):
    acted(searched("red kettle"))
    acted(searched("Red  Kettle"), "impression")
    searched("teal kettle", shown=())
    searched("a filter", is_plain=False)


def test_queries_that_differ_in_case_and_blanks_are_one(tmp_path, queries):
    teal, red = recent_queries(tmp_path)
    assert (teal.text, teal.searches, teal.clicked, teal.without_results) == (
        "teal kettle",
        1,
        0,
        1,
    )
    assert (red.text, red.searches, red.clicked, red.without_results) == ("Red  Kettle", 2, 1, 0)


def test_the_most_frequent_come_first_where_that_is_wanted(tmp_path, queries):
    found = recent_queries(tmp_path, 1, by_count=True)
    assert [each.text for each in found] == ["Red  Kettle"]


def test_old_ones_are_left_out(tmp_path, queries):
    assert recent_queries(tmp_path, days=-1) == []


def test_without_a_log_there_are_none(tmp_path):
    assert recent_queries(tmp_path) == []
