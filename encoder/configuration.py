"""config.json of a dual encoder: of a known family, completed with its defaults, and checked."""

import dataclasses
from dataclasses import MISSING
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoder.errors import EncoderError
from encoder.families import FAMILIES, Family
from encoder.files import read_json
from encoder.hub import CONFIG

if TYPE_CHECKING:
    from encoder.schema import ModelConfig

# PEFT's file: transformers would add such an adapter to the weights that it lies beside.
ADAPTER_CONFIG = "adapter_config.json"


def read_configuration(folder: Path) -> "ModelConfig":
    """The settings, completed with the defaults of the family's class, which files leave out.

    Raises:
        EncoderError: of another family, with code of its own, or with values out of range.
    """
    from encoder.schema import ModelConfig, StoredWeights  # pydantic, which no search needs

    settings = read_json(folder / CONFIG)
    kind = settings.get("model_type")
    family = FAMILIES.get(kind) if isinstance(kind, str) else None
    if family is None:
        raise EncoderError(
            f"{folder} holds a model of the type {kind!r}: Vitrine reads dual encoders of the "
            f"types {', '.join(FAMILIES)} in the transformers format, open_clip's ViT CLIP and "
            "ViT SigLIP with --open-clip, and text models with --text-model."
        )
    if settings.get("auto_map") and family.model_class not in (settings.get("architectures") or ()):
        raise EncoderError(
            f"{folder} holds a model with code of its own, which Vitrine does not run: it reads "
            f"dual encoders of the types {', '.join(FAMILIES)} in the transformers format; "
            "where it is also an open_clip checkpoint, as Marqo's are, add it with --open-clip."
        )
    if (folder / ADAPTER_CONFIG).exists():
        raise EncoderError(
            f"{folder} holds an adapter beside the model: move {ADAPTER_CONFIG} and its weights "
            "to a folder of their own, and name that with --adapter."
        )
    StoredWeights.read(settings, folder / CONFIG)
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


def dimension_of(config: "ModelConfig", family: Family, folder: Path) -> int:
    """Length of the vectors; both encoders' have to agree.

    Raises:
        EncoderError: they do not.
    """
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


def max_tokens_of(config: "ModelConfig", family: Family, folder: Path) -> int:
    """The shorter of what the text encoder has positions for and what the tokenizer admits."""
    from encoder.schema import TokenizerSettings, read_schema

    unused = (config.text_config.pad_token_id or 0) + 1 if family.skips_positions else 0
    positions = config.text_config.max_position_embeddings - unused
    file = folder / "tokenizer_config.json"
    admitted = read_schema(TokenizerSettings, file).model_max_length if file.is_file() else None
    return int(min(positions, admitted or positions))
