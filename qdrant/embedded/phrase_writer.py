"""Writes the index of phrases of a generation while it is built, in bounded memory.

The terms of some thousand products at a time are sorted, a run of a temporary file; in the end the
runs are merged into a part of the index, one range of terms after another. An update writes its own
products as one more part, and of the parts of the generation that it continues only the numbers of
their products. Parts are merged where they are small beside those that follow, so that there are
few, or where most of their products have gone.
"""

import json
from array import array
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

import numpy as np

from qdrant.embedded.facts import KeptFacts
from qdrant.embedded.phrase_index import (
    FILE,
    KINDS,
    NUMBER,
    PRODUCT,
    SEPARATOR,
    Part,
    PhraseIndex,
    has_phrases,
    part_file,
    term_number,
)
from qdrant.embedded.phrase_merge import PACKED, TERM_SHIFT, KeptPart, Run, Source, merge
from vitrine import Closing

SORTED_AT_ONCE = 1 << 21  # terms, about
# A part is at least so many times as large as each that is written after it. So a product is sorted
# again only as its part becomes a quarter larger, and 1,000,000 products with updates of 1,000 each
# are in six parts at most.
RATIO = 4
LEAST_LIVE = 0.5  # share of a part's products that are still in it
MOST_POSITIONS = 2**31  # of a part: a phrase may go on from the last one without an overflow


class _Draft(Closing):
    """The products of a part that is not written yet.

    Args:
        folder: for its temporary file, which has no name.
    """

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = TemporaryFile(dir=folder)  # noqa: SIM115 (`close` closes it)
        self._terms = array("I")
        self._sorted = 0  # positions of the runs
        self._ends = [0]  # of the runs in the file, in numbers
        self._documents = array("I")
        self._products = array("i")

    @property
    def end(self) -> int:
        """The position after the last one."""
        return self._sorted + len(self._terms)

    def add(self, product: int, terms: Iterable[int]) -> None:
        self._documents.append(self.end)
        self._products.append(product)
        self._terms.extend(terms)
        self._terms.append(SEPARATOR)
        if len(self._terms) >= SORTED_AT_ONCE:
            self._sort()

    def documents(self) -> np.ndarray:
        return np.frombuffer(self._documents, NUMBER)

    def products(self) -> np.ndarray:
        return np.frombuffer(self._products, PRODUCT)

    def runs(self) -> list[Run]:
        self._sort()
        self._file.flush()
        if self._ends[-1] == 0:
            return []
        packed = np.asarray(np.memmap(self._file, PACKED, "r"))
        return [Run(packed[start:end]) for start, end in pairwise(self._ends)]

    def close(self) -> None:
        self._file.close()

    def _sort(self) -> None:
        """Write the terms in memory as a run."""
        terms = np.frombuffer(self._terms, NUMBER)
        places = np.flatnonzero(terms != SEPARATOR)
        packed = terms[places].astype(PACKED) << TERM_SHIFT
        packed |= (places + self._sorted).astype(PACKED)
        packed.sort()
        self._file.write(packed.data)
        self._sorted += len(terms)
        self._ends.append(self._ends[-1] + len(packed))
        self._terms = array("I")


class PhraseWriter(Closing):
    """Writes the index of a generation.

    Args:
        folder: of its columns: empty, or with the files of the generation that is continued, none
            of which is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._draft = _Draft(folder)
        self._parts: dict[Part, np.ndarray] = {}  # with the numbers of their products
        self._is_whole = True

    def add(self, product: int, text: str) -> None:
        """Add the terms of a product.

        Args:
            product: its number.
            text: made by `words.Words.documents`.
        """
        terms = list(map(term_number, text.split()))
        if self._draft.end + len(terms) >= MOST_POSITIONS:
            self._write_draft([])
        self._draft.add(product, terms)

    def keep(self, base: KeptFacts, renumbered: np.ndarray) -> None:
        """Add products of another generation; of one without this index none is written.

        Args:
            base: its facts, in the folder that is written.
            renumbered: int32 (n,), the new number of each of its products; -1 leaves it out.
        """
        self._is_whole = has_phrases(base.folder)
        for part in PhraseIndex(base.folder).parts if self._is_whole else ():
            gone = part.products < 0
            self._parts[part] = np.where(gone, PRODUCT.type(-1), renumbered[part.products])

    def finish(self) -> None:
        """Complete the files."""
        if not self._is_whole:
            return
        merged = self._to_merge()
        self._write_draft(merged)
        for part in merged:
            del self._parts[part]
            for kind in KINDS:
                part_file(self._folder, part.number, kind).unlink()
        for part, products in self._parts.items():
            _write_new(part_file(self._folder, part.number, "products"), products.data)
        numbers = [part.number for part in self._parts]
        _write_new(self._folder / FILE, json.dumps(numbers).encode())

    def close(self) -> None:
        """Close the files."""
        self._draft.close()

    def _to_merge(self) -> list[Part]:
        """The parts that are small beside what is written, or have lost most of their products."""
        merged = []
        size = self._draft.end
        shares = {part: float(np.mean(products >= 0)) for part, products in self._parts.items()}
        sizes = {part: int(share * part.documents[-1]) for part, share in shares.items()}
        for part in sorted(sizes, key=lambda part: sizes[part]):
            due = sizes[part] < RATIO * size or shares[part] < LEAST_LIVE
            if due and size + sizes[part] < MOST_POSITIONS:
                merged.append(part)
                size += sizes[part]
        return merged

    def _write_draft(self, merged: Iterable[Part]) -> None:
        """Write the draft as a part, with the products of parts that are merged with it."""
        sources: list[Source] = list(self._draft.runs())
        documents, products = [self._draft.documents()], [self._draft.products()]
        end = self._draft.end
        for part in merged:
            kept = KeptPart(part, self._parts[part], end)
            sources.append(kept)
            documents.append(kept.documents)
            products.append(kept.products)
            end = kept.end
        files = (part_file(self._folder, number, "terms") for number in count())
        number = next(number for number, file in enumerate(files) if not file.exists())
        if _write_terms(self._folder, number, sources):
            documents.append(np.array([end], NUMBER))
            for kind, arrays in (("documents", documents), ("products", products)):
                _write_new(part_file(self._folder, number, kind), np.concatenate(arrays).data)
            part = Part(self._folder, number)
            self._parts[part] = part.products
        self._draft.close()
        self._draft = _Draft(self._folder)


def _write_terms(folder: Path, number: int, sources: Sequence[Source]) -> bool:
    """Write the terms of a part and their positions; no files, and False, where there are none."""
    written = 0
    with ExitStack() as stack:
        terms, starts, positions = (
            stack.enter_context(part_file(folder, number, kind).open("wb"))
            for kind in ("terms", "starts", "positions")
        )
        for packed in merge(sources, SORTED_AT_ONCE):
            each = (packed >> TERM_SHIFT).astype(NUMBER)
            first = np.flatnonzero(np.append(True, each[1:] != each[:-1]))
            terms.write(each[first].data)
            starts.write((first + written).astype(NUMBER).data)
            positions.write(packed.astype(NUMBER).data)  # its lower half
            written += len(packed)
        starts.write(NUMBER.type(written).tobytes())
    if not written:
        for kind in ("terms", "starts", "positions"):
            part_file(folder, number, kind).unlink()
    return written > 0


def _write_new(path: Path, content: memoryview | bytes) -> None:
    """Write a file, which replaces that of a generation which is in use, too."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)
