"""Small checkpoints with random weights: real in form, they need no hub, and mean nothing.

Their words are the tokenizer of the demo shop's model, but for `vit_b_32`, whose tokenizer knows
next to no words: its texts are long.
"""

import json
from pathlib import Path
from typing import Any

# Before torch: the encoder room's setting of OpenMP holds for whatever is measured.
import encoder  # noqa: F401

# isort: split
import torch
from transformers import (
    AutoTokenizer,
    BartConfig,
    BartForConditionalGeneration,
    CLIPConfig,
    CLIPImageProcessorPil,
    CLIPModel,
    PreTrainedTokenizerFast,
)

from tests.tiny_clip import tiny_processor, tiny_tokenizer

TOKENIZER = Path(__file__).parent.parent / "demo" / "checkpoint"
# Times the usual spread of the weights: at 1 all pictures of a random CLIP have cosines above 0.99.
SPREAD = 4.0
TEXT_TOKENS = 77  # as CLIP's


def tiny_clip(folder: Path, *, dim: int, side: int) -> Path:
    """Write a CLIP whose model costs next to nothing beside the work around it.

    Args:
        folder: where it goes.
        dim: numbers of a vector.
        side: side of the pictures it looks at, pixels.
    """
    tokenizer = AutoTokenizer.from_pretrained(TOKENIZER)
    tower = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "initializer_factor": SPREAD,
    }
    words = {
        "vocab_size": len(tokenizer),
        "max_position_embeddings": TEXT_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    looks = {"image_size": side, "patch_size": side // 2}
    config = CLIPConfig(
        text_config={**tower, **words},
        vision_config={**tower, **looks},
        projection_dim=dim,
        initializer_factor=SPREAD,
    )
    torch.manual_seed(0)
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}
    ).save_pretrained(folder)
    return folder


def vit_b_32(folder: Path) -> Path:
    """Write a CLIP of the size of ViT-B/32: as fast as a trained one.

    Args:
        folder: where it goes.
    """
    tokenizer = tiny_tokenizer(TEXT_TOKENS)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    words = {"vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id, **ends}
    # Everything else is the default: CLIPConfig() is ViT-B/32.
    CLIPModel(CLIPConfig(text_config=words)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = json.dumps(tiny_processor(image_size=224))
    (folder / "preprocessor_config.json").write_text(settings, encoding="utf-8")
    return folder


def bart(folder: Path, *, large: bool = False) -> Path:
    """Write a BART that reads 1,024 tokens.

    It ends no summary by itself, so each is as long as it may be.

    Args:
        folder: where it goes.
        large: of the size of bart-large-cnn; else as small as can be.
    """
    tokenizer = PreTrainedTokenizerFast.from_pretrained(TOKENIZER)
    tiny: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "d_model": 64,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 256,
        "decoder_ffn_dim": 256,
    }
    config = BartConfig(
        **(tiny if not large else {}),  # BartConfig() is bart-large
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=tokenizer.bos_token_id,
        forced_eos_token_id=tokenizer.eos_token_id,
    )
    torch.manual_seed(0)
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
