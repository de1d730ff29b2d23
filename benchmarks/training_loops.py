"""What the training benchmark compares: Vitrine's training loop and the bare passes."""

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from peft import LoraConfig, get_peft_model
from transformers import CLIPModel

from benchmarks.generated import random_picture, random_texts
from catalog.catalogue import Catalogue
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.product import Product
from encoder.checkpoint import Checkpoint
from encoder.tokenizer import Tokenizer, text_inputs
from finetune.batches import Batches
from finetune.examples import Examples, read_examples
from finetune.loss import contrastive_loss
from finetune.model import Model
from finetune.precision import autocast, choose_attention, precision_of
from finetune.settings import Settings
from finetune.training import Training


def fill(home: Path, count: int) -> Examples:
    """Write a catalogue of generated products with pictures, and read it as training does."""
    with Catalogue(home) as catalogue:
        texts = enumerate(random_texts(count))
        products = [Product(f"{number:06d}", f"{number} {text}") for number, text in texts]
        catalogue.upsert(products)
        outcomes = []
        for number, product in enumerate(products):
            file = io.BytesIO()
            random_picture(number).save(file, "JPEG")
            digest = catalogue.pictures.add(file.getvalue())
            outcomes.append(
                PictureOutcome.stored(product, "generated", digest, picture_stamp(product))
            )
        catalogue.record_pictures(outcomes)
        return read_examples(catalogue, "title", ("title",))


class TrainingLoop:
    """One epoch of `vitrine finetune`, without validation.

    Attributes:
        memory: peak bytes of the last epoch: the device's, or the process's on a CPU.
    """

    def __init__(
        self,
        examples: Examples,
        checkpoint: Checkpoint,
        settings: Settings,
        accelerator: Accelerator,
    ) -> None:
        self.memory = 0
        self._settings, self._accelerator = settings, accelerator
        self._model = Model.load(checkpoint, settings, accelerator.device)
        ids = [example.id for example in examples.rows]
        self._batches = Batches(examples, ids, checkpoint, settings)

    def __call__(self) -> None:
        """Train for an epoch."""
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        figures = {"nDCG@10": 0.0, "Recall@10": 0.0}
        training = Training(
            self._model, self._batches, self._settings, self._accelerator, lambda: figures
        )
        self.memory = training.run().memory


def bare_passes(
    examples: Examples, checkpoint: Checkpoint, settings: Settings, device: torch.device
) -> Callable[[], None]:
    """Forward and backward of transformers' model with PEFT's adapter, on tensors in memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Any = CLIPModel.from_pretrained(checkpoint.folder, dtype=torch.float32)
        config = LoraConfig(
            r=settings.rank,
            lora_alpha=int(settings.alpha),
            lora_dropout=settings.dropout,
            target_modules=list(settings.targets),
        )
        get_peft_model(model, config)
    dtype = precision_of(settings, device)
    choose_attention(model, device, dtype)
    model.train().to(device)
    tokenizer = Tokenizer(checkpoint.folder, checkpoint.family, checkpoint.max_tokens)
    size, side = settings.batch, checkpoint.image_side
    titles = [example.title for example in examples.rows]
    batches = [
        (
            torch.randn(size, 3, side, side, device=device),
            torch.from_numpy(text_inputs(tokenizer(titles[start : start + size]))["input_ids"]).to(
                device
            ),
        )
        for start in range(0, len(titles), size)
    ]
    positives = torch.eye(size, dtype=torch.bool, device=device)

    def run() -> None:
        for pixels, numbers in batches:
            with autocast(device, dtype):
                image = model.get_image_features(pixel_values=pixels).pooler_output
                text = model.get_text_features(input_ids=numbers).pooler_output
            image, text = (
                torch.nn.functional.normalize(each.float(), dim=-1) for each in (image, text)
            )
            contrastive_loss(image, text, model.logit_scale.exp(), positives).backward()
            model.zero_grad(set_to_none=True)

    return run
