"""The ways that the training benchmark compares: the loop, the bare passes, the reference's way."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from PIL import Image
from transformers import AutoTokenizer, CLIPImageProcessorPil, CLIPModel

from benchmarks.encode import random_texts
from catalog.catalogue import Catalogue
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.product import Product
from encoder.checkpoint import Checkpoint
from encoder.tokenizer import Tokenizer, pad
from finetune.batches import Batches
from finetune.examples import read_examples
from finetune.loss import contrastive_loss
from finetune.model import Model
from finetune.precision import autocast, choose_attention, precision_of
from finetune.settings import Settings
from finetune.training import Training

# Shortest side of the pictures that shops show: Amazon's large ones are 500 to 1,500 pixels.
ORIGINAL_SIDE = 800


class Shelf:
    """Made-up products: a catalogue with a picture store, and the large originals beside it."""

    def __init__(self, folder: Path, count: int) -> None:
        self.home, self.originals = folder / "home", folder / "originals"
        self.originals.mkdir(parents=True)
        texts = [f"{number} {text}" for number, text in enumerate(random_texts(count))]
        with Catalogue(self.home) as catalogue:
            products = [Product(f"{number:06d}", text) for number, text in enumerate(texts)]
            catalogue.upsert(products)
            catalogue.record_pictures(
                PictureOutcome.stored(
                    product, "made", catalogue.pictures.add(self._draw(at)), picture_stamp(product)
                )
                for at, product in enumerate(products)
            )
            self.examples = read_examples(catalogue, "title", ("title",))

    def _draw(self, number: int) -> bytes:
        random = np.random.default_rng(number)
        coarse = Image.fromarray(random.integers(0, 256, (16, 12, 3), dtype=np.uint8))
        large = coarse.resize((ORIGINAL_SIDE, ORIGINAL_SIDE * 4 // 3), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        large.save(file, "JPEG", quality=90)
        (self.originals / f"{number:06d}.jpg").write_bytes(file.getvalue())
        return file.getvalue()


class Loop:
    """The whole loop over one epoch; judging is left out, as nothing is learnt by it.

    Attributes:
        memory: most bytes of a run: the device's, or the process's on a CPU.
    """

    def __init__(
        self,
        shelf: Shelf,
        checkpoint: Checkpoint,
        settings: Settings,
        accelerator: Accelerator,
    ) -> None:
        self.memory = 0
        self._settings, self._accelerator = settings, accelerator
        self._model = Model.load(checkpoint, settings, accelerator.device)
        self._batches = Batches(
            shelf.examples,
            [example.id for example in shelf.examples.rows],
            Catalogue(shelf.home, create=False).pictures,
            checkpoint.processor,
            Tokenizer(checkpoint.folder, checkpoint.max_tokens),
            settings,
        )

    def __call__(self) -> None:
        """Run an epoch."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        figures = {"nDCG@10": 0.0, "Recall@10": 0.0}
        training = Training(
            self._model, self._batches, self._settings, self._accelerator, lambda: figures
        )
        self.memory = training.run().memory


def bare(
    shelf: Shelf,
    checkpoint: Checkpoint,
    settings: Settings,
    device: torch.device,
) -> Callable[[], object]:
    """Forward and backward as transformers and PEFT have them, on tensors that lie ready."""
    model, autocast = _plain_model(checkpoint, settings, device)
    tokens = Tokenizer(checkpoint.folder, checkpoint.max_tokens)
    side, right = checkpoint.image_side, torch.eye(settings.batch, dtype=torch.bool, device=device)
    batches = [
        (
            torch.randn(settings.batch, 3, side, side, device=device),
            torch.from_numpy(pad(tokens([example.title for example in chosen]))).to(device),
        )
        for chosen in _batched(shelf.examples.rows, settings.batch)
    ]

    def run() -> None:
        for pixels, numbers in batches:
            with autocast():
                image = model.get_image_features(pixel_values=pixels).pooler_output
                text = model.get_text_features(input_ids=numbers).pooler_output
            image, text = (
                torch.nn.functional.normalize(each.float(), dim=-1) for each in (image, text)
            )
            contrastive_loss(image, text, model.logit_scale.exp(), right).backward()
            model.zero_grad(set_to_none=True)

    return run


def theirs(
    shelf: Shelf,
    checkpoint: Checkpoint,
    settings: Settings,
    device: torch.device,
) -> Callable[[], object]:
    """Open the original, shrink it, process it, step; one after the other. Without the download."""
    model, autocast = _plain_model(checkpoint, settings, device)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint.folder)
    processor = CLIPImageProcessorPil.from_pretrained(checkpoint.folder)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=settings.learning_rate)

    def run() -> None:
        for chosen in _batched(shelf.examples.rows, settings.batch):
            pictures = [
                Image.open(shelf.originals / f"{example.id}.jpg").convert("RGB").resize((224, 224))
                for example in chosen
            ]
            pixels = processor(pictures, return_tensors="pt")["pixel_values"].to(device)
            numbers = tokenizer(
                [example.title for example in chosen],
                padding=True,
                truncation=True,
                max_length=checkpoint.max_tokens,
                return_tensors="pt",
            ).to(device)
            with autocast():
                image = model.get_image_features(pixel_values=pixels).pooler_output
                text = model.get_text_features(**numbers).pooler_output
                logits = image @ text.T
                loss = torch.nn.functional.cross_entropy(
                    logits.float(), torch.arange(len(chosen), device=device)
                )
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()

    return run


def _plain_model(
    checkpoint: Checkpoint,
    settings: Settings,
    device: torch.device,
) -> tuple[Any, Callable[[], AbstractContextManager[object]]]:
    """The base with an adapter as PEFT makes it, in training, and its precision."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=int(settings.alpha),
            lora_dropout=settings.dropout,
            target_modules=list(settings.targets),
        )
        model: Any = CLIPModel.from_pretrained(checkpoint.folder)
        get_peft_model(model, config)
    dtype = precision_of(settings, device)
    choose_attention(model, device, dtype)
    return model.train().to(device), partial(autocast, device, dtype)


def _batched(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
