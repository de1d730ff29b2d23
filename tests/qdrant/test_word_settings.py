import json
from pathlib import Path

import pytest

from qdrant.errors import StoreError
from qdrant.word_settings import WordSettings, read_choice, write_choice


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"k": float("nan")}, "take k from 0 up and b from 0 to 1"),
        ({"k": -1.0}, "take k from 0 up and b from 0 to 1"),
        ({"b": 1.5}, "take k from 0 up and b from 0 to 1"),
        ({"title": 0}, "words of the title cannot count 0 times: take a whole number from 1"),
        ({"brand": 21}, "words of the brand cannot count 21 times: take a whole number from 0"),
        ({"description": 0.5}, "cannot count 0.5 times"),
        ({"category": True}, "Words are weighed by numbers"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict, sentence: str):
    with pytest.raises(StoreError, match=sentence):
        WordSettings(**values)


def test_a_choice_is_kept_with_its_notes(tmp_path: Path):
    assert read_choice(tmp_path) == {}
    settings = WordSettings(language="de", title=4, k=0.6)
    file = write_choice(tmp_path, settings.chosen, {"queries": "march"})
    assert WordSettings(language="de", **read_choice(tmp_path)) == settings
    assert json.loads(file.read_text())["notes"] == {"queries": "march"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1]", "is damaged: it is not a JSON object"),
        ("{", "is damaged"),
        ('{"titel": 3}', "unknown setting “titel”"),
        ('{"language": "de"}', "unknown setting “language”"),
        ('{"b": "much"}', "cannot be used: Words are weighed by numbers"),
        (f'{{"k": {" " * 100_001}1}}', "is damaged"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, text: str, sentence: str):
    (tmp_path / "words.json").write_text(text)
    with pytest.raises(StoreError, match=rf"words.json .*{sentence}"):
        read_choice(tmp_path)


def test_digests_of_earlier_collections_have_no_weights_of_one():
    assert WordSettings().facts().keys() == {"language", "mean_length", "k", "b", "title"}
    assert WordSettings(brand=2).facts()["brand"] == 2
