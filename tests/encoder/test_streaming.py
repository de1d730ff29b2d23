"""Streaming: any number of pictures and texts, prefetched in bounded memory."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image, UnidentifiedImageError

from encoder.pipeline import prefetch


def test_streamed_pictures_keep_their_order_and_failures_have_their_error(encoder, pictures):
    broken = {3: UnidentifiedImageError("not a picture"), 20: OSError("gone"), 49: ValueError("x")}

    def open_picture(key):
        if key in broken:
            raise broken[key]
        return pictures[key]

    batches = list(encoder.stream_images(iter(range(50)), open_picture))
    assert [key for batch in batches for key in batch.keys] == [
        key for key in range(50) if key not in broken
    ]
    assert dict(failure for batch in batches for failure in batch.failed) == broken
    vectors = np.concatenate([batch.vectors for batch in batches])
    expected = encoder.encode_images([pictures[key] for key in range(50) if key not in broken])
    np.testing.assert_allclose(vectors, expected, atol=1e-5)


def test_a_batch_in_which_every_picture_fails_is_only_failures(encoder):
    def open_picture(_):
        raise OSError("gone")

    batches = list(encoder.stream_images(range(20), open_picture))
    assert sum(len(batch.failed) for batch in batches) == 20
    assert all(batch.vectors.shape == (0, encoder.dim) for batch in batches)


def test_a_picture_that_breaks_only_when_its_pixels_are_read_is_a_failure(encoder, tmp_path):
    picture = tmp_path / "cut.jpg"
    Image.effect_noise((90, 90), 50).save(picture)
    picture.write_bytes(picture.read_bytes()[:800])
    (batch,) = encoder.stream_images([picture], Image.open)
    assert [key for key, _ in batch.failed] == [picture]
    with pytest.raises(OSError, match="truncated"):
        encoder.encode_images([Image.open(picture)])


def test_pictures_are_opened_ahead_but_only_so_far(encoder, pictures):
    """However slowly the vectors are taken, a bounded number of pictures is open."""
    opened: list[int] = []

    def open_picture(key):
        opened.append(key)
        return pictures[key % len(pictures)]

    in_flight = (torch.get_num_threads() + 2) * encoder.batch_size
    stream = encoder.stream_images(range(10_000), open_picture)
    for taken in range(1, 6):
        next(stream)
        assert len(opened) <= taken * encoder.batch_size + in_flight
    stream.close()
    assert len(opened) <= 5 * encoder.batch_size + in_flight


def test_the_next_batches_are_prepared_while_one_is_run():
    """Batch 0 is not finished before batch 1 has been prepared: waiting in turn would hang."""
    second = threading.Event()

    def prepare(number):
        if number == 1:
            second.set()
        return number

    def run(number):
        assert number or second.wait(timeout=120), "batch 1 was not prepared beside batch 0"
        return number

    for runners in (1, 2):
        second.clear()
        assert list(prefetch(range(6), prepare, run, runners)) == list(range(6))


def test_keys_are_drawn_in_the_callers_thread(encoder, pictures):
    """A database cursor may be bound to the thread that made it."""
    drawn_in, opened_in = set(), set()

    def keys():
        for key in range(40):
            drawn_in.add(threading.get_ident())
            yield key

    def open_picture(key):
        opened_in.add(threading.get_ident())
        return pictures[key]

    list(encoder.stream_images(keys(), open_picture))
    assert drawn_in == {threading.get_ident()}
    assert threading.get_ident() not in opened_in


def test_a_reader_that_stops_half_way_leaves_no_thread_behind(encoder, pictures):
    before = {*threading.enumerate()}
    stream = encoder.stream_images(range(1000), lambda key: pictures[key % 50])
    next(stream)
    started = {*threading.enumerate()} - before
    assert started
    stream.close()
    assert not started & {*threading.enumerate()}


def test_streaming_leaves_torchs_threads_as_they_were(encoder, texts):
    def threads_of_a_new_thread():
        found = []
        thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        return found[0]

    before = torch.get_num_threads(), threads_of_a_new_thread()
    list(prefetch(range(5), int, int, 2))
    assert (torch.get_num_threads(), threads_of_a_new_thread()) == before


def test_each_core_of_a_cpu_runs_batches_of_its_own():
    """Several runners keep torch to one thread each; a lone one, which feeds a GPU, does not."""
    found = list(prefetch(range(6), int, lambda _: torch.get_num_threads(), 2))
    assert found == [1] * 6
    found = list(prefetch(range(3), int, lambda _: torch.get_num_threads(), 1))
    assert found == [torch.get_num_threads()] * 3


def test_an_error_in_the_model_reaches_the_reader():
    def run(number):
        if number == 2:
            raise RuntimeError("out of memory")
        return number

    results = prefetch(range(5), int, run, 2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(RuntimeError, match="out of memory"):
        next(results)


def test_streamed_texts_bring_each_key_once(encoder, texts):
    batches = list(encoder.stream_texts((f"k{n}", text) for n, text in enumerate(texts * 10)))
    keys = [key for batch in batches for key in batch.keys]
    assert sorted(keys) == sorted(f"k{n}" for n in range(len(texts) * 10))
    expected = dict(enumerate(encoder.encode_texts(texts)))
    for batch in batches:
        for key, vector in zip(batch.keys, batch.vectors, strict=True):
            np.testing.assert_allclose(vector, expected[int(key[1:]) % len(texts)], atol=1e-5)


def test_streamed_texts_are_taken_a_window_at_a_time(encoder):
    taken = 0

    def items():
        nonlocal taken
        for number in range(100_000):
            taken += 1
            yield number, "shoe"

    stream = encoder.stream_texts(items())
    next(stream)
    stream.close()
    assert taken < 5_000
