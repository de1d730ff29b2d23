"""A random, very small embedder: a language model that sees, as sentence-transformers saves it."""

from pathlib import Path

import encoder  # noqa: F401  # before torch: it sets how OpenMP's threads wait

# isort: split
import torch

from tests.tiny_clip import tiny_tokenizer
from tests.tiny_models import DEVIATION

EMBEDDER_DIM, EMBEDDER_TOKENS, SIDE = 16, 64, 32
IMAGE, BEGIN, END, TURN = "<image>", "<begin-image>", "<end-image>", "<turn>"
TEMPLATE = (
    "{% for message in messages %}<turn>{{ message.role }} {% for part in message.content %}"
    "{% if part.type == 'image' %}<begin-image>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endfor %}"
)


def build_tiny_embedder(folder: Path, prompts: dict[str, str] | None = None) -> Path:
    """Write a random Gemma 3 that embeds texts and pictures to `folder`.

    Args:
        folder: made if missing.
        prompts: put before inputs, by `query` and `document`.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import (
        Gemma3Config,
        Gemma3ImageProcessorPil,
        Gemma3Model,
        Gemma3Processor,
        PreTrainedTokenizerFast,
    )

    base = tiny_tokenizer(EMBEDDER_TOKENS)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=base.backend_tokenizer,
        pad_token=base.pad_token,
        bos_token=base.bos_token,
        eos_token=base.eos_token,
        model_max_length=EMBEDDER_TOKENS,
        extra_special_tokens={"image_token": IMAGE, "boi_token": BEGIN, "eoi_token": END},
    )
    tokenizer.add_tokens([IMAGE, BEGIN, END, TURN], special_tokens=True)
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = Gemma3Config(
        text_config={
            **layers,
            "hidden_size": EMBEDDER_DIM,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 4 * EMBEDDER_TOKENS,
            "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.bos_token_id,
            "eos_token_id": tokenizer.eos_token_id,
            "use_bidirectional_attention": True,
        },
        vision_config={
            **layers,
            "model_type": "siglip_vision_model",
            "hidden_size": 16,
            "image_size": SIDE,
            "patch_size": 8,
            "vision_use_head": False,
        },
        mm_tokens_per_image=4,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE),
        boi_token_index=tokenizer.convert_tokens_to_ids(BEGIN),
        eoi_token_index=tokenizer.convert_tokens_to_ids(END),
    )
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        model = Gemma3Model(config)
        for weights in model.parameters():
            if weights.ndim >= 2:
                weights.normal_(0, DEVIATION)
    plain = folder.with_name(f"{folder.name}-plain")
    model.save_pretrained(plain)
    pictures = Gemma3ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    processor = Gemma3Processor(pictures, tokenizer, chat_template=TEMPLATE, image_seq_length=4)
    processor.save_pretrained(plain)
    parts = [Transformer(str(plain)), Pooling(EMBEDDER_DIM, pooling_mode="mean"), Normalize()]
    SentenceTransformer(modules=parts, prompts=prompts, device="cpu").save_pretrained(str(folder))
    return folder
