"""open_clip checkpoints of the ViT CLIP and ViT SigLIP kinds become checkpoints of transformers.

Weights are renamed by the tables here and not changed; so the vectors are open_clip's own. The
names on the left are open_clip's and timm's, those on the right transformers'.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoder.checkpoint import Checkpoint
from encoder.errors import EncoderError
from encoder.families import FAMILIES
from encoder.files import read_json
from encoder.hub import TOKENIZER_FILES, find_files
from encoder.open_clip_config import CONFIG, OpenClipConfig
from encoder.schema import read_schema

if TYPE_CHECKING:
    import torch

WEIGHTS = "open_clip_model.safetensors"
TOKENIZER_OF_CLIP = "openai/clip-vit-base-patch32"

# A packed matrix of attention becomes three, in this order.
PACKED = ("q_proj", "k_proj", "v_proj")
Block = Mapping[str, str | tuple[str, ...]]
RESBLOCK: Block = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "attn.in_proj": PACKED,
    "attn.out_proj": "self_attn.out_proj",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}
TIMM_BLOCK: Block = {
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "attn.qkv": PACKED,
    "attn.proj": "self_attn.out_proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}


@dataclass(frozen=True)
class Names:
    """How a kind's weights are called.

    Attributes:
        blocks: the start of a layer's names, transformers' start, and the names within a layer.
        whole: other names, without `.weight` and `.bias`.
        tensors: names of single tensors.
        transposed: matrices that are the transpose of a linear layer's.
    """

    blocks: tuple[tuple[str, str, Block], ...]
    whole: Mapping[str, str]
    tensors: Mapping[str, str]
    transposed: Mapping[str, str]


TEXT_LAYERS, VISION_LAYERS = "text_model.encoder.layers", "vision_model.encoder.layers"
NAMES = {
    "clip": Names(
        blocks=(
            ("visual.transformer.resblocks", VISION_LAYERS, RESBLOCK),
            ("transformer.resblocks", TEXT_LAYERS, RESBLOCK),
        ),
        whole={
            "visual.conv1": "vision_model.embeddings.patch_embedding",
            "visual.ln_pre": "vision_model.pre_layrnorm",
            "visual.ln_post": "vision_model.post_layernorm",
            "token_embedding": "text_model.embeddings.token_embedding",
            "ln_final": "text_model.final_layer_norm",
        },
        tensors={
            "visual.class_embedding": "vision_model.embeddings.class_embedding",
            "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
            "positional_embedding": "text_model.embeddings.position_embedding.weight",
            "logit_scale": "logit_scale",
        },
        transposed={
            "visual.proj": "visual_projection.weight",
            "text_projection": "text_projection.weight",
        },
    ),
    "siglip": Names(
        blocks=(
            ("visual.trunk.blocks", VISION_LAYERS, TIMM_BLOCK),
            ("transformer.resblocks", TEXT_LAYERS, RESBLOCK),
        ),
        whole={
            "visual.trunk.patch_embed.proj": "vision_model.embeddings.patch_embedding",
            "visual.trunk.norm": "vision_model.post_layernorm",
            "visual.trunk.attn_pool.proj": "vision_model.head.attention.out_proj",
            "visual.trunk.attn_pool.norm": "vision_model.head.layernorm",
            "visual.trunk.attn_pool.mlp.fc1": "vision_model.head.mlp.fc1",
            "visual.trunk.attn_pool.mlp.fc2": "vision_model.head.mlp.fc2",
            "token_embedding": "text_model.embeddings.token_embedding",
            "ln_final": "text_model.final_layer_norm",
            "text_projection": "text_model.head",
        },
        tensors={
            "visual.trunk.pos_embed": "vision_model.embeddings.position_embedding.weight",
            "visual.trunk.attn_pool.latent": "vision_model.head.probe",
            "visual.trunk.attn_pool.q_kv.weight": "vision_model.head.attention.in_proj_weight",
            "visual.trunk.attn_pool.q_kv.bias": "vision_model.head.attention.in_proj_bias",
            "positional_embedding": "text_model.embeddings.position_embedding.weight",
            "logit_scale": "logit_scale",
            "logit_bias": "logit_bias",
        },
        transposed={},
    ),
}


def convert(
    base: str, folder: Path, *, revision: str | None = None, tokenizer: str | None = None
) -> Checkpoint:
    """Write an open_clip checkpoint in the transformers format.

    Args:
        base: a folder with open_clip_config.json and open_clip_model.safetensors, or a hub id.
        folder: of the new checkpoint; written completely or not at all.
        revision: branch, tag or commit on the hub.
        tokenizer: folder or hub id of the tokenizer, where the checkpoint has none; by default
            the one that its configuration names, and OpenAI's for CLIP.

    Returns:
        The new checkpoint, checked as any other.

    Raises:
        EncoderError: not found, of another kind, or with parts that transformers has not; the
            folder is not empty.
        OSError: the folder cannot be written.
    """
    folder = folder.expanduser().resolve()
    _check_new(folder)
    source = find_files(base, revision, (CONFIG, WEIGHTS, *TOKENIZER_FILES))
    if not (source / CONFIG).is_file():
        raise EncoderError(f"{base} is no open_clip checkpoint: it has no {CONFIG}.")
    config = read_schema(OpenClipConfig, source / CONFIG)
    kind = config.kind(source / CONFIG)
    if not (source / WEIGHTS).is_file():
        raise EncoderError(
            f"{base} has no {WEIGHTS}: Vitrine reads weights as safetensors only; save them once "
            "with open_clip's push_to_hf_hub."
        )
    if not (source / "tokenizer.json").is_file() or tokenizer:
        named = tokenizer or config.model_cfg.text_cfg.hf_tokenizer_name or TOKENIZER_OF_CLIP
        words = find_files(named, None, TOKENIZER_FILES)
    else:
        words = source
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as unfinished:
        fresh = Path(unfinished) / "checkpoint"
        fresh.mkdir()
        _write_tokenizer(words, config, kind, fresh)
        settings = config.preprocess_cfg.settings(config.model_cfg.vision_cfg.image_size)
        _write_json(fresh / "preprocessor_config.json", settings)
        _write_model(source / WEIGHTS, config, kind, fresh)
        try:
            Checkpoint.in_folder(fresh).tokenizer()
        except EncoderError as error:
            raise EncoderError(str(error).replace(str(fresh), base)) from error
        try:
            fresh.rename(folder)
        except OSError:
            _check_new(folder)  # another process may have been faster
            raise
    return Checkpoint.in_folder(folder)


def _check_new(folder: Path) -> None:
    """Check that a folder can become the checkpoint's.

    Raises:
        EncoderError: it exists and is not empty.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise EncoderError(f"{folder} exists and is not empty: name a new folder.")


