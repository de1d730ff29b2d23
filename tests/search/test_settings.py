"""The file of search settings in a variant's folder."""

import json
from dataclasses import replace
from threading import Thread

import pytest
from typer.testing import CliRunner

from encoder.variants import Variants
from search.__main__ import app
from search.engine import Engine
from search.query import Query, SearchError
from search.settings import DEFAULT_SETTINGS, SearchSettings, settings_file, settings_object

WORDS_ALONE = SearchSettings("rrf", {"words": 1.0})


@pytest.fixture
def variant(engine, tmp_path):
    """The shop's variant, with a folder of its own."""
    return replace(engine.variant, folder=tmp_path)


@pytest.fixture
def file(variant):
    return settings_file(variant)


def write(file, **changes):
    """Write usable settings with some values changed."""
    file.write(settings_object(WORDS_ALONE, {"queries": 3}))
    values = json.loads(file.path.read_text())
    file.path.write_text(json.dumps(values | changes))


def test_without_a_file_the_default_settings_hold(file):
    assert file.value == DEFAULT_SETTINGS
    assert file.problem == ""


def test_settings_are_read_as_they_were_written_and_notes_are_for_readers(file):
    write(file)
    assert file.value == WORDS_ALONE
    assert json.loads(file.path.read_text())["notes"] == {"queries": 3}
    assert [each.name for each in file.path.parent.iterdir()] == ["search.json"]


def test_two_changes_at_once_are_both_kept(variant):
    """The second begins while the first is being made, and waits."""
    second = Thread(target=lambda: settings_file(variant).update(add("rating", 2)))

    def add(signal, weight):
        return lambda kept: settings_object(
            replace(kept, formula={**kept.formula, signal: weight}), {}
        )

    def change(kept):
        second.start()
        return add("stock", 1)(kept)

    settings_file(variant).update(change)
    second.join()
    assert settings_file(variant).value.formula == {"stock": 1, "rating": 2}


def test_an_engine_takes_changed_settings_up_without_a_new_start(engine, variant):
    searching = Engine(variant, engine.store, lambda: engine.encoder)
    query = Query("olive kettle", match="hybrid")
    assert {"words", "text"} <= searching.search(query).results[0].parts.keys()
    write(settings_file(variant))
    assert searching.search(query).results[0].parts.keys() == {"words", "title"}
    settings_file(variant).path.unlink()
    assert "text" in searching.search(query).results[0].parts


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"weights": {"words": float("nan")}}, "The weight of words is nan; it is a number from 0"),
        ({"weights": {"words": -1}}, "The weight of words is -1;"),
        ({"weights": {"words": float("inf")}}, "The weight of words is inf;"),
        ({"weights": {"words": True}}, "The weight of words is True;"),
        ({"weights": {"words": "much"}}, "The weight of words is 'much';"),
        ({"weights": {"word": 1}}, "There is no part “word”; take words, image, text, fused"),
        ({"weights": {"words": 0}}, "No part has a weight above 0"),
        ({"weights": {}}, "No part has a weight above 0"),
        ({"weights": [1]}, "is damaged: it lacks the method or the weights"),
        ({"method": None}, "is damaged: it lacks the method or the weights"),
        ({"method": "sum"}, "There is no fusion “sum”; take margin, convex, rrf"),
        ({"weigths": {"words": 1}}, "has an unknown setting “weigths”"),
        ({"variant": "other"}, "was made for the variant other with fingerprint"),
        ({"fingerprint": "0" * 16}, "with fingerprint 0000000000000000, and this one is tiny"),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_the_default_settings_hold(
    file, changes, sentence
):
    write(file, **changes)
    assert file.value == DEFAULT_SETTINGS
    assert file.problem.startswith(str(file.path))
    assert sentence in file.problem
    assert file.problem.endswith("or make a new one with `vitrine eval tune --variant tiny`.")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b" " * 1_000_001]
)
def test_a_damaged_file_is_one_sentence(file, content):
    file.path.write_bytes(content)
    assert "search.json is damaged: it is not a JSON object." in file.problem
    assert file.value == DEFAULT_SETTINGS


def test_a_folder_in_the_files_place_is_one_sentence(file):
    file.path.mkdir()
    assert "search.json cannot be read: Is a directory" in file.problem


def test_settings_that_no_search_could_use_cannot_be_made():
    with pytest.raises(SearchError, match="no part “words2”"):
        SearchSettings("convex", {"words2": 1.0})


def test_the_command_searches_with_the_default_settings_and_shows_why(home, monkeypatch):
    monkeypatch.setenv("VITRINE_HOME", str(home))
    path = settings_file(Variants(home).get("tiny")).path
    path.write_text("{")
    try:
        done = CliRunner().invoke(app, ["olive kettle", "--match", "hybrid", "--json"])
    finally:
        path.unlink()
    assert done.exit_code == 0
    assert json.loads(done.stdout)["results"][0]["id"] == "kettle-olive"
    assert "search.json is damaged" in done.stderr
