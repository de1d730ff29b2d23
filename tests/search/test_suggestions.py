"""Suggestions for what a person has begun to type."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from qdrant.vocabulary import Vocabulary
from search.suggestion_command import app
from search.suggestions import suggest
from tests.search.vocabularies import make

TITLES = {
    "Red velvet lipstick": 9,
    "Red steel kettle": 4,
    "Blue lip balm": 3,
    "Lippenstift für Möwen": 2,
    "红色高跟鞋": 1,
}


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory) -> Vocabulary:
    return make(tmp_path_factory.mktemp("vocabulary"), TITLES, {"Lipton": 5, "Lip Balm": 1})


def texts(vocabulary: Vocabulary, typed: str, k: int = 8, kind: str = "") -> list[str]:
    return [each.text for each in suggest(vocabulary, typed, k) if kind in ("", each.kind)]


def test_the_last_word_is_completed_by_frequency(vocabulary: Vocabulary):
    assert texts(vocabulary, "lip", kind="word") == ["lipstick", "lippenstift"]


def test_brands_and_titles_with_the_words_are_suggested(vocabulary: Vocabulary):
    assert texts(vocabulary, "lipt", kind="brand") == ["Lipton"]
    assert texts(vocabulary, "steel re", kind="title") == ["Red steel kettle"]


def test_words_typed_before_stay_as_they_are_and_occur_with_the_completion(vocabulary: Vocabulary):
    assert texts(vocabulary, "RED l", kind="word") == ["RED lipstick"]
    assert texts(vocabulary, "red ", kind="word") == ["red velvet", "red steel"]
    assert texts(vocabulary, "steel -ket", kind="word") == ["steel -kettle"]


def test_each_kind_has_a_share_and_each_text_is_suggested_once(vocabulary: Vocabulary):
    assert {each.kind for each in suggest(vocabulary, "lip", 3)} == {"word", "brand", "title"}
    found = [text.casefold() for text in texts(vocabulary, "lip", 20)]
    assert len(set(found)) == len(found)
    assert len(texts(vocabulary, "l", 2)) == 2


@pytest.mark.parametrize(("typed", "text"), [("mow", "möwen"), ("MÖW", "möwen"), ("fur", "für")])
def test_umlauts_are_found_with_and_without_their_dots(
    vocabulary: Vocabulary, typed: str, text: str
):
    assert text in texts(vocabulary, typed)


def test_a_part_of_a_run_without_blanks_suggests_titles(vocabulary: Vocabulary):
    assert texts(vocabulary, "高跟") == ["红色高跟鞋"]


@pytest.mark.parametrize("typed", ["", "  ", '"', "-", "\u200b", "zzz", "lip" * 1300])
def test_nothing_is_suggested_for_nothing(vocabulary: Vocabulary, typed: str):
    assert suggest(vocabulary, typed) == []


def test_the_command_line_suggests_from_the_shop(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    found = json.loads(CliRunner().invoke(app, ["olive k", "--json"]).stdout)
    assert found["typed"] == "olive k"
    assert {"text": "olive kettle", "kind": "title", "count": 1} in found["suggestions"]
    shown = CliRunner().invoke(app, ["zen"])
    assert "Zenith" in shown.stdout
    assert CliRunner().invoke(app, ["zen", "--k", "0"]).exit_code == 2


def test_a_misspelt_word_suggests_what_it_is_corrected_to(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    found = json.loads(CliRunner().invoke(app, ["olive ketttle", "--json"]).stdout)["suggestions"]
    assert found[0] == {"text": "olive kettle", "kind": "spelling", "count": 1}
    for nothing in ("-", '""', "x" * 5_000):
        assert (
            json.loads(CliRunner().invoke(app, ["--json", "--", nothing]).stdout)["suggestions"]
            == []
        )


def test_without_a_vocabulary_nothing_is_suggested(tmp_path: Path):
    assert suggest(Vocabulary(tmp_path / "none.sqlite"), "lip") == []