def _write_model(weights: Path, config: OpenClipConfig, kind: str, folder: Path) -> None:
    import torch
    import transformers
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        held = load_file(weights)
    except (SafetensorError, OSError) as error:
        raise EncoderError(f"{weights} cannot be read ({error}): get it again.") from error
    tensors = dict(_renamed(held, NAMES[kind], weights))
    model_class: Any = getattr(transformers, FAMILIES[kind].model_class)
    settings = config.transformers_settings(kind, {k: tuple(v.shape) for k, v in tensors.items()})
    try:
        # On the device "meta" the model takes no memory before it has the weights.
        with torch.device("meta"):
            model = model_class(model_class.config_class(**settings))
        model.load_state_dict(tensors, strict=True, assign=True)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise EncoderError(
            f"{weights} is not of the {kind} kind that its {CONFIG} describes ({reason}): "
            "transformers has no model for it."
        ) from error
    model.save_pretrained(folder)


def _renamed(
    tensors: dict[str, "torch.Tensor"], names: Names, file: Path
) -> Iterator[tuple[str, "torch.Tensor"]]:
    """The tensors under transformers' names, in the shapes that they have there.

    Raises:
        EncoderError: a tensor that the table does not have.
    """
    import torch

    tensors = {name.removeprefix("text."): tensor for name, tensor in tensors.items()}
    pool = "visual.trunk.attn_pool"
    for part in ("weight", "bias"):
        if f"{pool}.q.{part}" in tensors and f"{pool}.kv.{part}" in tensors:
            both = tensors.pop(f"{pool}.q.{part}"), tensors.pop(f"{pool}.kv.{part}")
            tensors[f"{pool}.q_kv.{part}"] = torch.cat(both)
    for name, tensor in tensors.items():
        module, _, part = name.rpartition(".")
        if name in names.tensors:
            target = names.tensors[name]
            # timm's positions have an axis for the batch; SigLIP's scale and bias are no scalars.
            if name.endswith("pos_embed"):
                tensor = tensor[0]
            if name.startswith("logit_"):
                tensor = tensor.reshape(1 if "logit_bias" in names.tensors else ())
            yield target, tensor
        elif name in names.transposed:
            yield names.transposed[name], tensor.T.contiguous()
        elif module in names.whole:
            yield f"{names.whole[module]}.{part}", tensor
        else:
            yield from _of_block(name, tensor, names, file)


def _of_block(
    name: str, tensor: "torch.Tensor", names: Names, file: Path
) -> Iterator[tuple[str, "torch.Tensor"]]:
    for start, layers, table in names.blocks:
        # torch's packed weight is one name: in_proj_weight.
        match = re.fullmatch(rf"{re.escape(start)}\.(\d+)\.(.+)[._](weight|bias)", name)
        target = table.get(match[2]) if match else None
        if match and isinstance(target, str):
            yield f"{layers}.{match[1]}.{target}.{match[3]}", tensor.contiguous()
            return
        if match and target:
            for each, third in zip(target, tensor.chunk(len(target)), strict=True):
                full = f"{layers}.{match[1]}.self_attn.{each}.{match[3]}"
                yield full, third.clone()  # parts of one tensor would be saved as one
            return
    raise EncoderError(
        f"{file} holds {name}, which ViT CLIP and ViT SigLIP have not: Vitrine converts these two."
    )


def _write_tokenizer(source: Path, config: OpenClipConfig, kind: str, folder: Path) -> None:
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
    file = folder / "tokenizer_config.json"
    settings = read_json(file) if file.is_file() else {}
    settings["model_max_length"] = config.model_cfg.text_cfg.context_length
    if kind == "siglip":
        settings["tokenizer_class"] = config.model_cfg.text_cfg.tokenizer_class
    _write_json(file, settings)


def _write_json(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
