"""Items in batches, for bounded memory."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter: `itertools.batched` of Python 3.12, as lists."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def batched_by_size(
    items: Iterable[Item], count: int, size: Callable[[Item], int], most: int
) -> Iterator[list[Item]]:
    """Lists of up to `count` items, shorter where their sizes add up to `most`."""
    batch: list[Item] = []
    total = 0
    for item in items:
        batch.append(item)
        total += size(item)
        if len(batch) == count or total >= most:
            yield batch
            batch, total = [], 0
    if batch:
        yield batch
