"""Text models: SentenceTransformer models that embed words beside a dual encoder.

Words are compared with words by a model made for that; pictures with words by the dual encoder.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from encoder.errors import EncoderError
from encoder.families import FAMILIES
from encoder.files import kept_folder, read_json
from encoder.hub import CONFIG, find_files
from encoder.sentence_files import (
    MODULES,
    check_folder,
    copy_folder,
    digest_folder,
    load_folder,
    not_loaded,
)
from encoder.text_encoder import Kind, TextEncoder
from encoder.tokenizer import Tokenizer
from encoder.vectors import normalize

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

KEPT = "text-"  # start of the folder's name under `checkpoints/`

BATCH = 32
PROBE = "two words"


@dataclass(frozen=True)
class TextModel:
    """A text model on this disk, checked and pinned.

    Attributes:
        base: hub id, or absolute folder.
        hash: sha256 over all its files, prompts included.
        folder: of its files.
    """

    base: str
    hash: str
    folder: Path

    @classmethod
    def find(cls, base: str) -> Self:
        """Find a text model by folder or hub id, downloading it where need be.

        Args:
            base: an existing folder, else a hub id; `ID@REVISION` names a branch, tag or commit.

        Raises:
            EncoderError: not found, the hub unreachable, or no text model that can be loaded
                without running code of its own.
        """
        name, _, revision = base.partition("@")
        folder = Path(base).expanduser()
        if folder.is_dir():
            return cls.in_folder(folder.resolve())
        folder = find_files(name, revision or None)
        found = cls.in_folder(folder)
        return cls(f"{name}@{folder.name}", found.hash, folder)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Read a text model from a folder.

        Raises:
            EncoderError: no text model that can be loaded without running code of its own.
        """
        if not (folder / MODULES).is_file():
            kind = read_json(folder / CONFIG).get("model_type")
            if isinstance(kind, str) and kind in FAMILIES:
                raise EncoderError(
                    f"{folder} holds a dual encoder ({kind}): name it with --base, and a text "
                    "model of sentence-transformers with --text-model."
                )
            raise EncoderError(
                f"{folder} is no text model of sentence-transformers: it has no {MODULES}."
            )
        check_folder(folder)
        return cls(str(folder), digest_folder(folder), folder)

    @property
    def name(self) -> str:
        """Its hub id, or its folder's name."""
        folder = Path(self.base)
        return folder.name if folder.is_absolute() else self.base.partition("@")[0]

    def uncut_tokenizer(self) -> Tokenizer:
        """Its tokenizer, for texts that are neither cut nor filled up.

        Raises:
            ValueError: what it does before tokens has no bounds.
            Exception: any other, of the libraries that load it.
        """
        return Tokenizer(self.folder, FAMILIES["clip"], longest=None)

    def copy_into(self, kept: Path) -> str:
        """Copy a local model into a folder of checkpoints, unless it lies there already.

        Returns:
            The copy's folder; `base` where it is a hub id.

        Raises:
            OSError: it cannot be written.
        """
        target = kept_folder(kept.resolve(), KEPT, self.hash, self.folder)
        return copy_folder(self.base, self.folder, target)

    def load(self, device: str = "cpu") -> "SentenceEncoder":
        """Load the model in float32.

        Raises:
            EncoderError: it cannot be loaded.
        """
        try:
            self.uncut_tokenizer()  # checks its steps
            encoder = SentenceEncoder(load_folder(self.folder, device))
            encoder.encode_queries([PROBE])
        except Exception as error:  # two libraries' own, of any kind
            raise not_loaded(f"the text model {self.base}", error) from error
        return encoder


class SentenceEncoder(TextEncoder):
    """A text model that torch runs; safe to use from several threads.

    Args:
        model: as `encoder.sentence_files.load_folder` gives it.
    """

    def __init__(self, model: "SentenceTransformer") -> None:
        self._model: Any = model
        # The tokenizer's truncation is shared state.
        self._lock = threading.Lock()
        dim = int(model.encode_document([{"text": PROBE}], show_progress_bar=False).shape[1])
        super().__init__(dim, int(model.max_seq_length or 0))

    def _encode(self, kind: Kind, texts: Sequence[str]) -> np.ndarray:
        encode = self._model.encode_query if kind == "query" else self._model.encode_document
        # A bare text that looks like an address would be taken for a picture to fetch.
        marked = [{"text": text.encode("utf-8", "replace").decode("utf-8")} for text in texts]
        with self._lock:
            return normalize(encode(marked, batch_size=BATCH, show_progress_bar=False))
