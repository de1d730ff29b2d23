"""Product groups: products of one title, one picture or one parent belong together.

A held-out share is drawn by groups. Were one shade held out and another with the same photo
trained on, the test would measure memorisation: a leak.
"""

import re
from collections.abc import Hashable, Iterable, Iterator

from catalog.catalogue import Entry
from vitrine.text import fold


def normalize_title(title: str) -> str:
    """A title for matching: letters and digits of NFKC, case folded."""
    return " ".join(re.sub(r"[\W_]+", " ", fold(title).casefold()).split())


def group_of(entries: Iterable[Entry]) -> dict[str, str]:
    """The group of each product, named by the first product of the group.

    Args:
        entries: products with the hash of their stored picture, if they have one.

    Returns:
        Group name by product id, in the order of the entries.
    """
    groups = DisjointSets()
    for entry in entries:
        product = entry.product
        groups.add(product.id)
        for key in (
            ("title", normalize_title(product.title)),
            ("picture", entry.picture or ""),
            ("parent", product.parent),
        ):
            if key[1]:
                groups.join(product.id, key)
    return {name: groups.root(name) for name in groups}


class DisjointSets:
    """Sets of names, joined by the keys that they share (union–find)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._first: dict[Hashable, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._parent)

    def add(self, name: str) -> None:
        """Add a name, alone in its set."""
        self._parent.setdefault(name, name)

    def root(self, name: str) -> str:
        """The name that stands for a name's set."""
        while self._parent[name] != name:
            self._parent[name] = self._parent[self._parent[name]]  # path halving
            name = self._parent[name]
        return name

    def join(self, name: str, key: Hashable) -> None:
        """Join a name's set with those of the names that were joined by the same key."""
        first = self._first.setdefault(key, name)
        self._parent[self.root(name)] = self.root(first)
