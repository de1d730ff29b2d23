"""Base checkpoints: a folder or a hub id, found, checked and pinned.

Nothing here loads weights: files are located, their settings checked and their bytes hashed.
So a base that changed on disk is detected.
"""

import dataclasses
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import MISSING, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from encoder.errors import EncoderError
from encoder.families import FAMILIES, Family
from encoder.files import digest_files, digest_json, keep_files, read_json
from encoder.hub import CONFIG, PROCESSOR_FILES, TOKENIZER_FILES, WEIGHTS, WEIGHTS_INDEX, fetch
from encoder.processor import ImageProcessor
from encoder.schema import ModelConfig, TokenizerSettings, WeightsIndex, read_schema
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

# Least share of the tokens that a model takes which its tokenizer has: tables of embeddings are
# made a little longer than needed, to be multiples of 64 or 128.
LEAST_KNOWN = 0.5


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
    config: ModelConfig
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
            EncoderError: not found, the hub unreachable, or not a usable checkpoint.
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
                f"give the folder of a checkpoint, or an id such as {DEFAULT_BASE}."
            )
        folder = fetch(base, revision)
        # The hub's cache keeps each commit in a folder of that name.
        return cls._read(base, folder.name, folder)

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Read a checkpoint from a folder of the user.

        Raises:
            EncoderError: not a usable checkpoint.
        """
        folder = folder.expanduser().resolve()
        _config(folder)  # first: the message for a folder of another kind
        revision = digest_files([*_weights(folder), folder / CONFIG])
        return cls._read(str(folder), revision, folder)

    @classmethod
    def _read(cls, base: str, revision: str, folder: Path) -> Self:
        config = _config(folder)
        family = FAMILIES[config.model_type]
        dim = _dimension(config, family, folder)
        _weights(folder)
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
            max_tokens=_max_tokens(config, family, folder),
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
        keep_files(self.folder, self._files(), folder)
        return str(folder)

    def _files(self) -> list[Path]:
        others = _present(self.folder, (CONFIG, WEIGHTS_INDEX, *PROCESSOR_FILES))
        return [*others, *self.tokenizer_files, *_weights(self.folder)]

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
        text = self.config.text_config
        if tokenizer.highest >= text.vocab_size:
            raise EncoderError(
                f"The tokenizer of {self.base} has the token {tokenizer.highest}, and its model "
                f"takes {text.vocab_size:,}: the files do not belong together; get the checkpoint "
                "again."
            )
        if tokenizer.highest < LEAST_KNOWN * text.vocab_size:
            raise EncoderError(
                f"The tokenizer of {self.base} has {tokenizer.highest + 1:,} tokens, and its model "
                f"takes {text.vocab_size:,}: the files do not belong together; get the checkpoint "
                "again."
            )
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


def _present(folder: Path, names: Iterable[str]) -> list[Path]:
    return [folder / name for name in names if (folder / name).is_file()]


def _config(folder: Path) -> ModelConfig:
    """The settings, completed with the defaults of the family's class, which files leave out."""
    settings = read_json(folder / CONFIG)
    kind = settings.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise EncoderError(
            f"{folder} holds a model of the type {kind!r}: Vitrine reads dual encoders of the "
            f"types {', '.join(FAMILIES)} in the transformers format; `vitrine convert` makes "
            "such ones of open_clip's ViT CLIP and ViT SigLIP, and a text model is named with "
            "--text-model."
        )
    if settings.get("auto_map") and family.model_class not in (settings.get("architectures") or ()):
        raise EncoderError(
            f"{folder} holds a model with code of its own, which Vitrine does not run: it reads "
            f"dual encoders of the types {', '.join(FAMILIES)} in the transformers format; where "
            "it is also an open_clip checkpoint, use `vitrine convert`."
        )
    if (folder / ADAPTER_CONFIG).exists():
        raise EncoderError(
            f"{folder} holds an adapter beside the model: move {ADAPTER_CONFIG} and its weights "
            "to a folder of their own, and name that with --adapter."
        )
    return ModelConfig.complete(settings, _defaults(str(kind)), folder / CONFIG)


@cache
def _defaults(model_type: str) -> dict[str, Any]:
    """The defaults of a family's configuration classes in transformers, which are dataclasses."""
    from transformers import CONFIG_MAPPING

    def of(name: str) -> dict[str, Any]:
        fields = dataclasses.fields(CONFIG_MAPPING[name])
        return {each.name: each.default for each in fields if each.default is not MISSING}

    sections = {f"{part}_config": of(f"{model_type}_{part}_model") for part in ("text", "vision")}
    return {**of(model_type), **sections, "model_type": model_type}


def _dimension(config: ModelConfig, family: Family, folder: Path) -> int:
    """Length of the vectors; both encoders' have to agree."""
    section, key = family.dimension
    part: Any = getattr(config, section) if section else config
    dim = getattr(part, key) or getattr(part, "hidden_size", None)
    if dim is None:
        raise EncoderError(f"{folder / CONFIG} has no {key}: get the checkpoint again.")
    if not config.projection_dim and dim != config.vision_config.hidden_size:
        raise EncoderError(
            f"{folder} gives texts vectors of {dim} numbers, and pictures vectors of "
            f"{config.vision_config.hidden_size}: get the checkpoint again."
        )
    return int(dim)


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


def _max_tokens(config: ModelConfig, family: Family, folder: Path) -> int:
    """The shorter of what the text encoder has positions for and what the tokenizer admits."""
    unused = (config.text_config.pad_token_id or 0) + 1 if family.skips_positions else 0
    positions = config.text_config.max_position_embeddings - unused
    file = folder / "tokenizer_config.json"
    admitted = read_schema(TokenizerSettings, file).model_max_length if file.is_file() else None
    return int(min(positions, admitted or positions))
