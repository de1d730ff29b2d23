"""Base checkpoints: a folder or a hub id, found, checked and pinned.

Nothing here loads weights: files are located, their settings read and their bytes hashed.
`vitrine add` is therefore quick, and a base that changed on disk is detected.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from encoder.errors import EncoderError
from encoder.files import digest_files, read_json
from encoder.hub import CONFIG, TOKENIZER_FILES, WEIGHTS, WEIGHTS_INDEX, fetch
from encoder.processor import ImageProcessor

DEFAULT_BASE = "openai/clip-vit-base-patch32"

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")

# CLIPConfig's own values, for what a config.json leaves out.
PROJECTION_DIM, IMAGE_SIDE, TEXT_TOKENS = 512, 224, 77


@dataclass(frozen=True)
class Checkpoint:
    """A CLIP checkpoint in the transformers format, on this disk.

    Attributes:
        base: hub id, or absolute folder.
        revision: commit on the hub, or sha256 over the folder's weights and config.json.
        folder: of its files.
        tokenizer_hash: sha256 over the tokenizer's files.
        processor: how it prepares pictures.
        dim: length of its vectors.
        image_side: side of the picture it takes, pixels.
        max_tokens: most tokens of a text, start and end included.
    """

    base: str
    revision: str
    folder: Path
    tokenizer_hash: str
    processor: ImageProcessor
    dim: int
    image_side: int
    max_tokens: int

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
        side = int((config.get("vision_config") or {}).get("image_size", IMAGE_SIDE))
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
            tokenizer_hash=digest_files(tokenizer),
            processor=processor,
            dim=int(config.get("projection_dim", PROJECTION_DIM)),
            image_side=side,
            max_tokens=_max_tokens(config, folder),
        )


def _config(folder: Path) -> dict[str, Any]:
    config = read_json(folder / CONFIG)
    kind = config.get("model_type")
    if kind != "clip":
        raise EncoderError(
            f"{folder} holds a model of the type {kind!r}, not 'clip': "
            "give a CLIP checkpoint in the transformers format."
        )
    return config


def _weights(folder: Path) -> list[Path]:
    """The weights' files; only safetensors, since other formats run code when read."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / WEIGHTS_INDEX).is_file():
        names = set(read_json(folder / WEIGHTS_INDEX).get("weight_map", {}).values())
        missing = sorted(name for name in names if not (folder / name).is_file())
        if names and not missing:
            return [folder / name for name in sorted(names)]
        raise EncoderError(
            f"{folder} lacks {', '.join(missing) or 'the weights its index should name'}: "
            "get the checkpoint again."
        )
    raise EncoderError(
        f"{folder} has no {WEIGHTS}: Vitrine reads weights as safetensors only; "
        "load the model once with transformers and write it by `model.save_pretrained(FOLDER)`."
    )


def _max_tokens(config: dict[str, Any], folder: Path) -> int:
    """The shorter of what the text tower has positions for and what the tokenizer admits."""
    positions = (config.get("text_config") or {}).get("max_position_embeddings", TEXT_TOKENS)
    file = folder / "tokenizer_config.json"
    admitted = read_json(file).get("model_max_length") if file.is_file() else None
    return int(min(positions, admitted or positions))
