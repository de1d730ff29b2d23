import numpy as np
import pytest

from qdrant import vector_files as module
from qdrant.errors import DiskFull
from qdrant.key_index import KEY_BYTES
from qdrant.vector_files import StoreError, VectorFiles, record_type, vector_key
from tests.small_disk import small_disk

DIM = 8


def some(n, seed=0):
    vectors = np.random.default_rng(seed).normal(size=(n, DIM)).astype(np.float32)
    keys = [vector_key("text", f"{seed}/{i}") for i in range(n)]
    return keys, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_what_was_appended_is_found_again_in_the_order_asked_for(tmp_path):
    keys, vectors = some(10)
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(keys, vectors)
    again = VectorFiles(tmp_path, DIM)
    assert len(again) == 10
    np.testing.assert_array_equal(again.get(keys[::-1]), vectors[::-1])


def test_what_was_appended_is_found_at_once_by_the_same_process(tmp_path):
    first, second = some(5, 1), some(5, 2)
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(*first)
        np.testing.assert_array_equal(vector_files.get(first[0]), first[1])
        vector_files.append(*second)
        np.testing.assert_array_equal(vector_files.get(second[0]), second[1])
        assert second[0][3] in vector_files


def test_a_key_that_was_never_appended_is_not_found(tmp_path):
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(*some(3))
        absent = vector_key("text", "never")
        assert absent not in vector_files
        with pytest.raises(KeyError):
            vector_files.get([absent])


def test_a_record_cut_short_is_not_counted_and_its_file_is_not_changed(tmp_path):
    keys, vectors = some(4)
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(keys, vectors)
    part = tmp_path / "000001.crc32.part"
    part.write_bytes(part.read_bytes()[:-5])
    torn = part.read_bytes()
    with VectorFiles(tmp_path, DIM) as again:
        assert len(again) == 3
        assert keys[3] not in again
        again.append(keys[3:], vectors[3:])
    np.testing.assert_array_equal(VectorFiles(tmp_path, DIM).get(keys), vectors)
    assert part.read_bytes() == torn


def test_two_processes_append_to_files_of_their_own(tmp_path):
    one, two = VectorFiles(tmp_path, DIM), VectorFiles(tmp_path, DIM)
    one.append(*some(3, 1))
    two.append(*some(3, 2))
    one.close()
    two.close()
    merged = VectorFiles(tmp_path, DIM)
    assert len(merged) == 6
    np.testing.assert_array_equal(merged.get(some(3, 2)[0]), some(3, 2)[1])


def test_keys_folded_into_the_index_are_still_found(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "RECENT_KEYS", 4)
    with VectorFiles(tmp_path, DIM) as vector_files:
        for seed in range(5):
            vector_files.append(*some(3, seed))
        for seed in range(5):
            np.testing.assert_array_equal(vector_files.get(some(3, seed)[0]), some(3, seed)[1])


def damage(path, record, byte, dtype):
    """Flip one bit of one record of a file."""
    content = bytearray(path.read_bytes())
    content[record * dtype.itemsize + byte] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("byte", range(record_type(DIM).itemsize))
def test_any_flipped_bit_of_a_record_is_seen(tmp_path, byte):
    keys, vectors = some(4)
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(keys, vectors)
    damage(tmp_path / "000001.crc32.part", 2, byte, record_type(DIM))
    with VectorFiles(tmp_path, DIM) as again:
        if keys[2] in again:  # else its key is another
            with pytest.raises(StoreError, match=r"000001\.crc32\.part holds damaged vectors"):
                again.get(keys[1:3])
        assert sum(len(batch) for batch, _ in again.batches()) == 3
        np.testing.assert_array_equal(again.get([keys[0], keys[3]]), vectors[[0, 3]])
        assert sum(map(len, again.discard_damaged().values())) == 1
        assert again.has(keys).tolist() == [True, True, False, True]
        again.append(keys[2:3], vectors[2:3])
        np.testing.assert_array_equal(again.get(keys), vectors)
    np.testing.assert_array_equal(VectorFiles(tmp_path, DIM).get(keys), vectors)


def test_files_of_earlier_versions_are_read_and_their_damage_is_seen_by_length(tmp_path):
    keys, vectors = some(4)
    old = np.empty(4, record_type(DIM, checksum=False))
    old["key"], old["vector"] = keys, vectors
    old.tofile(tmp_path / "000001.part")
    with VectorFiles(tmp_path, DIM) as vector_files:
        np.testing.assert_array_equal(vector_files.get(keys), vectors)
        new = some(3, 1)
        vector_files.append(*new)
    assert (tmp_path / "000002.crc32.part").exists()
    old["vector"][2] = np.nan
    old["vector"][3] *= 2
    old.tofile(tmp_path / "000001.part")
    with VectorFiles(tmp_path, DIM) as vector_files:
        with pytest.raises(StoreError, match=r"000001\.part holds damaged vectors"):
            vector_files.get(keys)
        (damaged,) = vector_files.discard_damaged().values()
        assert set(damaged) == set(keys[2:])
        assert vector_files.has([*keys, *new[0]]).tolist() == [True, True, False, False] + 3 * [
            True
        ]


def test_in_a_file_of_other_vectors_every_record_is_damaged(tmp_path):
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(*some(4))
    with VectorFiles(tmp_path, 16) as others:
        assert others.find_damaged().keys() == {tmp_path / "000001.crc32.part"}
        others.discard_damaged()
        assert len(others) == 0


def test_damaged_records_are_found_by_file_until_they_are_replaced(tmp_path):
    keys, vectors = some(6)
    keys[1] = keys[1][:-2] + b"\0\0"  # numpy cuts zeros off
    for part in (slice(0, 3), slice(3, 6)):
        with VectorFiles(tmp_path, DIM) as vector_files:
            vector_files.append(keys[part], vectors[part])
    first, second = tmp_path / "000001.crc32.part", tmp_path / "000002.crc32.part"
    for path, record in ((first, 1), (first, 2), (second, 0)):
        damage(path, record, KEY_BYTES, record_type(DIM))
    with VectorFiles(tmp_path, DIM) as vector_files:
        found = vector_files.find_damaged()
        assert {path: set(lost) for path, lost in found.items()} == {
            first: {keys[1], keys[2]},
            second: {keys[3]},
        }
        assert vector_files.discard_damaged() == found
        vector_files.append(keys[1:4], vectors[1:4])
    with VectorFiles(tmp_path, DIM) as again:
        assert again.find_damaged() == {}
        np.testing.assert_array_equal(again.get(keys), vectors)


def test_a_full_disk_is_one_sentence_and_what_was_kept_stays(tmp_path):
    kept, too_many = some(100, 1), some(2000, 2)
    with small_disk(tmp_path / "disk", "64k") as disk:
        vector_files = VectorFiles(disk / "vectors", DIM)
        vector_files.append(*kept)
        with pytest.raises(DiskFull, match="is full; free some space"):
            vector_files.append(*too_many)
        again = VectorFiles(disk / "vectors", DIM)
        np.testing.assert_array_equal(again.get(kept[0]), kept[1])
        assert set(too_many[0][-1:]).isdisjoint(key for keys, _ in again.batches() for key in keys)


def test_anyone_with_numpy_can_read_a_part(tmp_path):
    keys, vectors = some(4)
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(keys, vectors)
    records = np.fromfile(tmp_path / "000001.crc32.part", record_type(DIM))
    np.testing.assert_array_equal(records["vector"], vectors)


def test_the_same_words_as_text_and_as_picture_have_two_keys():
    assert vector_key("text", "ab") != vector_key("image", "ab")
