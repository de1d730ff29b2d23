"""Batches, prepared by threads while the model trains on earlier ones.

The content of a batch is a function of (seed, epoch, product id): order, text and crop. Threads
decide only when it is ready. Pillow and the tokenizer release the interpreter's lock.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from encoder.checkpoint import Checkpoint
from finetune.augmentation import augment
from finetune.examples import Example, Examples
from finetune.pairs import SplitPairs
from finetune.sampling import rng_of, shuffled
from finetune.settings import Settings

PREFETCH = 3  # batches in preparation: the next one, and two behind it
SLICE = 16  # pictures of a thread's task, so that several threads share a batch


@dataclass(frozen=True)
class Share:
    """The part of every batch that this process computes: part `index` of `count` equal ones."""

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
        index: of the batch in its epoch, counted from 0.
        pixels: uint8 (n, side, side, 3), of this process's share.
        tokens: token ids of n texts, of this process's share.
        positives: bool (b, b) over the whole batch: [i, j] says that text j is right for image i.
        ignored: bool (b, b): [i, j] says that text j is neither right nor wrong for image i.
    """

    index: int
    pixels: np.ndarray
    tokens: list[list[int]]
    positives: np.ndarray
    ignored: np.ndarray


class Batches:
    """The batches of a training.

    Args:
        examples: all products.
        train: ids of the training products.
        checkpoint: the base, for its image processor and its tokenizer.
        settings: batch, views, crop, flip, mix and seed.
        share: the part of every batch that is decoded here.
        workers: decoding threads; one less than the cores when None.
        mixed: ids of products of other categories, of which each epoch has others.
        pairs: queries that are training texts, too; None: none.
    """

    def __init__(
        self,
        examples: Examples,
        train: Sequence[str],
        checkpoint: Checkpoint,
        settings: Settings,
        share: Share = Share(),
        workers: int | None = None,
        mixed: Sequence[str] = (),
        pairs: SplitPairs | None = None,
    ) -> None:
        self.examples, self.train, self._mixed = examples, list(train), list(mixed)
        self._pairs = pairs
        self._processor = checkpoint.processor
        self._tokenizer = checkpoint.tokenizer()
        self._settings, self._share = settings, share
        self.workers = workers or max(1, (os.cpu_count() or 1) - 1)
        share_of_mixed = settings.mix / (1 - settings.mix)
        self._mixed_per_epoch = min(round(len(self.train) * share_of_mixed), len(self._mixed))
        # An incomplete last batch is dropped; the next epoch has another order.
        self.per_epoch = (len(self.train) + self._mixed_per_epoch) // settings.batch

    def epoch(self, epoch: int, *, begin: int = 0) -> Iterator[Batch]:
        """The batches of an epoch, from batch `begin` on.

        Raises:
            FinetuneError: a picture cannot be read.
        """
        size = self._settings.batch
        seed = self._settings.seed
        mixed = shuffled(self._mixed, seed, "mixed", epoch)[: self._mixed_per_epoch]
        order = shuffled([*self.train, *mixed], seed, "order", epoch)
        pending: deque[Callable[[], Batch]] = deque()
        with ThreadPoolExecutor(self.workers, "decode") as pool:
            try:
                for index in range(begin, self.per_epoch):
                    ids = order[index * size : (index + 1) * size]
                    pending.append(self._submit(pool, epoch, index, ids))
                    if len(pending) == PREFETCH:
                        yield pending.popleft()()
                while pending:
                    yield pending.popleft()()
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def _submit(
        self, pool: ThreadPoolExecutor, epoch: int, index: int, ids: Sequence[str]
    ) -> Callable[[], Batch]:
        """Start preparing a batch; the function returned waits for it."""
        rows = [self.examples.row_of[name] for name in ids]
        texts = [self.text(self.examples.rows[row], epoch) for row in rows]
        positives = self.examples.positives(rows) | _equal(texts)
        if self._pairs:
            positives |= self._pairs.positives(ids, texts)
        ignored = self.examples.siblings(rows) & ~positives
        share = self._share.of(len(rows))
        mine = [self.examples.rows[row] for row in rows[share]]
        tokens = pool.submit(self._tokenizer, texts[share])
        pixels = [
            pool.submit(self._pixels_of, mine[start : start + SLICE], epoch)
            for start in range(0, len(mine), SLICE)
        ]

        def result() -> Batch:
            decoded = np.concatenate([each.result() for each in pixels])
            return Batch(index, decoded, tokens.result(), positives, ignored)

        return result

    def _pixels_of(self, examples: Sequence[Example], epoch: int) -> np.ndarray:
        return np.stack([self.picture(example, epoch) for example in examples])

    def picture(self, example: Example, epoch: int) -> np.ndarray:
        """A product's augmented picture in an epoch, uint8 (side, side, 3)."""
        settings = self._settings
        rng = rng_of(settings.seed, "picture", epoch, example.id)
        image = self.examples.open(example)
        return augment(image, self._processor, rng, crop=settings.crop, flip=settings.flip)

    def text(self, example: Example, epoch: int) -> str:
        """A product's training text in an epoch: a view of it, or a query that it fits."""
        seed = self._settings.seed
        queries = self._pairs.queries_of.get(example.id) if self._pairs else None
        if queries:
            rng = rng_of(seed, "pair", epoch, example.id)
            if rng.random() < self._settings.pair_share:
                return rng.choice(queries)
        return rng_of(seed, "text", epoch, example.id).choice(example.views)


def _equal(texts: Sequence[str]) -> np.ndarray:
    """Which texts are equal, bool (n, n): a text that two products share is right for both."""
    numbers: dict[str, int] = {}
    codes = np.array([numbers.setdefault(text, len(numbers)) for text in texts])
    return codes[:, None] == codes[None, :]
