"""The demo's CLIP before training: tokenizer, image processor, model."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import CLIPConfig, CLIPModel, CLIPTextConfig, CLIPTokenizer, CLIPVisionConfig

from encoder.processor import ImageProcessor

SIDE = 96  # pixels: the smallest side at which nozzles, slots and reflections are still visible
PATCH = 16  # 36 patches a picture; 64 of 12 pixels cost twice the time
DIM = 128

# As deep as 10 MB in float16 and twenty minutes of training on two cores allow.
VISION: dict[str, Any] = {"hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3}
TEXT: dict[str, Any] = {"hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2}

TEXT_TOKENS = 80  # product texts of the shop take 45 to 79
MERGES = 1100  # all words of the training texts become one or two tokens

START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
# Pixels between -1 and 1.
PROCESSOR = ImageProcessor(shortest=SIDE, crop=(SIDE, SIDE), mean=(0.5,) * 3, std=(0.5,) * 3)


def make_tokenizer(texts: Iterable[str]) -> CLIPTokenizer:
    """CLIP's byte-level BPE, trained on `texts`; every byte stays a token."""
    blank = CLIPTokenizer().backend_tokenizer
    trained = Tokenizer(BPE(end_of_word_suffix=WORD_END))
    trained.normalizer, trained.pre_tokenizer = blank.normalizer, blank.pre_tokenizer
    letters = sorted(ByteLevel.alphabet())
    alphabet = [*letters, *(letter + WORD_END for letter in letters)]
    trained.train_from_iterator(
        texts,
        BpeTrainer(
            vocab_size=len(alphabet) + MERGES,
            initial_alphabet=letters,
            end_of_word_suffix=WORD_END,
            show_progress=False,
        ),
    )
    merges = [tuple(merge) for merge in json.loads(trained.to_str())["model"]["merges"]]
    # Without the whole alphabet, a letter that ends no training text would be an unknown token,
    # which is the end of the text.
    vocabulary = list(dict.fromkeys([*alphabet, *map("".join, merges), START, END]))
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(vocabulary)},
        merges=merges,  # type: ignore[arg-type] # annotated as text, taken as pairs
        model_max_length=TEXT_TOKENS,
    )


def make_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    """An untrained CLIP for this tokenizer, with weights from torch's generator."""
    text = CLIPTextConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=TEXT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        intermediate_size=4 * TEXT["hidden_size"],
        projection_dim=DIM,
        **TEXT,
    )
    vision = CLIPVisionConfig(
        image_size=SIDE,
        patch_size=PATCH,
        intermediate_size=4 * VISION["hidden_size"],
        projection_dim=DIM,
        **VISION,
    )
    return CLIPModel(
        CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=DIM)
    )


def save_checkpoint(model: CLIPModel, tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write a checkpoint that transformers opens; float16, since it is in the repository."""
    half = CLIPModel(model.config)
    half.load_state_dict(model.state_dict())
    half.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    processor = {
        "image_processor_type": "CLIPImageProcessor",
        "do_convert_rgb": True,
        "do_resize": True,
        "size": {"shortest_edge": SIDE},
        "resample": PROCESSOR.resample,
        "do_center_crop": True,
        "crop_size": {"height": SIDE, "width": SIDE},
        "do_rescale": True,
        "rescale_factor": PROCESSOR.scale,
        "do_normalize": True,
        "image_mean": PROCESSOR.mean,
        "image_std": PROCESSOR.std,
    }
    (folder / "preprocessor_config.json").write_text(
        json.dumps(processor, indent=2) + "\n", encoding="utf-8"
    )
