"""Checkpoints with random weights: as fast as trained ones, made without the hub.

Their tokenizer is that of the demo shop's model, of at most 80 tokens where CLIP's has 77 and
SigLIP's 64.
"""

from pathlib import Path
from typing import Any

# Before torch: it sets how OpenMP's threads wait, for everything that is measured.
import encoder  # noqa: F401

# isort: split
import torch
import typer
from transformers import (
    AutoModel,
    AutoTokenizer,
    CLIPConfig,
    CLIPImageProcessorPil,
    PreTrainedConfig,
    SiglipConfig,
)

TOKENIZER = Path(__file__).parent.parent / "demo" / "checkpoint"
# Times the usual spread of initial weights: at 1, the cosines of all images are above 0.99.
SPREAD = 4.0


def tiny_clip(folder: Path, *, dim: int, side: int) -> Path:
    """Write a CLIP that costs next to nothing, so that the work around it is measured.

    Args:
        folder: where it goes.
        dim: dimension of the vectors.
        side: side of the model's images, pixels.
    """
    small = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "initializer_factor": SPREAD,
    }
    config = CLIPConfig(
        text_config=small,
        vision_config={**small, "image_size": side, "patch_size": side // 2},
        projection_dim=dim,
        initializer_factor=SPREAD,
    )
    return _write(folder, config)


def vit_b_32(folder: Path) -> Path:
    """Write a CLIP of the size of ViT-B/32, which is the size of a default `CLIPConfig`."""
    return _write(folder, CLIPConfig())


def siglip_b_16(folder: Path) -> Path:
    """Write a SigLIP of the size B/16, which is the size of a default `SiglipConfig`."""
    return _write(folder, SiglipConfig())


SIZES = {"vit-b-32": vit_b_32, "siglip-b-16": siglip_b_16}


def random_checkpoint(size: str, folder: Path) -> Path:
    """Write a checkpoint of a size, where a command is given none.

    Raises:
        BadParameter: there is no such size.
    """
    if size not in SIZES:
        raise typer.BadParameter(f"--size is {' or '.join(SIZES)}, not {size!r}.")
    return SIZES[size](folder)


def _write(folder: Path, config: PreTrainedConfig) -> Path:
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    text: Any = config.text_config
    text.vocab_size, text.max_position_embeddings = len(tokenizer), tokenizer.model_max_length
    text.bos_token_id, text.eos_token_id = tokenizer.bos_token_id, tokenizer.eos_token_id
    text.pad_token_id = tokenizer.pad_token_id
    vision: Any = config.vision_config
    side = vision.image_size
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    ).save_pretrained(folder)
    return folder
