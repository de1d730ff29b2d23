"""The vocabulary of a collection in one file."""

from pathlib import Path

import pytest

from qdrant.vocabulary import (
    CountedName,
    CountedWord,
    Vocabulary,
    VocabularyError,
    write_vocabulary,
)

WORDS = [
    CountedWord("kettle", "a1", 30),
    CountedWord("kettles", "a1", 5),
    CountedWord("kettledrum", "b2", 1),
    CountedWord("möbel", "c3", 9),
    CountedWord("mobile", "d4", 7),
    CountedWord("kx200", "e5", 3),
]
NAMES = [
    CountedName("category", "Kettles", 35),
    CountedName("brand", 'O"Brien & Möller', 6),
    CountedName("title", "Steel kettle", 4),
    CountedName("title", "Red steel kettle", 2),
    CountedName("title", "红色高跟鞋", 1),
]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    path = tmp_path / "a shop?" / "vocabulary.sqlite"
    path.parent.mkdir()
    write_vocabulary(path, "digest", WORDS, NAMES)
    return Vocabulary(path)


def texts(vocabulary: Vocabulary, kind: str, *typed: str) -> list[str]:
    return [name.text for name in vocabulary.names(kind, typed, 10)]


def test_terms_and_words_are_looked_up(vocabulary: Vocabulary):
    assert vocabulary.source() == "digest"
    assert vocabulary.known(["a1", "f9"]) == {"a1"}
    assert vocabulary.counts(["kettles", "KETTLES", "pan"]) == {"kettles": 5}
    assert vocabulary.known([]) == set()


def test_the_most_frequent_words_are_read_without_codes(vocabulary: Vocabulary):
    assert list(vocabulary.words(5, 3)) == ["kettle", "möbel", "mobile"]
    assert list(vocabulary.words(7, 9)) == ["kettles", "kettledrum"]


def test_words_are_completed_by_frequency_and_diacritics_count_where_they_are_typed(
    vocabulary: Vocabulary,
):
    assert vocabulary.completions("kettl", 2) == [("kettle", 30), ("kettles", 5)]
    assert [word for word, _ in vocabulary.completions("mob", 9)] == ["möbel", "mobile"]
    assert [word for word, _ in vocabulary.completions("möb", 9)] == ["möbel"]
    assert vocabulary.completions("50%_", 9) == []


def test_names_have_all_words_and_the_last_as_a_prefix(vocabulary: Vocabulary):
    assert texts(vocabulary, "title", "kett") == ["Steel kettle", "Red steel kettle"]
    assert texts(vocabulary, "title", "kettle", "re") == ["Red steel kettle"]
    assert texts(vocabulary, "title", "ettle") == []
    assert texts(vocabulary, "category", "kett") == ["Kettles"]
    assert texts(vocabulary, "brand", "moll") == ['O"Brien & Möller']
    assert texts(vocabulary, "brand", '"', "*") == []


def test_a_part_of_a_run_without_blanks_is_found(vocabulary: Vocabulary):
    assert texts(vocabulary, "title", "高跟") == ["红色高跟鞋"]
    assert texts(vocabulary, "title", "跟高") == []


def test_a_vocabulary_is_replaced_in_one_step(vocabulary: Vocabulary):
    state = vocabulary.state()
    write_vocabulary(vocabulary.path, "other", WORDS[:1], [])
    assert vocabulary.source() == "other"
    assert vocabulary.state() != state
    assert vocabulary.known(["a1", "c3"]) == {"a1"}
    assert [entry.name for entry in vocabulary.path.parent.iterdir()] == ["vocabulary.sqlite"]


@pytest.mark.parametrize("content", [None, b"", b"no database" * 500])
def test_a_missing_or_damaged_vocabulary_is_of_no_source_and_an_error(
    tmp_path: Path, content: bytes | None
):
    path = tmp_path / "vocabulary.sqlite"
    if content is not None:
        path.write_bytes(content)
    assert Vocabulary(path).source() == ""
    with pytest.raises(VocabularyError, match="cannot be read"):
        Vocabulary(path).known(["a1"])


def test_a_vocabulary_that_cannot_be_written_is_an_error_and_the_old_one_stays(
    vocabulary: Vocabulary,
):
    vocabulary.path.with_name(f"{vocabulary.path.name}.new").mkdir()
    with pytest.raises(VocabularyError, match="cannot be written"):
        write_vocabulary(vocabulary.path, "other", WORDS, NAMES)
    assert vocabulary.source() == "digest"
