"""The forward pass of transformers' own model on batches in memory: the upper bound of speed."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoModel

from encoder.checkpoint import Checkpoint
from encoder.encoder import TOKENS_PER_PICTURE, Encoder
from encoder.model import normalize_pixels
from encoder.pipeline import prefetch
from encoder.tokenizer import Tokenizer, group_by_length, text_inputs


class BarePass:
    """A CLIP or SigLIP checkpoint in an encoder's precision and batch size.

    Attributes:
        size: images in a batch.
        order: of the batches made last, the item of each row.
    """

    def __init__(self, checkpoint: Path, encoder: Encoder) -> None:
        found = Checkpoint.in_folder(checkpoint)
        model = AutoModel.from_pretrained(found.folder, dtype=getattr(torch, encoder.precision))
        self._model: Any = model.eval().to(encoder.device)
        self._processor, self._padding = found.processor, found.family.padding
        self._tokenizer = Tokenizer(found.folder, found.family, found.max_tokens)
        self.size = encoder.batch_size
        self.order: list[int] = []

    def image_batches(self, files: Sequence[Path]) -> list[torch.Tensor]:
        """Preprocessed pictures, float tensors (n, 3, side, side) on the device."""
        self.order = list(range(len(files)))
        batches = []
        for start in range(0, len(files), self.size):
            chosen = files[start : start + self.size]
            pixels = np.stack([self._processor.pixels(Image.open(file)) for file in chosen])
            batch = normalize_pixels(torch.from_numpy(pixels), self._processor)
            batches.append(batch.to(self._model.device, self._model.dtype))
        return batches

    def text_batches(self, texts: Sequence[str]) -> list[torch.Tensor]:
        """Token numbers (n, longest) on the device, in the encoder's own batches by length."""
        tokens = self._tokenizer(texts)
        batches = list(group_by_length(tokens, TOKENS_PER_PICTURE * self.size))
        self.order = [row for batch in batches for row in batch]
        return [
            torch.from_numpy(
                text_inputs([tokens[row] for row in rows], self._padding)["input_ids"]
            ).to(self._model.device)
            for rows in batches
        ]

    def run(self, batch: torch.Tensor) -> torch.Tensor:
        """Features (n, d), not normalized, of a batch of images (float) or of texts (int)."""
        with torch.inference_mode():
            if batch.dtype.is_floating_point:
                return self._model.get_image_features(pixel_values=batch).pooler_output
            return self._model.get_text_features(input_ids=batch).pooler_output

    def run_all(self, batches: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Run batches one after the other."""
        return [self.run(batch) for batch in batches]

    def run_per_core(self, batches: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Run batches with one per core at a time, as the encoder does on a CPU."""
        runners = torch.get_num_threads() if self._model.device.type == "cpu" else 1
        return list(prefetch(batches, lambda batch: batch, self.run, runners))
