"""Gradients of a loss that looks at the whole batch, over chunks of it and over processes.

The loss needs every vector at once, but the towers do not: vectors are worked out, their
gradients taken from the loss, and these carried back through the towers. Where memory allows one
chunk, its graph is kept meanwhile. Where it does not, chunks are run once without a graph and
once more with it (Gao et al. 2021, gradient caching); each run of a chunk starts from the same
seed, so dropout falls on the same places. Processes each run their own share, and gather.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own habit)
from accelerate import Accelerator

from encoder.tokenizer import group_by_length
from finetune.batches import Batch, Share
from finetune.loss import contrastive_loss, reference_loss
from finetune.model import Model, pixels_of
from finetune.sampling import seed_of
from finetune.settings import Settings

# Tokens of a chunk of text on a CPU, where short texts go together and hardly any padding is
# computed; measured for the encoder (`encoder.encoder.TOKENS_PER_PICTURE` times its batch).
CPU_TOKENS = 1600


@dataclass(frozen=True)
class Chunk:
    """Some rows of one tower's inputs.

    Attributes:
        rows: which rows of this process's share these are.
        seed: of dropout.
        forward: gives their vectors (n, d).
    """

    rows: Sequence[int]
    seed: int
    forward: Callable[[], torch.Tensor]


class Gradients:
    """Puts the gradients of a batch's loss on what is trained.

    Args:
        model: what is trained.
        settings: objective, micro-batch and seed.
        accelerator: the processes.
        autocast: gives the precision of the towers; logits are float32 in any case.
        scaler: of float16's gradients; one that is not enabled changes nothing.
    """

    def __init__(
        self,
        model: Model,
        settings: Settings,
        accelerator: Accelerator,
        autocast: Callable[[], AbstractContextManager[object]],
        scaler: torch.amp.GradScaler,
    ) -> None:
        self.model, self.settings, self.accelerator = model, settings, accelerator
        self.share = Share(accelerator.process_index, accelerator.num_processes)
        self._autocast, self._scaler = autocast, scaler

    def __call__(self, batch: Batch, step: int) -> torch.Tensor:
        """Work out one step's gradients.

        Args:
            batch: this process's share of it, and who belongs to whom in all of it.
            step: dropout is drawn from the seed and this number.

        Returns:
            The loss, a scalar without a graph.
        """
        pictures, texts = self._pictures(batch, step), self._texts(batch, step)
        cached = len(batch.pixels) > self.settings.chunk // self.share.count
        outputs = [self._run(chunk, graph=not cached) for chunk in (*pictures, *texts)]
        image = self._gathered(pictures, outputs[: len(pictures)])
        text = self._gathered(texts, outputs[len(pictures) :])
        with torch.enable_grad():
            loss = self._loss(image, text, batch)
        self._scaler.scale(loss).backward()
        whole = [image] * len(pictures) + [text] * len(texts)
        own = self.share.of(len(batch.positives))
        for chunk, output, vectors in zip((*pictures, *texts), outputs, whole, strict=True):
            assert vectors.grad is not None  # noqa: S101 (the loss looks at all of them)
            if cached:
                output = self._run(chunk, graph=True)
            output.backward(vectors.grad[own][list(chunk.rows)])
        self._reduce()
        return loss.detach()

    def _pictures(self, batch: Batch, step: int) -> list[Chunk]:
        size = max(1, self.settings.chunk // self.share.count)
        pixels = pixels_of(batch.pixels)
        return [
            Chunk(
                range(start, min(start + size, len(pixels))),
                self._seed(step, "pictures", start),
                lambda start=start: self.model.pictures(pixels[start : start + size]),  # type: ignore[misc]
            )
            for start in range(0, len(pixels), size)
        ]

    def _texts(self, batch: Batch, step: int) -> list[Chunk]:
        most = self.settings.chunk // self.share.count * self.model.checkpoint.max_tokens
        if self.model.device.type == "cpu":
            most = min(most, CPU_TOKENS)
        return [
            Chunk(
                rows,
                self._seed(step, "texts", place),
                lambda rows=rows: self.model.texts([batch.tokens[row] for row in rows]),  # type: ignore[misc]
            )
            for place, rows in enumerate(group_by_length(batch.tokens, most))
        ]

    def _seed(self, step: int, tower: str, place: int) -> int:
        return seed_of(self.settings.seed, "dropout", step, self.share.index, tower, place)

    def _run(self, chunk: Chunk, *, graph: bool) -> torch.Tensor:
        """The unit vectors of a chunk, float32."""
        torch.manual_seed(chunk.seed)
        with torch.set_grad_enabled(graph), self._autocast():
            vectors = chunk.forward()
        with torch.set_grad_enabled(graph):
            return F.normalize(vectors.float(), dim=-1)

    def _gathered(self, chunks: Sequence[Chunk], outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """The vectors of all processes in the order of the batch, a leaf to take gradients at."""
        rows = torch.tensor([row for chunk in chunks for row in chunk.rows])
        own = torch.empty(len(rows), outputs[0].shape[1], device=outputs[0].device)
        own[rows.to(own.device)] = torch.cat([output.detach() for output in outputs])
        return self.accelerator.gather(own).detach().requires_grad_()

    def _loss(self, image: torch.Tensor, text: torch.Tensor, batch: Batch) -> torch.Tensor:
        if self.settings.objective == "reference":
            return reference_loss(image, text)
        positives = torch.from_numpy(batch.positives).to(image.device)
        return contrastive_loss(image, text, self.model.scale, positives)

    def _reduce(self) -> None:
        """Sum over processes what each found for its share."""
        if self.share.count == 1:
            return
        scale = self.model.clip.logit_scale.grad
        if scale is not None:
            scale /= self.share.count  # each process found all of it
        found = [weight.grad for weight in self.model.trained.values() if weight.grad is not None]
        flat = self.accelerator.reduce(torch.cat([each.flatten() for each in found]), "sum")
        for each, part in zip(found, flat.split([each.numel() for each in found]), strict=True):
            each.copy_(part.view_as(each))
