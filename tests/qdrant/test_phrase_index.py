"""The embedded engine's index of phrases, compared with a search through lists of terms."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qdrant.embedded import phrase_index, phrase_writer
from qdrant.embedded.phrase_index import SEPARATOR, PhraseIndex, term_number
from qdrant.embedded.phrase_writer import PhraseWriter

# Words, among them the least and the greatest, stop words and what a product's terms never are.
TERMS = ("0", "a", "2f", "3a", "7fffffff", "_of", "_the", "012", "ffffffff", "80000000", "a_b", "Ä")
SEPARATORS = ("z", "zz")
TEXTS = st.lists(st.sampled_from(TERMS + SEPARATORS), min_size=1, max_size=12).map(" ".join)
PHRASES = st.lists(st.sampled_from(TERMS), min_size=1, max_size=3).map(" ".join)
# An update: the terms of new products, and which of those before stay, in turn.
UPDATES = st.tuples(
    st.lists(TEXTS, max_size=20), st.lists(st.booleans() | st.just(True), min_size=1, max_size=9)
)


def write(folder: Path, texts: Sequence[str], stay: Sequence[bool] | None = None) -> list[int]:
    """Write or continue an index; return which products stay, that are numbered after the new."""
    kept = [number for number, stays in enumerate(stay or ()) if stays]
    with PhraseWriter(folder) as writer:
        for number, text in enumerate(texts):
            writer.add(number, text)
        if stay is not None:
            renumbered = np.full(len(stay), -1, np.int32)
            renumbered[kept] = np.arange(len(kept)) + len(texts)
            writer.keep(SimpleNamespace(folder=folder), renumbered)
        writer.finish()
    return kept


def having(texts: Mapping[int, str], phrase: str) -> set[int]:
    """The products whose terms have a phrase."""
    return {number for number, text in texts.items() if f" {phrase} " in f" {text} "}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(UPDATES, min_size=1, max_size=6),
    st.lists(PHRASES, min_size=1, max_size=12),
    st.sampled_from([3, phrase_writer.SORTED_AT_ONCE]),
    st.sampled_from([40, phrase_writer.MOST_POSITIONS]),
    st.sampled_from([2, phrase_index.MANY]),
)
def test_products_are_found_by_the_phrases_that_they_have_after_every_update(
    updates, phrases, sorted_at_once, most_positions, many
):
    texts: list[str] = []
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(phrase_writer, "SORTED_AT_ONCE", sorted_at_once)
        patch.setattr(phrase_writer, "MOST_POSITIONS", most_positions)
        patch.setattr(phrase_index, "MANY", many)
        folder = Path(name)
        for number, (new, stay) in enumerate(updates):
            pattern = [stay[row % len(stay)] for row in range(len(texts))]
            kept = write(folder, new, pattern if number else None)
            texts = new + [texts[row] for row in kept]
            index = PhraseIndex(folder)
            for phrase in phrases:
                assert set(index.find(phrase).tolist()) == having(dict(enumerate(texts)), phrase)
            assert len(list(folder.iterdir())) == 1 + 5 * len(index.parts)


def test_small_updates_leave_what_is_large_as_it_is_and_few_parts(tmp_path: Path):
    write(tmp_path, ["1 2 3"] * 1000)
    [large] = PhraseIndex(tmp_path).parts
    positions = (tmp_path / f"phrases-{large.number}.positions").stat().st_ino
    for _ in range(60):
        write(tmp_path, ["1 2"], [True] * len(PhraseIndex(tmp_path).find("1")))
    index = PhraseIndex(tmp_path)
    assert len(index.parts) <= 5
    assert index.parts[0].number == large.number
    assert (tmp_path / f"phrases-{large.number}.positions").stat().st_ino == positions
    assert sorted(index.find("1 2").tolist()) == list(range(1060))


def test_a_part_of_which_most_products_have_gone_is_written_anew(tmp_path: Path):
    write(tmp_path, ["1 2 3"] * 100)
    before = sum(file.stat().st_size for file in tmp_path.iterdir())
    write(tmp_path, [], [row < 40 for row in range(100)])
    assert sorted(PhraseIndex(tmp_path).find("2 3").tolist()) == list(range(40))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < before / 2


def test_a_generation_that_shares_its_files_is_not_changed_by_an_update(tmp_path: Path):
    base, continued = tmp_path / "base", tmp_path / "continued"
    base.mkdir()
    continued.mkdir()
    write(base, ["1 2", "2 3", "3 1"])
    for file in base.iterdir():
        os.link(file, continued / file.name)
    write(continued, ["1 2"], [False, True, True])
    assert PhraseIndex(base).find("1 2").tolist() == [0]
    assert PhraseIndex(continued).find("1 2").tolist() == [0]
    assert sorted(PhraseIndex(base).find("3").tolist()) == [1, 2]


def test_none_is_written_beside_a_generation_that_has_none(tmp_path: Path):
    write(tmp_path, ["1 2"], [True])
    assert not list(tmp_path.iterdir())


def test_words_have_their_index_as_their_number_and_other_terms_another():
    assert term_number("7fffffff") == 2**31 - 1
    others = {term_number(term) for term in ("_of", "80000000", "012", "", "a_b")}
    assert len(others) == 5
    assert all(2**31 <= number < SEPARATOR for number in others)
    assert {term_number(term) for term in SEPARATORS} == {SEPARATOR}
