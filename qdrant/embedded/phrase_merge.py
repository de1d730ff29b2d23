"""Terms of products, sorted with their positions, and how they become those of one part.

A term and its position are one number, in whose order they are sorted (`PACKED`): the term in the
upper half, the position in the lower.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Protocol

import numpy as np

from qdrant.embedded.phrase_index import NUMBER, Part

PACKED, TERM_SHIFT = np.dtype("<u8"), 32
# Terms are counted by their upper bits, of which a range of terms has all that there are.
UPPER_BITS = 16
_LOWER_BITS = TERM_SHIFT - UPPER_BITS


class Source(Protocol):
    """Terms of the products of a new part, with their positions there."""

    def counts(self) -> np.ndarray:
        """How many terms there are at most, by their upper bits, int64 (2^16,)."""

    def between(self, least: int, most: int) -> np.ndarray:
        """Return those of a range of terms, `PACKED` (n,)."""


class Run:
    """A sorted run.

    Args:
        packed: `PACKED` (n,), ascending.
    """

    def __init__(self, packed: np.ndarray) -> None:
        self._packed = packed

    def counts(self) -> np.ndarray:
        """As `Source.counts`."""
        upper = self._packed >> (TERM_SHIFT + _LOWER_BITS)
        return np.bincount(upper.astype(np.int64), minlength=1 << UPPER_BITS)

    def between(self, least: int, most: int) -> np.ndarray:
        """As `Source.between`."""
        bounds = np.array([least << TERM_SHIFT, ((most + 1) << TERM_SHIFT) - 1], PACKED)
        first, end = np.searchsorted(self._packed, bounds)
        return self._packed[first:end]


class KeptPart:
    """A part that is merged into a new one, without the products that have gone.

    Args:
        part: it.
        products: int32 (d,), the new number of each of its products; -1 for those.
        begin: its first position in the new part.

    Attributes:
        documents, products: of the products that are left, as in a `Part`.
        end: the position after its last one.
    """

    def __init__(self, part: Part, products: np.ndarray, begin: int) -> None:
        self._part = part
        self._live = products >= 0
        lengths = np.where(self._live, np.diff(part.documents.astype(np.int64)), 0)
        ends = begin + np.cumsum(lengths)
        self._moved = ends - lengths - part.documents[:-1]
        self.documents = (ends - lengths)[self._live].astype(NUMBER)
        self.products = products[self._live]
        self.end = int(ends[-1])

    def counts(self) -> np.ndarray:
        """As `Source.counts`."""
        upper, part = self._part.terms >> _LOWER_BITS, self._part
        counts = np.bincount(upper, np.diff(part.starts), minlength=1 << UPPER_BITS)
        return counts.astype(np.int64)

    def between(self, least: int, most: int) -> np.ndarray:
        """As `Source.between`."""
        part = self._part
        first = int(np.searchsorted(part.terms, NUMBER.type(least)))
        end = int(np.searchsorted(part.terms, NUMBER.type(most), side="right"))
        starts = part.starts[first : end + 1]
        positions = part.positions[starts[0] : starts[-1]]
        documents = part.documents_of(positions)
        packed = np.repeat(part.terms[first:end].astype(PACKED) << TERM_SHIFT, np.diff(starts))
        packed |= (positions + self._moved[documents]).astype(PACKED)
        return packed[self._live[documents]]


def merge(sources: Sequence[Source], at_once: int) -> Iterator[np.ndarray]:
    """Yield the terms of all sources with their positions, ascending, `PACKED` (n,) each.

    Args:
        sources: each with other positions.
        at_once: how many are in memory, about; those with equal upper bits at least.
    """
    counts = sum((source.counts() for source in sources), np.zeros(1 << UPPER_BITS, np.int64))
    totals = np.cumsum(counts)
    full = np.searchsorted(totals, np.arange(at_once, totals[-1], at_once))
    for least, end in pairwise(np.unique([0, *(full + 1), len(counts)]).tolist()):
        bounds = least << _LOWER_BITS, (end << _LOWER_BITS) - 1
        found = [source.between(*bounds) for source in sources]
        packed = np.concatenate([np.empty(0, PACKED), *found])
        if len(packed):
            packed.sort()
            yield packed
