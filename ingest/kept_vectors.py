"""The vector files of a variant: its image vectors, and its text vectors where they differ.

A text model's vectors have a length of their own, and depend on its files and the text alone. So
they have a folder of their own, which variants with the same text model share.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from encoder.variant import FINGERPRINT_LENGTH, Variant
from qdrant.vector_files import Key, VectorFiles


@dataclass(frozen=True)
class KeptVectors:
    """The vector files of one variant, open.

    Attributes:
        images: of the image vectors.
        texts: of the text vectors; the same object where one model makes both.
    """

    images: VectorFiles
    texts: VectorFiles

    @property
    def folders(self) -> tuple[VectorFiles, ...]:
        """Each of the two once."""
        return (self.images,) if self.texts is self.images else (self.images, self.texts)

    def find_damaged(self) -> dict[Path, list[Key]]:
        """The keys of damaged vectors, by file."""
        return {path: keys for each in self.folders for path, keys in each.find_damaged().items()}

    def discard_damaged(self) -> dict[Path, list[Key]]:
        """As `find_damaged`; the vectors count as missing afterwards."""
        found = [each.discard_damaged() for each in self.folders]
        return {path: keys for each in found for path, keys in each.items()}


def vector_folders(home: Path, variant: Variant) -> dict[Path, int]:
    """The folders of a variant's vector files, and the length of the vectors in each."""
    folders = {home / "vectors" / variant.fingerprint: variant.dim}
    if words := variant.manifest.text_model:
        folders[home / "vectors" / f"text-{words.hash[:FINGERPRINT_LENGTH]}"] = words.dim
    return folders


@contextmanager
def open_vectors(home: Path, variant: Variant) -> Iterator[KeptVectors]:
    """Open a variant's vector files."""
    (folder, dim), *other = vector_folders(home, variant).items()
    with VectorFiles(folder, dim) as images:
        if not other:
            yield KeptVectors(images, images)
            return
        with VectorFiles(*other[0]) as texts:
            yield KeptVectors(images, texts)
