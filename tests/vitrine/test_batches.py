from vitrine.batches import batched_by_size


def test_a_batch_ends_at_its_count_or_its_size():
    items = ["a", "b", "c", "dddd", "eeee", "f"]
    assert list(batched_by_size(items, 3, len, 5)) == [["a", "b", "c"], ["dddd", "eeee"], ["f"]]
