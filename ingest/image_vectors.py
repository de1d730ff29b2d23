"""Image vectors that variants share: those of one model, adapter, adapter weight and processor.

A picture's vector does not depend on the text template. Each folder of vector files has a label
that says what made its image vectors, which stays when the variant is replaced.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

from encoder.errors import VariantInvalid
from encoder.variant import Variant
from encoder.variants import Variants
from ingest.embedding import Keys
from qdrant.vector_files import VectorFiles

LABEL = "images"  # a file that holds an image fingerprint


def label_folders(home: Path) -> None:
    """Write the label of each variant's folder of vector files, where there is such a folder."""
    variants = Variants(home)
    for name in variants.names():
        try:
            variant = variants.get(name)
        except VariantInvalid:
            continue
        label = home / "vectors" / variant.fingerprint / LABEL
        if label.parent.is_dir():
            label.write_text(variant.manifest.image_fingerprint)


def copy_image_vectors(
    home: Path,
    variant: Variant,
    windows: Callable[[], Iterable[list[Keys]]],
    vector_files: VectorFiles,
) -> None:
    """Copy the image vectors that a variant lacks and another one of equal images has.

    Damaged vectors are left out: what they held is encoded again.

    Args:
        home: the shop's folder.
        variant: that lacks them.
        windows: the keys of every product's vectors, some hundreds at a time.
        vector_files: of the variant.

    Raises:
        DiskFull: the copies could not be written.
    """
    for label in sorted((home / "vectors").glob(f"*/{LABEL}")):
        same = label.read_text(errors="replace") == variant.manifest.image_fingerprint
        if not same or label.parent == vector_files.folder:
            continue
        with VectorFiles(label.parent, variant.dim) as theirs:
            checked = False
            for window in windows():
                keys = list({each.image for each in window if each.image})
                wanted = theirs.has(keys) & ~vector_files.has(keys)
                if wanted.any() and not checked:
                    theirs.discard_damaged()
                    wanted &= theirs.has(keys)
                    checked = True
                found = [key for key, is_wanted in zip(keys, wanted, strict=True) if is_wanted]
                vector_files.append(found, theirs.get(found))
