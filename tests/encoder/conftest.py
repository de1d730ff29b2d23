"""Fixtures of the encoder's tests: a loaded tiny CLIP, an adapter for it, pictures and texts."""

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from transformers import AutoTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

from encoder.encoder import Encoder
from encoder.variant import Variant
from encoder.variants import Variants


@pytest.fixture(scope="session")
def variant(tiny_clip, tmp_path_factory) -> Variant:
    return Variants(tmp_path_factory.mktemp("home")).add("tiny", tiny_clip)


@pytest.fixture(scope="session")
def encoder(variant) -> Encoder:
    """Batches of 8, so that a few dozen pictures make several."""
    return Encoder.load(variant, device="cpu", batch_size=8)


@pytest.fixture(scope="session")
def pictures() -> list[Image.Image]:
    """50 pictures of different shapes, coarse and fine."""
    random = np.random.default_rng(7)
    sizes = [(40, 40), (33, 80), (80, 33), (32, 32), (20, 25), (200, 150)]
    return [
        Image.fromarray(random.integers(0, 256, (2 + number, 3, 3), dtype=np.uint8)).resize(
            sizes[number % len(sizes)]
        )
        for number in range(50)
    ]


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """120 texts from nothing to longer than the model reads, in no order of length."""
    random = np.random.default_rng(7)
    words = ["shoe", "the", "Rouge", "à", "lèvres", "漢字", "🎉", "12,5", "men's", "<b>"]
    return [" ".join(random.choice(words, random.integers(0, 40))) for _ in range(120)]


@pytest.fixture(scope="session")
def adapter(tiny_clip, tmp_path_factory) -> Path:
    """A LoRA adapter as training leaves it: both its matrices away from zero."""
    return build_adapter(tiny_clip, tmp_path_factory.mktemp("adapter"), seed=1)


def build_adapter(base: Path, folder: Path, seed: int, **options: Any) -> Path:
    """A LoRA adapter whose trained tensors are all away from the base; `options` are PEFT's."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModel

    options = {"target_modules": ["q_proj", "v_proj"], **options}
    config = LoraConfig(r=4, lora_alpha=8, lora_dropout=0.1, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # PEFT uses an old name of transformers'
        model = get_peft_model(AutoModel.from_pretrained(base), config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.3, generator=random)
            elif weight.requires_grad:
                weight += torch.empty_like(weight).normal_(0, 0.3, generator=random)
    model.save_pretrained(folder, save_embedding_layers=False)
    return folder


@pytest.fixture
def base(tiny_clip, tmp_path):
    """A copy of the tiny checkpoint that a test may change."""
    return shutil.copytree(tiny_clip, tmp_path / "base")


@pytest.fixture
def variants(tmp_path):
    return Variants(tmp_path / "home")


def edit(file, **changes):
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def drop_weights(folder: Path, name: str) -> None:
    """Leave the weights out whose name has a part."""
    file = folder / "model.safetensors"
    weights = {key: value for key, value in load_file(file).items() if name not in key}
    save_file(weights, file, metadata={"format": "pt"})


@torch.inference_mode()
def picture_features(model, folder, pictures):
    """What transformers gives for pictures, made unit."""
    processor = CLIPImageProcessorPil.from_pretrained(folder)
    output = model.get_image_features(**processor(pictures, return_tensors="pt"))
    return torch.nn.functional.normalize(output.pooler_output, dim=-1).numpy()


@torch.inference_mode()
def text_features(model, folder, texts):
    """What transformers gives for texts, made unit."""
    tokens = AutoTokenizer.from_pretrained(folder)(
        texts, padding=True, truncation=True, return_tensors="pt"
    )
    output = model.get_text_features(**tokens)
    return torch.nn.functional.normalize(output.pooler_output, dim=-1).numpy()
