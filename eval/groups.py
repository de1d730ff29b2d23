"""Products that must not be torn apart: one title, one picture or one parent makes a group.

A held-out share is drawn by groups. Were a shade held out while its sister with the same
photo is trained on, the test would ask for what was learnt by heart.
"""

import re
import unicodedata
from collections.abc import Hashable, Iterable, Iterator

from catalog.catalogue import Entry


def normalised(title: str) -> str:
    """A title for matching: letters and digits of NFKC, case folded."""
    text = unicodedata.normalize("NFKC", title).casefold()
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


def group_of(entries: Iterable[Entry]) -> dict[str, str]:
    """The group of each product, named by the first product of the group.

    Args:
        entries: products with the hash of their stored picture, if they have one.

    Returns:
        Group name by product id, in the order of the entries.
    """
    groups = _Groups()
    for entry in entries:
        product = entry.product
        groups.add(product.id)
        for tie in (
            ("title", normalised(product.title)),
            ("picture", entry.picture or ""),
            ("parent", product.parent),
        ):
            if tie[1]:
                groups.tie(product.id, tie)
    return {name: groups.of(name) for name in groups}


class _Groups:
    """Disjoint sets of names, joined by what they have in common."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}
        self._owner: dict[Hashable, str] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._above)

    def add(self, name: str) -> None:
        self._above.setdefault(name, name)

    def of(self, name: str) -> str:
        while self._above[name] != name:
            self._above[name] = self._above[self._above[name]]  # halve the way up
            name = self._above[name]
        return name

    def tie(self, name: str, what: Hashable) -> None:
        owner = self._owner.setdefault(what, name)
        self._above[self.of(name)] = self.of(owner)
