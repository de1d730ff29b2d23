"""Batches, prepared ahead of the model by threads.

What a batch holds is a function of (seed, epoch, product id): the order of an epoch, the text
that is drawn, the cut of the picture. Threads only decide when it is ready. Pillow lets go of
Python's lock while it decodes and resizes, and so does the tokenizer.
"""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from encoder.processor import ImageProcessor
from encoder.tokenizer import Tokenizer
from finetune.augmentation import augmented
from finetune.errors import DataUnfit
from finetune.examples import Example, Examples
from finetune.sampling import rng_of, shuffled
from finetune.settings import Settings
from pictures.errors import PictureError
from pictures.store import PictureStore

AHEAD = 3  # batches under way: one to learn from next, two that fill while it is learnt from
SLICE = 16  # pictures a thread takes at a time, so that a batch is shared among the threads


@dataclass(frozen=True)
class Share:
    """Which part of every batch is this process's: part `index` of `count` equal ones."""

    index: int = 0
    count: int = 1

    def of(self, size: int) -> slice:
        """The rows of a batch of that size."""
        each = size // self.count
        return slice(self.index * each, (self.index + 1) * each)


@dataclass(frozen=True)
class Batch:
    """One step's products.

    Attributes:
        epoch: counted from 0.
        index: of the batch in its epoch, counted from 0.
        pixels: uint8 (n, side, side, 3), of this process's share.
        tokens: token numbers of n texts, of this process's share.
        positives: bool (b, b) over the whole batch: whose picture goes with whose text.
    """

    epoch: int
    index: int
    pixels: np.ndarray
    tokens: list[list[int]]
    positives: np.ndarray


class Batches:
    """The batches of a training.

    Args:
        examples: all products.
        train: ids of those to learn from.
        pictures: where their pictures lie.
        processor: the checkpoint's picture settings.
        tokens: the checkpoint's tokenizer.
        settings: batch, views, crop, flip and seed.
        share: which part of every batch is decoded here.
        workers: threads that decode; one less than there are cores when None.
    """

    def __init__(
        self,
        examples: Examples,
        train: Sequence[str],
        pictures: PictureStore,
        processor: ImageProcessor,
        tokens: Tokenizer,
        settings: Settings,
        share: Share = Share(),
        workers: int | None = None,
    ) -> None:
        self.examples, self.train = examples, list(train)
        self._pictures, self._processor, self._tokens = pictures, processor, tokens
        self._settings, self._share = settings, share
        self.workers = workers or max(1, (os.cpu_count() or 1) - 1)
        # The last products of an epoch that fill no batch are left for the next one, whose order
        # is another.
        self.per_epoch = len(self.train) // settings.batch

    def epoch(self, epoch: int, *, begin: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from batch `begin` on.

        Raises:
            DataUnfit: a picture cannot be read.
        """
        size = self._settings.batch
        order = shuffled(self.train, self._settings.seed, "order", epoch)
        waiting: deque[_Pending] = deque()
        with ThreadPoolExecutor(self.workers, "decode") as pool:
            try:
                for index in range(begin, self.per_epoch):
                    chosen = order[index * size : (index + 1) * size]
                    waiting.append(self._begin(pool, epoch, index, chosen))
                    if len(waiting) == AHEAD:
                        yield waiting.popleft().ready()
                while waiting:
                    yield waiting.popleft().ready()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _begin(
        self, pool: ThreadPoolExecutor, epoch: int, index: int, ids: Sequence[str]
    ) -> "_Pending":
        rows = [self.examples.row_of[name] for name in ids]
        chosen = [self.examples.rows[row] for row in rows]
        texts = [self.text(example, epoch) for example in chosen]
        positives = self.examples.positives(rows, rows) | _same(texts)
        own = self._share.of(len(rows))
        mine = chosen[own]
        side = self._processor.side
        pixels = np.empty((len(mine), side, side, 3), np.uint8)
        parts = [
            pool.submit(
                self._fill, pixels[start : start + SLICE], mine[start : start + SLICE], epoch
            )
            for start in range(0, len(mine), SLICE)
        ]
        tokens = pool.submit(self._tokens, texts[own])
        return _Pending(epoch, index, pixels, parts, tokens, positives)

    def _fill(self, pixels: np.ndarray, examples: Sequence[Example], epoch: int) -> None:
        for row, example in enumerate(examples):
            pixels[row] = self.picture(example, epoch)

    def picture(self, example: Example, epoch: int) -> np.ndarray:
        """The pixels that a product is learnt by in an epoch, uint8 (side, side, 3)."""
        try:
            image = self._pictures.open(example.picture)
        except PictureError as error:
            raise DataUnfit(
                f"The stored picture of product {example.id} cannot be read ({error}): delete "
                f"{self._pictures.path(example.picture)} and run `vitrine ingest images`."
            ) from error
        settings = self._settings
        rng = rng_of(settings.seed, "picture", epoch, example.id)
        return augmented(image, self._processor, rng, crop=settings.crop, flip=settings.flip)

    def text(self, example: Example, epoch: int) -> str:
        """The text that a product is learnt by in an epoch."""
        return rng_of(self._settings.seed, "text", epoch, example.id).choice(example.views)


@dataclass(frozen=True)
class _Pending:
    """A batch whose pictures are being decoded into `pixels`."""

    epoch: int
    index: int
    pixels: np.ndarray
    parts: Sequence[Future[None]]
    tokens: Future[list[list[int]]]
    positives: np.ndarray

    def ready(self) -> Batch:
        for part in self.parts:
            part.result()
        return Batch(self.epoch, self.index, self.pixels, self.tokens.result(), self.positives)


def _same(texts: Sequence[str]) -> np.ndarray:
    """Which texts are the same, bool (n, n): a description that two products have fits both."""
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(text, len(numbers)) for text in texts])
    return codes[:, None] == codes[None, :]
