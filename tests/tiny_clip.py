"""A true CLIP checkpoint in the transformers format, random and very small, for tests.

Nothing is trained: the weights are drawn so wide that different pictures and different texts
get clearly different vectors, which is all that a test of plumbing needs.
"""

import json
from pathlib import Path
from typing import Any

import encoder  # noqa: F401  # before torch: it sets how OpenMP's threads wait

# isort: split
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

START, END = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"

# A few frequent joins, so that words are cut into pieces of more than one byte, as real BPE does.
MERGES = ["t h", "th e</w>", "e r</w>", "i n", "in g</w>", "r e", "a n", "o n", "s h", "sh o"]

MEAN = [0.48145466, 0.4578275, 0.40821073]
STD = [0.26862954, 0.26130258, 0.27577711]

# Times the usual initial spread: at 1 all pictures of a random CLIP have cosines above 0.99.
SPREAD = 4.0


def build_tiny_clip(
    folder: Path,
    *,
    seed: int = 0,
    image_size: int = 32,
    patch_size: int = 8,
    hidden: int = 32,
    layers: int = 2,
    heads: int = 2,
    dim: int = 16,
    text_tokens: int = 32,
    spread: float = SPREAD,
) -> Path:
    """Write a random CLIP checkpoint to `folder` and return the folder.

    Args:
        folder: where model.safetensors, config.json and the tokenizer go; made if missing.
        seed: of the weights; another seed gives another model with the same tokenizer.
        image_size: side of the square picture the model takes, pixels.
        patch_size: side of one patch, pixels.
        hidden: width of both encoders.
        layers: depth of both encoders.
        heads: attention heads of both encoders.
        dim: length of the vectors.
        text_tokens: most tokens of a text, start and end included.
        spread: factor on the usual initial spread of the weights.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = tiny_tokenizer(text_tokens)
    sizes: dict[str, Any] = {
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "projection_dim": dim,
        "initializer_factor": spread,
    }
    config = CLIPConfig(
        text_config=CLIPTextConfig(
            vocab_size=len(tokenizer),
            max_position_embeddings=text_tokens,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            **sizes,
        ).to_dict(),
        vision_config=CLIPVisionConfig(
            image_size=image_size, patch_size=patch_size, **sizes
        ).to_dict(),
        projection_dim=dim,
        initializer_factor=spread,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = CLIPModel(config)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps(tiny_processor(image_size), indent=2), encoding="utf-8"
    )
    return folder


def tiny_tokenizer(text_tokens: int) -> CLIPTokenizer:
    """CLIP's byte-level BPE over every byte, so that any text at all has tokens."""
    letters = sorted(ByteLevel.alphabet())
    merged = [merge.replace(" ", "") for merge in MERGES]
    pairs: Any = [tuple(merge.split()) for merge in MERGES]
    words = [*letters, *(letter + WORD_END for letter in letters), *merged, START, END]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=pairs,
        unk_token=END,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        model_max_length=text_tokens,
    )


def tiny_processor(image_size: int) -> dict[str, object]:
    return {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": image_size},
        "resample": 3,
        "do_center_crop": True,
        "crop_size": {"height": image_size, "width": image_size},
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": MEAN,
        "image_std": STD,
    }
