"""A random sample of a stream."""

import random
from collections import Counter

from vitrine.reservoir import Reservoir


def drawn(size, stream, seed=0):
    sample = Reservoir(size, random.Random(seed))
    for item in stream:
        sample.add(item)
    return sample.items


def test_a_short_stream_is_its_own_sample():
    assert drawn(5, "abc") == ["a", "b", "c"]


def test_every_item_is_as_likely_to_be_in_the_sample():
    counts = Counter(item for seed in range(2_000) for item in drawn(3, range(10), seed))
    assert counts.total() == 6_000
    assert set(counts) == set(range(10))
    assert all(500 < count < 700 for count in counts.values())  # 600 and four deviations
