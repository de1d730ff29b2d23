"""A uniform random sample of a stream whose length is not known."""

import random
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Reservoir(Generic[Item]):
    """A random sample of the items so far (reservoir sampling, Vitter's algorithm R, 1985).

    Args:
        size: items in the sample, at most.
        rng: of the draws.

    Attributes:
        items: the sample.
    """

    def __init__(self, size: int, rng: random.Random) -> None:
        self.items: list[Item] = []
        self._size, self._rng, self._seen = size, rng, 0

    def add(self, item: Item) -> None:
        """Take the next item into account."""
        self._seen += 1
        if len(self.items) < self._size:
            self.items.append(item)
        elif (place := self._rng.randrange(self._seen)) < self._size:
            self.items[place] = item
