"""Where the terms of a generation's products stand, so that phrases are found.

The engine has an index of phrases, too. While it makes that index it keeps an object in memory for
each term of each product: 6.8 KB a product, more than all else of a build.

    columns/phrases.json          the numbers of the parts
    columns/phrases-N.terms       uint32 (t,): the terms of part N (`term_number`), ascending
    columns/phrases-N.starts      uint32 (t + 1,): where the positions of each term begin
    columns/phrases-N.positions   uint32 (m,): of one term after another, ascending
    columns/phrases-N.documents   uint32 (d + 1,): the position where each product's terms begin
    columns/phrases-N.products    int32 (d,): the number of each product, -1 where it is in this
                                  part no longer

A position is that of a term among all terms of the part, and what separates two values takes one,
too: so a phrase is a sequence of terms at consecutive positions.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from qdrant.words import FIELD_END, VALUE_END

FILE = "phrases.json"
# Terms of which the number is kept; a shop's texts repeat their words.
KEPT_TERMS = 100_000
NUMBER = np.dtype("<u4")
PRODUCT = np.dtype("<i4")
KINDS = {
    "terms": NUMBER,
    "starts": NUMBER,
    "positions": NUMBER,
    "documents": NUMBER,
    "products": PRODUCT,
}
# The number of a word is its index in the vectors `words`; other terms have numbers from here on.
OTHERS = 2**31
SEPARATOR = 2**32 - 1  # of no term
# So many positions are looked up in a table, part by part: 5,000,000 among as many take 27 ms and
# not the 220 of a binary search.
MANY = 1 << 18
_WORD = re.compile("0|[1-7][0-9a-f]{0,7}|[89a-f][0-9a-f]{0,6}")


class Part:
    """One part of the index, in mapped files; threads may share it.

    Args:
        folder: where they are.
        number: of the part.

    Raises:
        OSError, ValueError: they cannot be read.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.terms, self.starts, self.positions, self.documents, self.products = (
            # An array, since NumPy takes longer to index its own kind of mapped file.
            np.asarray(np.memmap(part_file(folder, number, kind), dtype, "r"))
            for kind, dtype in KINDS.items()
        )

    def find(self, terms: Sequence[int]) -> np.ndarray:
        """Return the numbers of the products that have terms one after another, int32 (n,).

        A product is there as often as it has them.
        """
        places = enumerate(map(self._positions, terms))
        (distance, rarest), *others = sorted(places, key=lambda place: len(place[1]))
        begins = rarest[rarest >= distance] - NUMBER.type(distance)
        for distance, positions in others:
            if len(begins):
                begins = begins[_among(begins + NUMBER.type(distance), positions)]
        products = self.products[self.documents_of(begins)]
        return products[products >= 0]

    def documents_of(self, positions: np.ndarray) -> np.ndarray:
        """Return the document at each position, int64 (n,)."""
        return np.searchsorted(self.documents, positions, side="right") - 1

    def _positions(self, term: int) -> np.ndarray:
        at = int(np.searchsorted(self.terms, NUMBER.type(term)))
        if at == len(self.terms) or self.terms[at] != term:
            return self.positions[:0]
        return self.positions[self.starts[at] : self.starts[at + 1]]


class PhraseIndex:
    """The index of a generation; threads may share it.

    Args:
        folder: of its columns.

    Raises:
        OSError, ValueError: its files cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.parts = [Part(folder, number) for number in json.loads((folder / FILE).read_text())]

    def find(self, phrase: str) -> np.ndarray:
        """Return the numbers of the products that have a phrase, int32 (n,), some repeatedly.

        Args:
            phrase: terms, divided by blanks (`words.Words.terms`).
        """
        terms = list(map(term_number, phrase.split()))
        found = [part.find(terms) for part in self.parts if terms]
        return np.concatenate(found) if found else np.empty(0, PRODUCT)


def has_phrases(folder: Path) -> bool:
    """Whether columns have an index of phrases; those of an earlier version have none."""
    return (folder / FILE).exists()


def part_file(folder: Path, number: int, kind: str) -> Path:
    """Return the file of one of the `KINDS` of a part."""
    return folder / f"phrases-{number}.{kind}"


@lru_cache(KEPT_TERMS)
def term_number(term: str) -> int:
    """Return the number of a term: of a word its index, else one made by a hash.

    `SEPARATOR` for what stands between two values.
    """
    if term in (FIELD_END, VALUE_END):
        return SEPARATOR
    if _WORD.fullmatch(term):
        return int(term, 16)
    digest = hashlib.blake2b(term.encode(), digest_size=4).digest()
    return OTHERS + int.from_bytes(digest) % (SEPARATOR - OTHERS)


def _among(wanted: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Which of ascending positions are among others, which are not fewer, bool (n,)."""
    if len(wanted) < MANY:
        at = np.searchsorted(positions, wanted)
        return np.take(positions, at, mode="clip") == wanted
    table = np.empty(MANY, bool)
    found: list[np.ndarray] = []
    for start in range(int(wanted[0]), int(wanted[-1]) + 1, MANY):
        table[:] = False
        table[_from(start, positions)] = True
        found.append(table[_from(start, wanted)])
    return np.concatenate(found)


def _from(start: int, positions: np.ndarray) -> np.ndarray:
    """Return the next `MANY` positions from one on, as many as are there, less that one."""
    first, end = np.searchsorted(positions, np.array([start, start + MANY], NUMBER))
    return positions[first:end] - NUMBER.type(start)
