"""Gradients of a loss between pictures and texts, over chunks of a batch and over processes.

The loss takes all vectors of a batch at once, but the model need not: the vectors are computed,
the loss gives their gradients, and these are propagated back through the model. Where a batch is
one chunk, its graph is kept meanwhile. With a micro-batch, chunks run once without a graph and
once more with it (gradient caching, Gao et al. 2021); both runs of a chunk start from the same
seed, so dropout is the same. Each process runs its share and gathers the vectors of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)
from accelerate import Accelerator

from encoder.tokenizer import group_by_length
from finetune.batches import Batch, Share
from finetune.loss import contrastive_loss, reference_loss, sigmoid_loss
from finetune.model import Model
from finetune.precision import autocast
from finetune.sampling import seed_of
from finetune.settings import Settings

# Tokens of a chunk of texts on a CPU: short texts are sorted together and need little padding.
# As in the encoder, where it was measured: `TOKENS_PER_PICTURE` times its batch.
CPU_TOKENS = 1600


@dataclass(frozen=True)
class Chunk:
    """Some rows of the pictures or the texts.

    Attributes:
        rows: rows of this process's share.
        seed: of dropout.
        forward: computes their vectors (n, d).
    """

    rows: Sequence[int]
    seed: int
    forward: Callable[[], torch.Tensor]


class Gradients:
    """Accumulates the gradients of a batch's loss in the trainable weights.

    Args:
        model: the model.
        settings: objective, micro-batch and seed.
        accelerator: the processes.
        dtype: of matrix products; logits are float32 in any case.
        scaler: of float16's gradients; a disabled one changes nothing.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        accelerator: Accelerator,
        dtype: torch.dtype,
        scaler: torch.amp.GradScaler,
    ) -> None:
        self.model, self.settings, self.accelerator = model, settings, accelerator
        self.share = Share(accelerator.process_index, accelerator.num_processes)
        self._dtype, self._scaler = dtype, scaler

    def __call__(self, batch: Batch, step: int) -> torch.Tensor:
        """Compute one step's gradients.

        Args:
            batch: this process's share, and the positives of the whole batch.
            step: dropout is seeded with the settings' seed and this number.

        Returns:
            The loss, a scalar without a graph.
        """
        image_chunks, text_chunks = self._image_chunks(batch, step), self._text_chunks(batch, step)
        chunks = (*image_chunks, *text_chunks)
        cached = len(batch.pixels) > self.settings.chunk // self.share.count
        outputs = [self._run(chunk, graph=not cached) for chunk in chunks]
        image = self._gather(image_chunks, outputs[: len(image_chunks)])
        text = self._gather(text_chunks, outputs[len(image_chunks) :])
        with torch.enable_grad():
            loss = self._loss(image, text, batch)
        self._scaler.scale(loss).backward()
        sources = [image] * len(image_chunks) + [text] * len(text_chunks)
        own = self.share.of(len(batch.positives))
        for chunk, output, vectors in zip(chunks, outputs, sources, strict=True):
            assert vectors.grad is not None  # noqa: S101 (the loss depends on all of them)
            if cached:
                output = self._run(chunk, graph=True)
            output.backward(vectors.grad[own][list(chunk.rows)])
        self._reduce()
        return loss.detach()

    def _image_chunks(self, batch: Batch, step: int) -> list[Chunk]:
        size = max(1, self.settings.chunk // self.share.count)
        pixels = torch.from_numpy(batch.pixels)
        return [
            Chunk(
                range(start, min(start + size, len(pixels))),
                self._seed(step, "pictures", start),
                lambda start=start: self.model.image_features(pixels[start : start + size]),  # type: ignore[misc]
            )
            for start in range(0, len(pixels), size)
        ]

    def _text_chunks(self, batch: Batch, step: int) -> list[Chunk]:
        tokens = self.settings.chunk // self.share.count * self.model.checkpoint.max_tokens
        if self.model.device.type == "cpu":
            tokens = min(tokens, CPU_TOKENS)
        return [
            Chunk(
                rows,
                self._seed(step, "texts", index),
                lambda rows=rows: self.model.text_features([batch.tokens[row] for row in rows]),  # type: ignore[misc]
            )
            for index, rows in enumerate(group_by_length(batch.tokens, tokens))
        ]

    def _seed(self, step: int, side: str, index: int) -> int:
        return seed_of(self.settings.seed, "dropout", step, self.share.index, side, index)

    def _run(self, chunk: Chunk, *, graph: bool) -> torch.Tensor:
        """The unit vectors of a chunk, float32."""
        torch.manual_seed(chunk.seed)
        with torch.set_grad_enabled(graph):
            with autocast(self.model.device, self._dtype):
                vectors = chunk.forward()
            return F.normalize(vectors.float(), dim=-1)

    def _gather(self, chunks: Sequence[Chunk], outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The vectors of all processes in the batch's order, a leaf that receives gradients."""
        rows = torch.tensor([row for chunk in chunks for row in chunk.rows])
        own = torch.empty(len(rows), outputs[0].shape[1], device=outputs[0].device)
        own[rows.to(own.device)] = torch.cat([output.detach() for output in outputs])
        return self.accelerator.gather(own).detach().requires_grad_()

    def _loss(self, image: torch.Tensor, text: torch.Tensor, batch: Batch) -> torch.Tensor:
        model, objective = self.model, self.settings.objective
        if objective == "reference":
            return reference_loss(image, text)
        positives, ignored = (
            torch.from_numpy(mask).to(image.device) for mask in (batch.positives, batch.ignored)
        )
        if objective == "family":
            objective = model.checkpoint.family.loss
        if objective == "contrastive":
            return contrastive_loss(image, text, model.scale, positives, ignored)
        assert model.bias is not None  # noqa: S101 (checked when the model is loaded)
        return sigmoid_loss(image, text, model.scale, model.bias, positives, ignored)

    def _reduce(self) -> None:
        """Sum the gradients of the processes' shares."""
        if self.share.count == 1:
            return
        for weight in self.model.shared:
            if weight.grad is not None:
                weight.grad /= self.share.count
        grads = [weight.grad for weight in self.model.trained.values() if weight.grad is not None]
        flat = self.accelerator.reduce(torch.cat([grad.flatten() for grad in grads]), "sum")
        for grad, part in zip(grads, flat.split([grad.numel() for grad in grads]), strict=True):
            grad.copy_(part.view_as(grad))
