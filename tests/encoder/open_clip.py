"""Random open_clip checkpoints of the two kinds that are converted."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from tests.tiny_clip import MEAN, STD, tiny_tokenizer
from tests.tiny_models import TOKENIZERS, TOKENS

WIDTH, LAYERS, HEADS, DIM, SIDE, PATCH = 64, 2, 1, 16, 32, 8
INNER = 4 * WIDTH


def clip_config(words):
    return {
        "model_cfg": {
            "embed_dim": DIM,
            "quick_gelu": True,
            "vision_cfg": {
                "image_size": SIDE,
                "layers": LAYERS,
                "width": WIDTH,
                "patch_size": PATCH,
            },
            "text_cfg": {
                "context_length": TOKENS,
                "vocab_size": words,
                "width": WIDTH,
                "heads": HEADS,
                "layers": LAYERS,
            },
        },
        "preprocess_cfg": {"mean": MEAN, "std": STD},
    }


def siglip_config(words):
    return {
        "model_cfg": {
            "embed_dim": WIDTH,
            "init_logit_bias": -10,
            "custom_text": True,
            "vision_cfg": {
                "image_size": SIDE,
                "timm_model_name": "vit_base_patch16_siglip_224",
                "timm_model_pretrained": False,
                "timm_pool": "map",
                "timm_proj": "none",
            },
            "text_cfg": {
                "context_length": TOKENS,
                "vocab_size": words,
                "hf_tokenizer_name": "acme/words",
                "tokenizer_kwargs": {"clean": "canonicalize"},
                "width": WIDTH,
                "heads": HEADS,
                "layers": LAYERS,
                "no_causal_mask": True,
                "proj_bias": True,
                "pool_type": "last",
                "norm_kwargs": {"eps": 1e-6},
                "act_kwargs": {"approximate": "tanh"},
            },
        },
        "preprocess_cfg": {
            "mean": [0.5] * 3,
            "std": [0.5] * 3,
            "interpolation": "bilinear",
            "resize_mode": "squash",
        },
    }


def block(name, packed, out, norms, inner):
    """Shapes of a layer: its packed attention, its output, its norms, its two linear layers."""
    yield f"{name}.{packed}weight", (3 * WIDTH, WIDTH)
    yield f"{name}.{packed}bias", (3 * WIDTH,)
    yield from linear(f"{name}.{out}", WIDTH, WIDTH)
    for norm in norms:
        yield from both(f"{name}.{norm}", (WIDTH,))
    yield from linear(f"{name}.mlp.{inner[0]}", INNER, WIDTH)
    yield from linear(f"{name}.mlp.{inner[1]}", WIDTH, INNER)


def both(name, shape):
    yield f"{name}.weight", shape
    yield f"{name}.bias", shape


def linear(name, out, into):
    yield f"{name}.weight", (out, into)
    yield f"{name}.bias", (out,)


def resblock(name):
    return block(name, "attn.in_proj_", "attn.out_proj", ("ln_1", "ln_2"), ("c_fc", "c_proj"))


def shapes(kind, words):
    patches = (SIDE // PATCH) ** 2
    start = "text." if kind == "siglip" else ""
    yield f"{start}token_embedding.weight", (words, WIDTH)
    yield f"{start}positional_embedding", (TOKENS, WIDTH)
    yield from both(f"{start}ln_final", (WIDTH,))
    for layer in range(LAYERS):
        yield from resblock(f"{start}transformer.resblocks.{layer}")
    yield "logit_scale", ()
    if kind == "clip":
        yield "text_projection", (WIDTH, DIM)
        yield "visual.class_embedding", (WIDTH,)
        yield "visual.positional_embedding", (patches + 1, WIDTH)
        yield "visual.proj", (WIDTH, DIM)
        yield "visual.conv1.weight", (WIDTH, 3, PATCH, PATCH)
        yield from both("visual.ln_pre", (WIDTH,))
        yield from both("visual.ln_post", (WIDTH,))
        for layer in range(LAYERS):
            yield from resblock(f"visual.transformer.resblocks.{layer}")
        return
    yield "logit_bias", ()
    yield from linear("text.text_projection", WIDTH, WIDTH)
    trunk, pool = "visual.trunk", "visual.trunk.attn_pool"
    yield f"{trunk}.pos_embed", (1, patches, WIDTH)
    yield f"{trunk}.patch_embed.proj.weight", (WIDTH, 3, PATCH, PATCH)
    yield f"{trunk}.patch_embed.proj.bias", (WIDTH,)
    for layer in range(LAYERS):
        name = f"{trunk}.blocks.{layer}"
        yield from block(name, "attn.qkv.", "attn.proj", ("norm1", "norm2"), ("fc1", "fc2"))
    yield from both(f"{trunk}.norm", (WIDTH,))
    yield f"{pool}.latent", (1, 1, WIDTH)
    yield from linear(f"{pool}.q", WIDTH, WIDTH)
    yield from linear(f"{pool}.kv", 2 * WIDTH, WIDTH)
    yield from linear(f"{pool}.proj", WIDTH, WIDTH)
    yield from both(f"{pool}.norm", (WIDTH,))
    yield from linear(f"{pool}.mlp.fc1", INNER, WIDTH)
    yield from linear(f"{pool}.mlp.fc2", WIDTH, INNER)


CONFIGS = {"clip": clip_config, "siglip": siglip_config}


def build_open_clip(kind: str, folder: Path) -> Path:
    """Write a random checkpoint of a kind, `clip` or `siglip`, and return its folder."""
    folder.mkdir()
    tokenizer = tiny_tokenizer(TOKENS) if kind == "clip" else TOKENIZERS["siglip"]()
    tokenizer.save_pretrained(folder)
    random = torch.Generator().manual_seed(0)
    tensors = {  # a norm's weights are around 1
        name: torch.empty(shape).normal_(
            float(len(shape) == 1 and name.endswith("weight")), 0.2, generator=random
        )
        for name, shape in shapes(kind, len(tokenizer))
    }
    save_file(tensors, folder / "open_clip_model.safetensors")
    config = CONFIGS[kind](len(tokenizer))
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    return folder
