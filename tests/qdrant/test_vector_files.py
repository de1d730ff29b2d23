import os
import subprocess

import numpy as np
import pytest

from qdrant import vector_files as module
from qdrant.errors import DiskFull
from qdrant.vector_files import StoreError, VectorFiles, record_type, vector_key

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
        assert again.discard_damaged() == 1
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
        assert vector_files.discard_damaged() == 2
        assert vector_files.has([*keys, *new[0]]).tolist() == [True, True, False, False] + 3 * [
            True
        ]


def test_a_file_of_other_vectors_is_an_error_with_its_name(tmp_path):
    with VectorFiles(tmp_path, DIM) as vector_files:
        vector_files.append(*some(4))
    with pytest.raises(
        StoreError, match=r"000001\.crc32\.part does not hold unit vectors of length 16"
    ):
        VectorFiles(tmp_path, 16)


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of its own with space for 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_one_sentence_and_what_was_kept_stays(small_disk):
    kept, too_many = some(100, 1), some(2000, 2)
    vector_files = VectorFiles(small_disk / "vectors", DIM)
    vector_files.append(*kept)
    with pytest.raises(DiskFull, match="is full; free some space"):
        vector_files.append(*too_many)
    again = VectorFiles(small_disk / "vectors", DIM)
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
