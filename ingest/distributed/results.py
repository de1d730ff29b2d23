"""Embedded blocks, checked and put into a variant's vector files."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute

from catalog.catalogue import Catalogue
from encoder.variant import Variant
from encoder.variants import Variants
from ingest import IngestError
from ingest.distributed.blocks import GOT, IMAGE, TEXT, block_facts, block_table, is_block
from ingest.distributed.folder import Folder
from ingest.distributed.plan import facts_of
from ingest.embedding import inputs
from ingest.job import Figures, exclusive_run
from ingest.kept_vectors import KeptVectors, open_vectors
from ingest.verification import TOLERANCE
from qdrant.key_index import KEY_BYTES
from qdrant.vector_files import Key, VectorFiles
from vitrine.progress import progress_bar

COUNTS = ("merged", "known", "duplicates", "unknown")


def merge_blocks(home: Path, variant_name: str, addresses: Sequence[str]) -> Figures:
    """Put the vectors of embedded blocks into a variant's vector files.

    Idempotent: vectors that are there already stay as they are. The blocks are checked before the
    first vector is taken over, and every vector before it is kept.

    Args:
        home: the shop's folder.
        variant_name: whose vectors they are.
        addresses: the folders of results, or their addresses.

    Returns:
        `merged` vectors; those `known` before; `duplicates`: of a hash that another row had;
        `unknown`: of a text or picture that the catalogue does not have any more; `failed`: rows
        without a vector and vectors that are refused, by reason.

    Raises:
        IngestError: a folder has no blocks; one is damaged, or of another variant.
        CatalogError: there is no catalogue, or another job is running.
        VariantMissing: there is no such variant.
        StoreError: vector files cannot be written.
        VitrineError, OSError: a folder cannot be read.
    """
    variant = Variants(home).get(variant_name)
    settings = {"variant": variant.name, "folders": list(addresses)}
    with exclusive_run(home, "merge", settings) as run, open_vectors(home, variant) as kept:
        blocks = [
            (folder, name)
            for folder in map(Folder, addresses)
            for name in _checked_names(folder, variant)
        ]
        merge = _Merge(kept, _wanted(run.catalogue, variant))
        try:
            with progress_bar("blocks", len(blocks)) as advance:
                for folder, name in blocks:
                    merge.add(block_table(folder, name))
                    advance(1)
        finally:
            run.figures |= {**merge.counts, "failed": dict(merge.failed)}
        return run.figures


def has_blocks(address: str) -> bool:
    """Whether there are embedded blocks at an address.

    Raises:
        VitrineError, OSError: it cannot be opened or listed.
    """
    return any(map(is_block, Folder(address).names()))


def _checked_names(folder: Folder, variant: Variant) -> list[str]:
    """The blocks of a folder, after checking that they are of this variant."""
    names = [name for name in folder.names() if is_block(name)]
    if not names:
        raise IngestError(
            f"{folder} has no embedded blocks: name the folder that `vitrine ingest embed` wrote."
        )
    expected = facts_of(variant.name, variant.fingerprint)
    for name in names:
        if (facts := block_facts(folder, name, GOT)) != expected:
            raise IngestError(f"{folder}/{name} {_difference(facts, variant)}")
    return names


def _difference(facts: bytes, variant: Variant) -> str:
    """How the facts of a block differ from a variant, in the rest of a sentence."""
    try:
        found = json.loads(facts)
        name, fingerprint = str(found["variant"]), str(found["fingerprint"])
    except (ValueError, TypeError, KeyError):
        return "was not written by `vitrine ingest embed`: remove it."
    if name != variant.name:
        return (
            f"was embedded for the variant {name}, not {variant.name}: name it with "
            f"--variant {name}."
        )
    return (
        f"was embedded with the fingerprint {fingerprint}, and {name} here has "
        f"{variant.fingerprint}: plan and embed again."
    )


def _wanted(catalogue: Catalogue, variant: Variant) -> np.ndarray:
    """The keys of all that a catalogue is embedded from, ascending: 16 bytes each."""
    keys = bytearray()
    with progress_bar("catalogue", len(catalogue)) as advance:
        for window in inputs(catalogue, variant):
            for each in window:
                keys += each.text_key + (each.image_key or b"")
            advance(len(window))
    return np.unique(np.frombuffer(keys, f"S{KEY_BYTES}"))


class _Merge:
    """Takes over the vectors of one block after the other.

    Args:
        kept: the variant's vector files.
        wanted: the keys of all that the catalogue is embedded from, ascending.

    Attributes:
        counts: `merged`, `known`, `duplicates` and `unknown`.
        failed: rows without a vector and vectors that are refused, by reason.
    """

    def __init__(self, kept: KeptVectors, wanted: np.ndarray) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
        self.failed: Counter[str] = Counter()
        self._files = {TEXT: kept.texts, IMAGE: kept.images}
        self._wanted = wanted
        self._seen = np.zeros(len(wanted), bool)

    def add(self, block: pa.Table) -> None:
        """Take over the vectors of a block that are sound, wanted and not there yet."""
        self.failed.update(filter(None, block["reason"].to_pylist()))
        rows = block.filter(compute.is_null(block["reason"]))
        of_kind = {kind: rows.filter(compute.equal(rows["kind"], kind)) for kind in self._files}
        self._refuse("neither text nor image", len(rows) - sum(map(len, of_kind.values())))
        for kind, found in of_kind.items():
            self._add(found, self._files[kind])

    def _add(self, rows: pa.Table, files: VectorFiles) -> None:
        lengths = compute.fill_null(compute.list_value_length(rows["vector"]), 0)
        fits = compute.and_(compute.equal(lengths, files.dim), compute.is_valid(rows["hash"]))
        self._refuse("not of the variant's dimension", len(rows) - (compute.sum(fits).as_py() or 0))
        rows = rows.filter(fits)
        vectors = _matrix(rows["vector"], files.dim)
        finite = np.isfinite(vectors).all(axis=1)
        with np.errstate(all="ignore"):
            unit = abs(np.linalg.norm(vectors, axis=1) - 1) < TOLERANCE
        self._refuse("not finite", int((~finite).sum()))
        self._refuse("not of unit length", int((finite & ~unit).sum()))
        keys: list[Key] = rows["hash"].filter(pa.array(unit)).to_pylist()
        vectors = vectors[unit]
        new = self._first(keys)
        known = files.has(keys)
        self.counts["known"] += int((new & known).sum())
        new &= ~known
        self.counts["merged"] += int(new.sum())
        files.append([key for key, is_new in zip(keys, new, strict=True) if is_new], vectors[new])

    def _first(self, keys: Sequence[Key]) -> np.ndarray:
        """Which of these keys are wanted and were in no row before, bool of shape (n,)."""
        first = np.zeros(len(keys), bool)
        at = np.searchsorted(self._wanted, np.array(keys, self._wanted.dtype))
        for row, position in enumerate(at.tolist()):
            if position == len(self._wanted) or self._wanted[position] != keys[row].rstrip(b"\0"):
                self.counts["unknown"] += 1
            elif self._seen[position]:
                self.counts["duplicates"] += 1
            else:
                first[row] = self._seen[position] = True
        return first

    def _refuse(self, reason: str, count: int) -> None:
        if count:
            self.failed[reason] += count


def _matrix(vectors: pa.ChunkedArray, dim: int) -> np.ndarray:
    """Vectors of one length as float32 (n, dim); numbers that are null become NaN."""
    numbers = vectors.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return np.asarray(numbers, np.float32).reshape(-1, dim)
