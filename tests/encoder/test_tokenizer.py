"""Texts in batches: like lengths together, little padding."""

import numpy as np

from encoder.tokenizer import group_by_length, text_inputs


def test_texts_of_like_length_share_a_batch_within_the_budget():
    lengths = np.random.default_rng(0).integers(2, 78, 500)
    tokens = [[1] * int(length) for length in lengths]
    batches = list(group_by_length(tokens, most=800))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    widths = [max(lengths[row] for row in batch) for batch in batches]
    assert all(len(batch) * width <= 800 for batch, width in zip(batches, widths, strict=True))
    padding = sum(len(batch) * width for batch, width in zip(batches, widths, strict=True))
    assert padding < 1.1 * lengths.sum()


def test_a_text_longer_than_the_budget_is_a_batch_of_its_own():
    assert list(group_by_length([[1] * 9, [1] * 3], most=4)) == [[1], [0]]
    assert list(group_by_length([], most=4)) == []


def test_shorter_texts_are_filled_up_with_their_end():
    inputs = text_inputs([[1, 5, 2], [1, 2]])
    assert list(inputs) == ["input_ids"]
    assert inputs["input_ids"].tolist() == [[1, 5, 2], [1, 2, 2]]


def test_a_mask_covers_what_a_text_is_filled_up_with():
    inputs = text_inputs([[1, 5, 2], [1, 2]], "mask")
    assert inputs["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
