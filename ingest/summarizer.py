"""A seq2seq checkpoint that turns long product descriptions into short ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

from ingest import IngestError
from vitrine.batches import attempt, batched
from vitrine.text import fold

K = TypeVar("K")

WINDOW = 32  # batches sorted by length together: little is left to pad


@dataclass(frozen=True, slots=True)
class Recipe:
    """How summaries are made; the defaults are the reference system's.

    Attributes:
        checkpoint: hub id or folder of a seq2seq checkpoint.
        beams: beams of the search.
        longest: most tokens of a summary.
        read: most tokens of the input that are read.
        batch: inputs in a batch.
    """

    checkpoint: str = "facebook/bart-large-cnn"
    beams: int = 4
    longest: int = 256
    read: int = 1024
    batch: int = 16


@dataclass(frozen=True, slots=True)
class SummaryBatch(Generic[K]):
    """Keys with their summaries, and the keys of inputs that failed with the exception."""

    done: list[tuple[K, str]]
    failed: list[tuple[K, Exception]]


class Summarizer:
    """A loaded checkpoint; made by `Summarizer.load`."""

    def __init__(self, recipe: Recipe, model: Any, tokenizer: Any) -> None:  # noqa: ANN401
        self._recipe = recipe
        self._model = model
        self._tokenizer = tokenizer
        # T5 has relative positions and no such limit.
        positions = getattr(model.config, "max_position_embeddings", None)
        self._read = min(recipe.read, tokenizer.model_max_length, positions or recipe.read)

    @classmethod
    def load(cls, recipe: Recipe) -> Self:
        """Load a checkpoint, in bfloat16 on a GPU and float32 on a CPU.

        Raises:
            IngestError: it is neither a folder nor available from the hub.
        """
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        on_gpu = torch.cuda.is_available()
        try:
            tokenizer = AutoTokenizer.from_pretrained(recipe.checkpoint)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                recipe.checkpoint,
                use_safetensors=True,
                dtype=torch.bfloat16 if on_gpu else torch.float32,
            )
        except (OSError, ValueError) as error:
            raise IngestError(
                f"The summary checkpoint {recipe.checkpoint} is neither a folder here nor "
                "available from the model hub. Name another with --checkpoint, or leave out "
                "summaries: the other jobs work without them."
            ) from error
        return cls(recipe, model.to("cuda" if on_gpu else "cpu").eval(), tokenizer)

    def stream(self, items: Iterable[tuple[K, str]]) -> Iterator[SummaryBatch[K]]:
        """Summarise any number of inputs in bounded memory, inputs of similar length together.

        Yields:
            Batches; each key comes once, in no given order.
        """
        for window in batched(items, WINDOW * self._recipe.batch):
            # The longest first: too large a batch for a GPU's memory fails at once.
            window.sort(key=lambda item: -len(item[1]))
            for batch in batched(window, self._recipe.batch):
                done, failed = attempt(self._summarise, batch)
                yield SummaryBatch(
                    [(key, text) for (key, _), text in done],
                    [(key, error) for (key, _), error in failed],
                )

    def _summarise(self, items: list[tuple[K, str]]) -> list[str]:
        import torch

        inputs = [text for _, text in items]
        tokens = self._tokenizer(
            inputs, max_length=self._read, truncation=True, padding=True, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            made = self._model.generate(
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
                num_beams=self._recipe.beams,
                max_length=self._recipe.longest,
            )
        texts = self._tokenizer.batch_decode(made, skip_special_tokens=True)
        return list(map(fold, texts))
