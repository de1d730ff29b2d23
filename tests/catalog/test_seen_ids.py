import random
import tracemalloc
from contextlib import closing

import pytest

from catalog import seen_ids
from catalog.seen_ids import SeenIds


def test_an_id_is_new_once(monkeypatch):
    """Also where most ids are on disk, and where they collide in the filter."""
    monkeypatch.setattr(seen_ids, "RECENT", 50)
    monkeypatch.setattr(seen_ids, "FILTER_BITS", 10)
    rng = random.Random(2)
    known: set[str] = set()
    with closing(SeenIds()) as seen:
        for _ in range(5000):
            identity = f"ä{rng.randrange(2000)}"
            assert seen.add(identity) == (identity not in known)
            known.add(identity)


@pytest.mark.parametrize("length", [10, 900])
def test_memory_does_not_grow_with_the_ids(monkeypatch, length):
    monkeypatch.setattr(seen_ids, "RECENT", 5_000)
    monkeypatch.setattr(seen_ids, "RECENT_SIZE", 500_000)
    monkeypatch.setattr(seen_ids, "FILTER_BITS", 20)
    tracemalloc.start()
    try:
        with closing(SeenIds()) as seen:
            assert all(seen.add(f"{number:0{length}}") for number in range(15_000))
            _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * 2**20
