"""Base checkpoints: a folder or a hub id, found, checked and pinned.

Nothing here loads weights: files are located, their settings checked and their bytes hashed.
So a base that changed on disk is detected.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from encoder.configuration import dimension_of, max_tokens_of, read_configuration
from encoder.errors import EncoderError
from encoder.families import FAMILIES, Family
from encoder.files import digest_files, digest_json, keep_files, kept_folder
from encoder.hub import CONFIG, PROCESSOR_FILES, TOKENIZER_FILES, WEIGHTS_INDEX
from encoder.processor import ImageProcessor
from encoder.tokenizer import Tokenizer, check_vocabulary
from encoder.weights import check_weights, weight_files

if TYPE_CHECKING:
    from encoder.schema import ModelConfig

DEFAULT_BASE = "openai/clip-vit-base-patch32"

CHECKPOINTS, KEPT = "checkpoints", "base-"  # folder of the home, and its copies of bases

# transformers takes an end token of 2 for a mistake of older files: such a model reads a text at
# its highest token id.
END_IS_HIGHEST = 2
PROBES = ("a", "two words")


@dataclass(frozen=True)
class Checkpoint:
    """A dual encoder's checkpoint in the transformers format, on this disk.

    Attributes:
        base: hub id, or absolute folder.
        revision: commit on the hub, or sha256 over the folder's weights and config.json.
        folder: of its files.
        config: its settings.
        dim: length of its vectors.
        tokenizer_hash: sha256 over the tokenizer's files.
        processor: how it prepares pictures.
        max_tokens: most tokens of a text, start and end included.
    """

    base: str
    revision: str
    folder: Path
    config: "ModelConfig"
    dim: int
    tokenizer_hash: str
    processor: ImageProcessor
    max_tokens: int

    @property
    def family(self) -> Family:
        """What its model type fixes."""
        return FAMILIES[self.config.model_type]

    @property
    def tokenizer_files(self) -> list[Path]:
        """The tokenizer's files that it has."""
        return _tokenizer_files(self.folder, self.family)

    @property
    def processor_hash(self) -> str:
        """sha256 over the picture settings and their backend."""
        return self.processor.hash

    @property
    def image_side(self) -> int:
        """Side of the picture it takes, pixels."""
        return self.config.vision_config.image_size

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Read a checkpoint from a folder of the user.

        Raises:
            EncoderError: not a usable checkpoint.
        """
        folder = folder.expanduser().resolve()
        read_configuration(folder)  # first: the message for a folder of another kind
        revision = digest_files([*weight_files(folder), folder / CONFIG])
        return cls._read(str(folder), revision, folder)

    @classmethod
    def in_cache(cls, base: str, folder: Path) -> Self:
        """Read a checkpoint from the hub's cache, which keeps each commit in a folder of that name.

        Args:
            base: hub id.
            folder: of the commit.

        Raises:
            EncoderError: not a usable checkpoint.
        """
        return cls._read(base, folder.name, folder)

    @classmethod
    def _read(cls, base: str, revision: str, folder: Path) -> Self:
        config = read_configuration(folder)
        family = FAMILIES[config.model_type]
        dim = dimension_of(config, family, folder)
        weight_files(folder)
        processor = ImageProcessor.of(folder, family.pictures)
        side = config.vision_config.image_size
        if processor.side != side:
            raise EncoderError(
                f"{base} takes pictures of {side} × {side} pixels, but its picture settings make "
                f"{processor.crop or processor.exact or 'other sizes'}: "
                "the two files do not belong together; get the checkpoint again."
            )
        return cls(
            base=base,
            revision=revision,
            folder=folder,
            config=config,
            dim=dim,
            tokenizer_hash=_tokenizer_hash(folder, family, base),
            processor=processor,
            max_tokens=max_tokens_of(config, family, folder),
        )

    def copy_into(self, kept: Path) -> str:
        """Copy a local checkpoint into a shop's folder, so that the shop needs no other one.

        Files are hard links where the file system allows, copies elsewhere.

        Args:
            kept: the shop's folder of checkpoints; the files go to `base-DIGEST-NAME` in it.

        Returns:
            The copy's folder; `base` where it is a hub id, or lies in the shop's folder already.

        Raises:
            OSError: they cannot be written.
        """
        kept = kept.resolve()
        if not Path(self.base).is_absolute() or self.folder.is_relative_to(kept):
            return self.base
        content = {
            "revision": self.revision,
            "tokenizer": self.tokenizer_hash,
            "processor": self.processor_hash,
        }
        folder = kept_folder(kept, KEPT, digest_json(content), self.folder)
        keep_files(self.folder, self._files(), folder)
        return str(folder)

    def _files(self) -> list[Path]:
        others = _present(self.folder, (CONFIG, WEIGHTS_INDEX, *PROCESSOR_FILES))
        return [*others, *self.tokenizer_files, *weight_files(self.folder)]

    def uncut_tokenizer(self) -> Tokenizer:
        """Its tokenizer, for texts that are neither cut nor filled up."""
        return Tokenizer(self.folder, self.family, longest=None)

    def tokenizer(self) -> Tokenizer:
        """Load the tokenizer, and check that the model reads its texts at their end.

        Where it does not, every text has the vector of the first position: all are the same.

        Raises:
            EncoderError: the tokenizer cannot be loaded, or is another model's.
        """
        try:
            tokenizer = Tokenizer(self.folder, self.family, self.max_tokens)
            texts = tokenizer(PROBES)
        except Exception as error:  # two libraries' own, of any kind
            reason = " ".join(str(error).split())[:200]  # theirs have several lines
            raise EncoderError(
                f"The tokenizer of {self.base} cannot be loaded ({reason}): get it again."
            ) from error
        check_vocabulary(tokenizer, self.config.text_config.vocab_size, self.base)
        if self.family.text_pooling == "end":
            self._check_end(texts)
        elif tokenizer.end is not None and any(tokenizer.end not in ids for ids in texts):
            raise EncoderError(
                f"The tokenizer of {self.base} does not end texts with its own end token: get the "
                "checkpoint again."
            )
        return tokenizer

    def _check_end(self, texts: Sequence[list[int]]) -> None:
        """Check that the first end token of each text is its last token."""
        stated = self.config.text_config.eos_token_id
        highest = self.config.model_type == "clip" and stated == END_IS_HIGHEST
        for ids in texts:
            end = max(ids, default=0) if highest else stated
            if end not in ids or ids.index(end) != len(ids) - 1:
                raise EncoderError(
                    f"{self.base} reads a text at the token {end}, and its tokenizer ends texts "
                    f"with {ids[-1] if ids else 'none'}, so all texts would have the same vector: "
                    f"correct eos_token_id in its {CONFIG}, or get the checkpoint again."
                )

    def check_weights(self) -> None:
        """Check that the weights' files hold as much as the settings describe.

        Raises:
            EncoderError: they cannot be read, or hold less.
        """
        check_weights(self.folder, self.config.weights, self.base)


def _present(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _tokenizer_hash(folder: Path, family: Family, base: str) -> str:
    """Digest of the tokenizer's files, and of how the family's texts are prepared.

    CLIP's is over the files alone, as in all manifests from before there were other families.
    """
    files = _tokenizer_files(folder, family)
    names = {file.name for file in files}
    if "tokenizer.json" not in names and not (
        family.vocabulary and names.issuperset(family.vocabulary)
    ):
        alone = f", or {' and '.join(family.vocabulary)}" if family.vocabulary else ""
        raise EncoderError(f"{base} has no tokenizer: it needs tokenizer.json{alone}.")
    digest = digest_files(files)
    if family is FAMILIES["clip"]:
        return digest
    rules = [family.padding, family.text_pooling, family.cleans]
    return digest_json({"files": digest, "rules": rules})


def _tokenizer_files(folder: Path, family: Family) -> list[Path]:
    """Those that are there, each once: a family's vocabulary may be among the usual files."""
    return _present(folder, tuple(dict.fromkeys((*TOKENIZER_FILES, *family.vocabulary))))
