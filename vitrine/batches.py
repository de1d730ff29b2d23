"""Items in batches, for bounded memory."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batched(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of `size` items, the last one shorter: `itertools.batched` of Python 3.12, as lists."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
