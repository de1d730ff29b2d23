"""Base checkpoints: a folder or a hub id, found, checked and pinned.

Nothing here loads weights: files are located, their settings checked and their bytes hashed.
So a base that changed on disk is detected.
"""

import contextlib
import math
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from encoder.errors import EncoderError
from encoder.files import digest_files, digest_json, read_json
from encoder.hub import CONFIG, PROCESSOR_FILES, TOKENIZER_FILES, WEIGHTS, WEIGHTS_INDEX, fetch
from encoder.processor import ImageProcessor
from encoder.schema import ClipConfig, TokenizerSettings, WeightsIndex, read_schema
from encoder.tokenizer import Tokenizer

DEFAULT_BASE = "openai/clip-vit-base-patch32"

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
CHECKPOINTS, KEPT = "checkpoints", "base-"  # folder of the home, and its copies of bases

# PEFT's file: transformers would add such an adapter to the weights that it lies beside.
ADAPTER_CONFIG = "adapter_config.json"

# transformers takes an end token of 2 for a mistake of older files: such a model reads a text at
# its highest token id.
END_IS_HIGHEST = 2
PROBES = ("a", "two words")


@dataclass(frozen=True)
class Checkpoint:
    """A CLIP checkpoint in the transformers format, on this disk.

    Attributes:
        base: hub id, or absolute folder.
        revision: commit on the hub, or sha256 over the folder's weights and config.json.
        folder: of its files.
        config: its settings.
        tokenizer_hash: sha256 over the tokenizer's files.
        processor: how it prepares pictures.
        max_tokens: most tokens of a text, start and end included.
    """

    base: str
    revision: str
    folder: Path
    config: ClipConfig
    tokenizer_hash: str
    processor: ImageProcessor
    max_tokens: int

    @property
    def dim(self) -> int:
        """Length of its vectors."""
        return self.config.projection_dim

    @property
    def image_side(self) -> int:
        """Side of the picture it takes, pixels."""
        return self.config.vision_config.image_size

    @classmethod
    def find(cls, base: str, revision: str | None = None) -> Self:
        """Find a checkpoint by folder or hub id, downloading it where need be.

        Args:
            base: an existing folder, else a hub id such as `openai/clip-vit-base-patch32`.
            revision: branch, tag or commit on the hub; a folder has none.

        Raises:
            EncoderError: not found, the hub unreachable, or not a usable CLIP checkpoint.
        """
        folder = Path(base).expanduser()
        if folder.is_dir():
            if revision:
                raise EncoderError(
                    f"{base} is a folder and has no revision {revision!r}: leave the revision out."
                )
            return cls.in_folder(folder)
        if not HUB_ID.fullmatch(base):
            raise EncoderError(
                f"There is no folder {base!r}, and it is no hub id either: "
                f"give the folder of a CLIP checkpoint, or an id such as {DEFAULT_BASE}."
            )
        folder = fetch(base, revision)
        # The hub's cache keeps each commit in a folder of that name.
        return cls._read(base, folder.name, folder)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Read a checkpoint from a folder of the user.

        Raises:
            EncoderError: not a usable CLIP checkpoint.
        """
        folder = folder.expanduser().resolve()
        _config(folder)  # first: the message for a folder of another kind
        revision = digest_files([*_weights(folder), folder / CONFIG])
        return cls._read(str(folder), revision, folder)

    @classmethod
    def _read(cls, base: str, revision: str, folder: Path) -> Self:
        config = _config(folder)
        _weights(folder)
        processor = ImageProcessor.of(folder)
        side = config.vision_config.image_size
        if processor.side != side:
            raise EncoderError(
                f"{base} takes pictures of {side} × {side} pixels, but its picture settings make "
                f"{processor.crop or processor.exact or 'other sizes'}: "
                "the two files do not belong together; get the checkpoint again."
            )
        tokenizer = [folder / name for name in TOKENIZER_FILES if (folder / name).is_file()]
        names = {file.name for file in tokenizer}
        if "tokenizer.json" not in names and not {"vocab.json", "merges.txt"} <= names:
            raise EncoderError(
                f"{base} has no tokenizer: it needs tokenizer.json, or vocab.json and merges.txt."
            )
        return cls(
            base=base,
            revision=revision,
            folder=folder,
            config=config,
            tokenizer_hash=digest_files(tokenizer),
            processor=processor,
            max_tokens=_max_tokens(config, folder),
        )

    def copy_into(self, home: Path) -> str:
        """Copy a local checkpoint into a shop's folder, so that the shop needs no other one.

        Files are hard links where the file system allows, copies elsewhere.

        Args:
            home: the shop's folder; the files go to `checkpoints/base-DIGEST`.

        Returns:
            The copy's folder; `base` where it is a hub id, or lies in the shop's folder already.

        Raises:
            OSError: they cannot be written.
        """
        kept = home.resolve() / CHECKPOINTS
        if not Path(self.base).is_absolute() or self.folder.is_relative_to(kept):
            return self.base
        content = {
            "revision": self.revision,
            "tokenizer": self.tokenizer_hash,
            "processor": self.processor.hash,
        }
        folder = kept / f"{KEPT}{digest_json(content)[:16]}"
        if not folder.is_dir():
            kept.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".base-", dir=kept) as unfinished:
                fresh = Path(unfinished) / folder.name
                fresh.mkdir()
                for file in self._files():
                    _link(file, fresh / file.name)
                with contextlib.suppress(FileExistsError):  # another process was faster
                    fresh.rename(folder)
        return str(folder)

    def _files(self) -> list[Path]:
        others = (CONFIG, WEIGHTS_INDEX, *PROCESSOR_FILES, *TOKENIZER_FILES)
        present = [self.folder / name for name in others if (self.folder / name).is_file()]
        return [*present, *_weights(self.folder)]

    def tokenizer(self) -> Tokenizer:
        """Load the tokenizer, and check that the model reads its texts at their end.

        Where it does not, every text has the vector of the first position: all are the same.

        Raises:
            EncoderError: the tokenizer cannot be loaded, or is another model's.
        """
        try:
            tokenizer = Tokenizer(self.folder, self.max_tokens)
            texts = tokenizer(PROBES)
        except Exception as error:  # two libraries' own, of any kind
            reason = " ".join(str(error).split())[:200]  # theirs have several lines
            raise EncoderError(
                f"The tokenizer of {self.base} cannot be loaded ({reason}): get it again."
            ) from error
        text = self.config.text_config
        if tokenizer.highest >= text.vocab_size:
            raise EncoderError(
                f"The tokenizer of {self.base} has the token {tokenizer.highest}, and its model "
                f"takes {text.vocab_size:,}: the files do not belong together; get the checkpoint "
                "again."
            )
        for ids in texts:
            end = max(ids, default=0) if text.eos_token_id == END_IS_HIGHEST else text.eos_token_id
            if end not in ids or ids.index(end) != len(ids) - 1:
                raise EncoderError(
                    f"{self.base} reads a text at the token {end}, and its tokenizer ends texts "
                    f"with {ids[-1] if ids else 'none'}, so all texts would have the same vector: "
                    f"correct eos_token_id in its {CONFIG}, or get the checkpoint again."
                )
        return tokenizer

    def check_weights(self) -> None:
        """Check that the weights' files hold as much as the settings describe.

        A model is allocated by its settings, so these must not name more than there is.

        Raises:
            EncoderError: they cannot be read, or hold less.
        """
        from safetensors import SafetensorError, safe_open

        held = 0
        for file in _weights(self.folder):
            try:
                with safe_open(file, framework="numpy") as weights:
                    names = weights.keys()
                    held += sum(math.prod(weights.get_slice(name).get_shape()) for name in names)
            except (SafetensorError, OSError) as error:
                raise EncoderError(
                    f"The weights of {self.base} cannot be read ({error}): get them again."
                ) from error
        if held < self.config.weights:
            raise EncoderError(
                f"{self.base} is described as a model of {self.config.weights:,} weights, and its "
                f"files hold {held:,}: they do not belong together; get the checkpoint again."
            )


def _link(file: Path, target: Path) -> None:
    try:
        target.hardlink_to(file.resolve())
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(file, target)


def _config(folder: Path) -> ClipConfig:
    kind = read_json(folder / CONFIG).get("model_type")
    if kind != "clip":
        raise EncoderError(
            f"{folder} holds a model of the type {kind!r}, not 'clip': "
            "give a CLIP checkpoint in the transformers format."
        )
    if (folder / ADAPTER_CONFIG).exists():
        raise EncoderError(
            f"{folder} holds an adapter beside the model: move {ADAPTER_CONFIG} and its weights "
            "to a folder of their own, and name that with --adapter."
        )
    return read_schema(ClipConfig, folder / CONFIG)


def _weights(folder: Path) -> list[Path]:
    """The weights' files; only safetensors, since other formats run code when read."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / WEIGHTS_INDEX).is_file():
        names = sorted(set(read_schema(WeightsIndex, folder / WEIGHTS_INDEX).weight_map.values()))
        if missing := [name for name in names if not (folder / name).is_file()]:
            raise EncoderError(f"{folder} lacks {', '.join(missing)}: get the checkpoint again.")
        return [folder / name for name in names]
    raise EncoderError(
        f"{folder} has no {WEIGHTS}: Vitrine reads weights as safetensors only; "
        "load the model once with transformers and write it by `model.save_pretrained(FOLDER)`."
    )


def _max_tokens(config: ClipConfig, folder: Path) -> int:
    """The shorter of what the text encoder has positions for and what the tokenizer admits."""
    positions = config.text_config.max_position_embeddings
    file = folder / "tokenizer_config.json"
    admitted = read_schema(TokenizerSettings, file).model_max_length if file.is_file() else None
    return int(min(positions, admitted or positions))
