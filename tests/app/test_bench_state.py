from dataclasses import replace

from app.bench_state import BenchState, follow, read_parameters, write_parameters
from eval.settings import System

FULL = BenchState(
    text="teal",
    picture="https://shop.test/1.jpg",
    upload="a" * 64,
    crop=(20, 0, 60, 50),
    columns=("tiny:hybrid", "tiny:vectors:image"),
    depth=20,
    queries="q.jsonl",
    query="7",
    judge="Anna",
    seed=3,
    vector="image",
    colour="brand",
)


def test_a_state_survives_the_address():
    state, problems = read_parameters(write_parameters(FULL))
    assert state == FULL
    assert problems == []
    assert state.systems == [System("tiny", "hybrid", ""), System("tiny", "vectors", "image")]


def test_defaults_are_left_out():
    assert write_parameters(BenchState()) == {}


def test_what_is_invalid_is_ignored_with_a_sentence():
    state, problems = read_parameters(
        {
            "q": ["teal"],
            "crop": ["9,9,3,3"],
            "column": ["tiny", "a:b:c:d"],
            "depth": ["many"],
            "seed": ["-1"],
        }
    )
    assert state == BenchState(text="teal", columns=("tiny",))
    assert [problem.split(",")[0] for problem in problems] == [
        "The address has crop=9",
        "“a:b:c:d” is no column: write a variant",
        "The address has depth=many",
        "The address has seed=-1",
    ]


def test_more_columns_than_fit_are_left_out_with_a_sentence():
    state, problems = read_parameters({"column": ["a", "b", "c", "d", "e"]})
    assert state.columns == ("a", "b", "c", "d")
    assert problems == ["The address has 5 columns; the first 4 are shown."]


def test_typed_words_end_the_query_of_a_file():
    assert follow(FULL, replace(FULL, text="navy")).query == ""
    assert follow(FULL, replace(FULL, upload="")).query == ""
    assert follow(FULL, replace(FULL, text="navy", query="8")).query == "8"
    assert follow(FULL, replace(FULL, crop=())).query == "7"
    assert follow(FULL, replace(FULL, depth=5)).query == "7"
    assert follow(FULL, replace(FULL, queries="")).query == ""


def test_another_picture_is_searched_with_whole():
    assert follow(FULL, replace(FULL, upload="b" * 64)).crop == ()
    assert follow(FULL, replace(FULL, depth=5)).crop == FULL.crop
