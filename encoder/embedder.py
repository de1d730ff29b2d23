"""Embedders: SentenceTransformer models that read texts and pictures, in place of a dual encoder.

Language models that see, such as Qwen3-VL-Embedding or EmbeddingGemma 2. Text and picture go
through the same layers, so there is neither a text encoder nor an image encoder to run alone.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image

from encoder.errors import EncoderError
from encoder.families import FAMILIES
from encoder.files import digest_json, kept_folder, read_json
from encoder.hub import CONFIG
from encoder.sentence_files import (
    MODULES,
    check_folder,
    copy_folder,
    digest_folder,
    load_folder,
    not_loaded,
)
from encoder.text_encoder import Kind
from encoder.text_model import SentenceEncoder
from encoder.tokenizer import Tokenizer
from encoder.vectors import normalize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

KEPT = "embedder-"  # start of the folder's name under `checkpoints/`

# Longest side of a picture that the model's own processor gets, pixels: attention over a picture
# costs the square of its patches, and these models take up to two million pixels.
LONGEST_SIDE = 1024
BATCH = 8  # texts or pictures that run together: billions of weights leave little memory


def is_embedder(folder: Path) -> bool:
    """Whether a folder is of sentence-transformers, and of no family of dual encoders."""
    if not ((folder / MODULES).is_file() and (folder / CONFIG).is_file()):
        return False
    return read_json(folder / CONFIG).get("model_type") not in FAMILIES


@dataclass(frozen=True)
class EmbedderCheckpoint:
    """An embedder on this disk, checked and pinned; its counterpart is `Checkpoint`.

    Attributes:
        base: hub id, or absolute folder.
        revision: commit on the hub, or sha256 over all files.
        folder: of its files.
        hash: sha256 over all its files, prompts included.
        dim: numbers kept of each vector; 0: not chosen yet.
        max_tokens: most tokens of a text; 0: not known before it is loaded.
    """

    base: str
    revision: str
    folder: Path
    hash: str
    dim: int = 0
    max_tokens: int = 0

    image_side = 0  # pictures of any side

    @classmethod
    def in_folder(cls, folder: Path, dim: int = 0) -> Self:
        """Read an embedder from a folder of the user.

        Raises:
            EncoderError: it cannot be loaded without running code of its own.
        """
        check_folder(folder)
        digest = digest_folder(folder)
        return cls(str(folder), digest, folder, digest, dim)

    @classmethod
    def in_cache(cls, base: str, folder: Path, dim: int = 0) -> Self:
        """Read an embedder from the hub's cache, which keeps each commit in a folder of that name.

        Raises:
            EncoderError: it cannot be loaded without running code of its own.
        """
        return replace(cls.in_folder(folder, dim), base=base, revision=folder.name)

    @property
    def tokenizer_hash(self) -> str:
        """sha256 over all files: prompts and template are part of a text."""
        return self.hash

    @property
    def processor_hash(self) -> str:
        """sha256 over all that an image vector depends on."""
        return digest_json({"files": self.hash, "dim": self.dim, "longest_side": LONGEST_SIDE})

    def copy_into(self, kept: Path) -> str:
        """Copy a local embedder into a folder of checkpoints, as `Checkpoint.copy_into` does.

        Raises:
            OSError: it cannot be written.
        """
        target = kept_folder(kept.resolve(), KEPT, self.hash, self.folder)
        return copy_folder(self.base, self.folder, target)

    def uncut_tokenizer(self) -> Tokenizer:
        """Its tokenizer, for texts that are neither cut nor filled up.

        Raises:
            ValueError: what it does before tokens has no bounds.
            Exception: any other, of the libraries that load it.
        """
        return Tokenizer(self.folder, FAMILIES["clip"], longest=None)

    def load(self, device: str = "cpu") -> "Embedder":
        """Load the model in float32, and embed a text and a picture with it.

        Raises:
            EncoderError: it cannot be loaded, reads no pictures, or has shorter vectors than
                `dim`.
        """
        try:
            self.uncut_tokenizer()  # checks its steps
            model = load_folder(self.folder, device)
        except Exception as error:  # several libraries' own, of any kind
            raise not_loaded(f"the embedder {self.base}", error) from error
        if not (model.supports("image") and model.supports("text")):
            kind = read_json(self.folder / CONFIG).get("model_type")
            raise EncoderError(
                f"{self.base} is a text model ({kind!r}), which reads no pictures: name it with "
                "--text-model, beside a dual encoder named with --base."
            )
        try:
            embedder = Embedder(model, self.dim)
            embedder.image_features([Image.new("RGB", (64, 64), "white")])
        except Exception as error:
            raise not_loaded(f"the embedder {self.base}", error) from error
        if embedder.dim < self.dim:
            raise EncoderError(
                f"--dim {self.dim} is above the {embedder.dim} numbers of the vectors of "
                f"{self.base}: give a smaller one, or leave it out."
            )
        return embedder

    def loaded(self) -> Self:
        """The same, with the facts that only a loaded model has.

        Raises:
            EncoderError: as `load` does.
        """
        embedder = self.load()
        return replace(self, dim=embedder.dim, max_tokens=embedder.max_tokens)


class WholePictures:
    """Pictures as an embedder's own processor takes them: of any side."""

    @staticmethod
    def pixels(image: Image.Image) -> Image.Image:
        """A picture in RGB, made smaller where it is larger than `LONGEST_SIDE`."""
        image = image.convert("RGB")
        image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.BICUBIC)
        return image

    @staticmethod
    def batch(pixels: Sequence[Image.Image]) -> list[Image.Image]:
        """The pictures, which differ in size."""
        return list(pixels)


class Embedder(SentenceEncoder):
    """A loaded embedder; safe to use from several threads, which wait for each other.

    The attributes are those of `encoder.runtimes.runtime.Runtime`.

    Args:
        model: as `encoder.sentence_files.load_folder` gives it.
        dim: numbers kept of each vector; 0: all.
    """

    processor = WholePictures()
    precision, runners = "float32", 1

    def __init__(self, model: "SentenceTransformer", dim: int = 0) -> None:
        model.truncate_dim = dim or model.truncate_dim
        super().__init__(model)
        self.device_name = str(model.device)
        tokens = model.tokenizer.added_tokens_decoder.values()
        special = sorted({str(each) for each in tokens if len(str(each)) > 1}, key=len)
        self._special = re.compile("|".join(map(re.escape, reversed(special))) or r"(?!)")

    def for_batches(self) -> Self:
        """The model itself, which runs one batch at a time."""
        return self

    def image_features(self, pixels: Sequence[Image.Image]) -> np.ndarray:
        """Unit vectors (n, d), float32, of prepared pictures, with the prompt for documents."""
        with self._lock:
            return normalize(
                self._model.encode_document(
                    [{"image": image} for image in pixels],
                    batch_size=BATCH,
                    show_progress_bar=False,
                )
            )

    def text_features(self, tokens: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d), float32, of texts, with the prompt for queries."""
        return self.encode_queries(tokens)

    def _encode(self, kind: Kind, texts: Sequence[str]) -> np.ndarray:
        """Encode texts in which special tokens, such as a picture's place, are text like any."""
        plain = [self._special.sub(lambda token: f"{token[0][0]} {token[0][1:]}", t) for t in texts]
        return super()._encode(kind, plain)
