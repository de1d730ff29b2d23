"""Items in batches, for bounded memory; a failed batch item by item."""

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


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


def attempt(
    work: Callable[[list[Item]], Iterable[Result]], batch: list[Item]
) -> tuple[list[tuple[Item, Result]], list[tuple[Item, Exception]]]:
    """Work on a batch; where that fails, on its items one by one, so that one costs itself only.

    Args:
        work: the results of some items, in their order.
        batch: at least one item.

    Returns:
        The items with their results, and those that failed with the exception.

    Raises:
        MemoryError, OSError: the machine is at fault, not an item.
    """
    try:
        return list(zip(batch, work(batch), strict=True)), []
    except Exception:  # noqa: BLE001 - raised again for the items at fault
        done: list[tuple[Item, Result]] = []
        failed: list[tuple[Item, Exception]] = []
        for item in batch:
            try:
                done.append((item, next(iter(work([item])))))
            except (MemoryError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, recorded for the item
                failed.append((item, error))
        return done, failed
