"""Vectors that other machines encoded, brought into this shop's vector files."""

from collections.abc import Sequence
from pathlib import Path

from encoder.variants import Variants
from ingest import IngestError
from ingest.job import Figures, exclusive_run
from ingest.kept_vectors import vector_folders
from qdrant.vector_files import VectorFiles
from vitrine.progress import progress_bar


def merge_vectors(home: Path, variant_name: str, others: Sequence[Path]) -> Figures:
    """Take over what `vectors --shard` encoded in other shops' folders.

    Args:
        home: the shop's folder.
        variant_name: the variant whose vectors to take.
        others: the folders (VITRINE_HOME) of the other machines, copied or mounted here.

    Returns:
        `merged` vectors, and those `known` before.

    Raises:
        IngestError: a folder has no vectors of this fingerprint.
        CatalogError: there is no catalogue, or another job is running.
        VariantMissing: there is no such variant.
        StoreError: vector files cannot be read or written.
    """
    variant = Variants(home).get(variant_name)
    settings = {"variant": variant.name, "folders": list(map(str, others))}
    with exclusive_run(home, "merge", settings) as run:
        counts = run.figures
        counts |= {"merged": 0, "known": 0}
        for other in others:
            theirs = vector_folders(other, variant)
            if not any(folder.is_dir() for folder in theirs):
                raise IngestError(
                    f"{other} has no vectors of {variant_name} with fingerprint "
                    f"{variant.fingerprint}. Add the variant there just as it was added here."
                )
            for folder, source in zip(vector_folders(home, variant), theirs, strict=True):
                dim = theirs[source]
                with VectorFiles(folder, dim) as ours, VectorFiles(source, dim) as added:
                    _merge(ours, added, other, counts)
        return counts


def _merge(ours: VectorFiles, added: VectorFiles, other: Path, counts: Figures) -> None:
    with progress_bar(str(other), len(added)) as advance:
        for keys, vectors in added.batches():
            new = ~ours.has(keys)
            ours.append(
                [key for key, is_new in zip(keys, new, strict=True) if is_new], vectors[new]
            )
            counts["merged"] += int(new.sum())
            counts["known"] += int((~new).sum())
            advance(len(keys))
