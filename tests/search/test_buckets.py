"""Buckets: round edges, exact counts."""

from collections import Counter

import numpy as np
import pytest

from qdrant.price_steps import step_of
from search.buckets import Bucket, bucket_numbers, bucket_prices


def holds(bucket, number):
    return (bucket.low is None or number >= bucket.low) and (
        bucket.high is None or number < bucket.high
    )


def check(buckets, numbers):
    """Every number is in one bucket, none is empty, and none holds most of them."""
    counts = [sum(holds(bucket, number) for number in numbers) for bucket in buckets]
    assert counts == [bucket.count for bucket in buckets]
    assert sum(counts) == len(numbers)
    assert min(counts) > 0
    assert 3 <= len(buckets) <= 6
    assert max(counts) < 0.75 * len(numbers)


@pytest.mark.parametrize(("middle", "spread"), [(3, 1), (6, 0.5), (0, 3), (9, 0.3)])
def test_prices_are_counted_exactly_between_round_edges(middle, spread):
    rng = np.random.default_rng(0)
    prices = [round(float(price), 2) for price in rng.lognormal(middle, spread, 2_000)]
    buckets = bucket_prices(Counter(map(step_of, prices)))
    check(buckets, prices)
    edges = [bucket.low for bucket in buckets if bucket.low]
    assert all(len(f"{edge:g}".replace(".", "").strip("0")) <= 2 for edge in edges)


@pytest.mark.parametrize(
    "numbers",
    [
        [float(year) for year in range(2003, 2019) for _ in range(9)],
        [number / 10 for number in range(-300, 301, 7)],
        [1.07**number for number in range(100)],
    ],
)
def test_numbers_are_counted_exactly(numbers):
    check(bucket_numbers(Counter(numbers)), numbers)


def test_one_price_is_one_bucket_and_no_price_is_none():
    assert bucket_prices({}) == ()
    assert bucket_prices({step_of(9.99): 3}) == (Bucket(None, None, 3),)


@pytest.mark.parametrize(
    ("bucket", "words"),
    [
        (Bucket(None, 20, 1), "under 20"),
        (Bucket(1500, 2000, 1), "1,500 to under 2,000"),
        (Bucket(0.5, None, 1), "0.5 and more"),
        (Bucket(None, None, 1), "all"),
    ],
)
def test_a_bucket_in_words(bucket, words):
    assert str(bucket) == words
