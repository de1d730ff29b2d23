"""Random, very small checkpoints of every model family, in the form of those on the hub."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import encoder  # noqa: F401  # before torch: it sets how OpenMP's threads wait

# isort: split
import torch
import transformers
from transformers import BertTokenizer, GemmaTokenizer, PreTrainedTokenizerBase, XLMRobertaTokenizer

from tests.tiny_clip import MEAN, STD, tiny_tokenizer

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789,.'-"
PIECES = ["th", "sh", "er", "in", "re", "an"]
HIDDEN, DIM, TOKENS, TEXT_DIM = 32, 16, 24, 12

# Of all matrices, so that different inputs have clearly different vectors.
DEVIATION = 0.2


def build_tiny_model(model_type: str, folder: Path, *, seed: int = 0, side: int = 32) -> Path:
    """Write a random checkpoint of a model family to `folder` and return the folder.

    Args:
        model_type: as in config.json.
        folder: made if missing.
        seed: of the weights.
        side: of the square picture it takes, pixels.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = TOKENIZERS[model_type]()
    config = transformers.CONFIG_MAPPING[model_type](**_settings(model_type, tokenizer, side))
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = transformers.AutoModel.from_config(config)
        for weights in model.parameters():
            if weights.ndim >= 2:
                weights.normal_(0, DEVIATION)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        json.dumps(_picture_settings(model_type, side), indent=2), encoding="utf-8"
    )
    return folder


def _settings(model_type: str, tokenizer: PreTrainedTokenizerBase, side: int) -> dict[str, Any]:
    encoders = {
        "hidden_size": HIDDEN,
        "intermediate_size": 2 * HIDDEN,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    text = {
        **encoders,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": TOKENS,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    vision = {**encoders, "image_size": side, "patch_size": 8}
    if model_type == "siglip":  # its files state no dimension
        return {"text_config": text, "vision_config": vision}
    if model_type == "altclip":
        text |= {"project_dim": HIDDEN + 8, "max_position_embeddings": TOKENS + 2}
    return {"text_config": text, "vision_config": vision, "projection_dim": DIM}


def _picture_settings(model_type: str, side: int) -> dict[str, Any]:
    square = {"height": side, "width": side}
    if model_type == "siglip":
        return {"image_processor_type": "SiglipImageProcessor", "size": square}
    if model_type == "chinese_clip":
        return {
            "feature_extractor_type": "ChineseCLIPFeatureExtractor",
            "size": square,
            "do_center_crop": False,
            "image_mean": MEAN,
            "image_std": STD,
        }
    return {
        "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": side},
        "crop_size": square,
    }


def _xlm_roberta() -> PreTrainedTokenizerBase:
    """Pieces of words with scores, as sentencepiece has them."""
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    pieces = ["▁", *LETTERS, *PIECES, *(f"▁{piece}" for piece in PIECES)]
    scored: Any = [
        *((word, 0.0) for word in special),
        *((piece, -float(number)) for number, piece in enumerate(pieces, 1)),
        ("<mask>", 0.0),
    ]
    return XLMRobertaTokenizer(vocab=scored, model_max_length=TOKENS)


def _bert() -> PreTrainedTokenizerBase:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS), *PIECES, *"漢字红色"]
    return BertTokenizer(
        vocab={word: number for number, word in enumerate(words)}, model_max_length=TOKENS
    )


def _gemma() -> PreTrainedTokenizerBase:
    """As SigLIP 2's checkpoints have it: a class that does not clean texts, and no start token."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    words = [*special, *bytes_, "▁", *LETTERS, *PIECES]
    return GemmaTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[tuple(piece) for piece in PIECES],
        model_max_length=TOKENS,
        add_bos_token=False,
        add_eos_token=True,
        padding_side="right",
    )


TOKENIZERS: dict[str, Callable[[], PreTrainedTokenizerBase]] = {
    "clip": lambda: tiny_tokenizer(TOKENS),
    "metaclip_2": _xlm_roberta,
    "siglip": _gemma,
    "altclip": _xlm_roberta,
    "chinese_clip": _bert,
}


def build_tiny_text_model(
    folder: Path, *, seed: int = 0, prompts: dict[str, str] | None = None
) -> Path:
    """Write a random SentenceTransformer text model, vectors of TEXT_DIM numbers, to `folder`.

    Args:
        folder: made if missing.
        seed: of the weights.
        prompts: put before texts, by `query` and `document`.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel

    tokenizer = _bert()
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_DIM,
        intermediate_size=2 * TEXT_DIM,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model = BertModel(config)
        for weights in model.parameters():
            if weights.ndim >= 2:
                weights.normal_(0, DEVIATION)
    plain = folder.with_name(f"{folder.name}-plain")
    model.save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    transformer = Transformer(str(plain), max_seq_length=TOKENS)
    parts = [transformer, Pooling(TEXT_DIM), Normalize()]
    SentenceTransformer(modules=parts, prompts=prompts, device="cpu").save_pretrained(str(folder))
    return folder
