"""The sorted keys of vector files, in blocks far smaller than those of a large shop."""

import numpy as np
import pytest

from qdrant import key_index
from qdrant.key_index import KEY, ROW_BITS, KeyIndex


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(key_index, "BLOCK", 16)


def keys(seed: int, count: int) -> np.ndarray:
    """Keys as digests are; some end in zeros, which numpy cuts off."""
    drawn = np.random.default_rng(seed).integers(0, 256, (count, KEY.itemsize), dtype=np.uint8)
    drawn[::7, -3:] = 0
    return drawn.view(KEY)[:, 0]


def place(file: int, row: int) -> int:
    return file << ROW_BITS | row


def test_every_key_is_found_in_its_file_and_no_other_key_is():
    files = [keys(1, 100), keys(2, 0), keys(3, 57)]
    index = KeyIndex.of_files(files)
    assert len(index) == 157
    for number, there in enumerate(files):
        expected = [place(number, row) for row in range(len(there))]
        assert index.find(there).tolist() == expected
    assert index.find(keys(4, 50)).tolist() == [-1] * 50
    assert KeyIndex.of_files([]).find(keys(4, 2)).tolist() == [-1, -1]


def test_of_equal_keys_the_last_one_is_found():
    files = [keys(1, 40), keys(1, 40)[::-1]]
    index = KeyIndex.of_files(files)
    assert index.find(files[0]).tolist() == [place(1, 39 - row) for row in range(40)]
    assert sorted(index.current().tolist()) == [place(1, row) for row in range(40)]
    index = index.added(files[0][:3], np.array([place(2, row) for row in range(3)]))
    assert index.find(files[0][:4]).tolist() == [
        place(2, 0),
        place(2, 1),
        place(2, 2),
        place(1, 36),
    ]


def test_keys_are_added_and_positions_left_out():
    first, more = keys(1, 100), keys(5, 33)
    index = KeyIndex.of_files([first]).added(more, np.arange(33) + place(1, 0))
    assert len(index) == 133
    assert index.find(first).tolist() == [place(0, row) for row in range(100)]
    assert index.find(more).tolist() == [place(1, row) for row in range(33)]
    index = index.without(np.array([place(0, 7), place(1, 0)]))
    assert len(index) == 131
    assert index.find(np.array([first[7], more[0], first[8]])).tolist() == [-1, -1, place(0, 8)]
