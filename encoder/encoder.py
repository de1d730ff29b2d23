"""The encoder: one variant, loaded; texts and images in, unit vectors out."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any, Generic, Self, TypeVar

import numpy as np
from PIL import Image

from encoder.embedder import Embedder
from encoder.loader import Tokenize, load_runtime
from encoder.pipeline import prefetch
from encoder.runtimes.runtime import Precision, Runtime
from encoder.runtimes.text_encoders import load_text_encoder
from encoder.text_encoder import TextEncoder
from encoder.tokenizer import group_by_length
from encoder.variant import Variant
from encoder.vectors import normalize
from vitrine.batches import attempt, batched

K = TypeVar("K")
Batch = TypeVar("Batch")
Content = TypeVar("Content")
Prepared = TypeVar("Prepared")
Result = TypeVar("Result")

# Pictures in a batch. A core does 16 as fast as 32 with ViT-B/32, and 12 % faster with small
# models, whose states then stay in its cache; a GPU is idle part of the time below some hundreds.
CPU_BATCH, GPU_BATCH = 16, 256

# Tokens of text in a batch, for each picture in one: 1,600 on a CPU, where text is fastest.
TOKENS_PER_PICTURE = 100

# Batches of text that are sorted by length together: enough to leave hardly any padding.
WINDOW = 64


@dataclass(frozen=True)
class ImageBatch(Generic[K]):
    """Vectors of some images, and the errors of the others.

    Attributes:
        keys: of the pictures that were encoded, in the order given.
        vectors: float32 unit (len(keys), d).
        failed: keys whose picture could not be opened or encoded, with the reason.
    """

    keys: list[K]
    vectors: np.ndarray
    failed: list[tuple[K, Exception]]


@dataclass(frozen=True)
class TextBatch(Generic[K]):
    """Vectors of some texts, and the errors of the others.

    Attributes:
        keys: of the texts that were encoded.
        vectors: float32 unit (len(keys), d).
        failed: keys whose text could not be encoded, with the reason.
    """

    keys: list[K]
    vectors: np.ndarray
    failed: list[tuple[K, Exception]]


class Encoder:
    """One variant, ready to run; made by `Encoder.load`; safe to use from several threads.

    Attributes:
        variant: the variant.
        dim: length of its vectors.
        batch_size: pictures in a batch.
        precision: "float32", "bfloat16" or "int8", whichever it runs in.
        device: "cpu", "cuda", …
    """

    def __init__(
        self,
        variant: Variant,
        model: Runtime,
        tokenizer: Tokenize,
        batch_size: int,
        precision: Precision = "auto",
    ) -> None:
        self.variant, self.dim, self.batch_size = variant, variant.dim, batch_size
        self.precision, self.device = model.precision, model.device_name
        self._model, self._processor = model, model.processor
        self._tokenizer, self._wanted = tokenizer, precision
        # An embedder makes the `text` vectors too, with a prompt of their own.
        self._text_encoder: TextEncoder | None = None
        if isinstance(model, Embedder) and not variant.manifest.text_model:
            self._text_encoder = model
        self._loading = threading.Lock()

    @classmethod
    def load(
        cls,
        variant: Variant,
        *,
        precision: Precision = "auto",
        device: str | None = None,
        batch_size: int | None = None,
    ) -> Self:
        """Load a variant, after checking that its files still match its fingerprint.

        Args:
            variant: which.
            precision: "auto" is that of the converted model, where `vitrine ingest vectors` made
                one for this machine; else float32 on a CPU, and on a GPU bfloat16 where a probe
                batch keeps a cosine of 0.999 to float32.
            device: torch's name of it; when None, CUDA where there is one, else the CPU.
            batch_size: pictures in a batch; 16 on a CPU, 256 on a GPU when None.

        Raises:
            EncoderError: the base or the adapter is missing, has changed, or does not fit; there
                is no such device; the precision is unknown, was named and changes the vectors, or
                is int8 and there is no such model; or torch is needed and is not installed.
        """
        model, tokenizer = load_runtime(variant, precision, device)
        usual = CPU_BATCH if model.device_name == "cpu" else GPU_BATCH
        return cls(variant, model, tokenizer, batch_size or usual, precision)

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Encode texts to compare with pictures; what is longer than the model reads is cut.

        Args:
            texts: n texts, in any order and of any length; an empty one has a vector too.

        Returns:
            float32 unit vectors (n, d) in the order of `texts`.
        """
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        for batch in self.stream_texts(enumerate(texts)):
            if batch.failed:
                raise batch.failed[0][1]
            vectors[batch.keys] = batch.vectors
        return vectors

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        """Encode query texts to compare with `text` vectors: by the text model where there is one.

        Returns:
            float32 unit vectors (n, `variant.text_dim`) in the order of `texts`.
        """
        words = self.text_encoder
        return words.encode_queries(texts) if words else self.encode_texts(texts)

    def stream_documents(self, items: Iterable[tuple[K, str]]) -> Iterator[TextBatch[K]]:
        """Encode product texts for their `text` vectors, as `stream_texts` does.

        By the text model where there is one.
        """
        words = self.text_encoder
        if words is None:
            yield from self.stream_texts(items)
            return
        for keys, vectors, failed in words.stream_documents(items):
            yield TextBatch(keys, vectors, failed)

    @property
    def text_encoder(self) -> TextEncoder | None:
        """The model of the `text` vectors, loaded once; None where the dual encoder makes them.

        Raises:
            EncoderError: it is missing, has changed, or cannot be loaded.
        """
        with self._loading:
            if self._text_encoder is None:
                self._text_encoder = load_text_encoder(self.variant, self._wanted, self.device)
            return self._text_encoder

    def encode_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        """Encode pictures.

        Args:
            images: n pictures, as `pictures.store.decode` gives them.

        Returns:
            float32 unit vectors (n, d) in the order of `images`.

        Raises:
            OSError: a picture not yet decoded turns out to be broken.
        """
        vectors = np.empty((len(images), self.dim), dtype=np.float32)
        for batch in self.stream_images(range(len(images)), images.__getitem__):
            if batch.failed:
                raise batch.failed[0][1]
            vectors[batch.keys] = batch.vectors
        return vectors

    def stream_images(
        self, keys: Iterable[K], open_picture: Callable[[K], Image.Image]
    ) -> Iterator[ImageBatch[K]]:
        """Encode any number of pictures in bounded memory, prefetching them while the model runs.

        Args:
            keys: arguments of `open_picture`; taken in the caller's thread.
            open_picture: called in other threads. Whatever it raises is recorded for that key,
                and the others go on.

        Yields:
            Batches in the order of `keys`; each key is in `keys` or in `failed` of one of them.
        """

        def prepare(batch: list[K]) -> _Opened[K]:
            opened = _Opened[K]([], [], [])
            for key in batch:
                try:
                    opened.pixels.append(self._processor.pixels(open_picture(key)))
                    opened.keys.append(key)
                except Exception as error:  # noqa: BLE001 (the caller's, recorded for the key)
                    opened.failed.append((key, error))
            return opened

        def run(model: Runtime, opened: _Opened[K]) -> ImageBatch[K]:
            keys, vectors, failed = self._encode(
                list(zip(opened.keys, opened.pixels, strict=True)),
                lambda pixels: model.image_features(self._processor.batch(pixels)),
            )
            return ImageBatch(keys, vectors, opened.failed + failed)

        yield from self._work(batched(keys, self.batch_size), prepare, run)

    def stream_texts(self, items: Iterable[tuple[K, str]]) -> Iterator[TextBatch[K]]:
        """Encode any number of texts in bounded memory, texts of similar length together.

        Args:
            items: keys and texts; taken in the caller's thread, a window at a time.

        Yields:
            Batches in which each key comes once, in `keys` or in `failed`, though not in the order
            of `items`.
        """
        failed: list[tuple[K, Exception]] = []  # in the tokenizer

        def tokenize(window: list[tuple[K, str]]) -> Sequence[Sized]:
            return self._tokenizer([text for _, text in window])

        def batches() -> Iterator[list[tuple[K, Sized]]]:
            for window in batched(items, WINDOW * self.batch_size):
                done, refused = attempt(tokenize, window)
                failed.extend((key, error) for (key, _), error in refused)
                tokens = [row for _, row in done]
                for rows in group_by_length(tokens, TOKENS_PER_PICTURE * self.batch_size):
                    yield [(done[row][0][0], tokens[row]) for row in rows]

        def run(model: Runtime, batch: list[tuple[K, Sized]]) -> TextBatch[K]:
            return TextBatch(*self._encode(batch, model.text_features))

        yield from self._work(batches(), lambda batch: batch, run)
        if failed:
            yield TextBatch([], np.empty((0, self.dim), dtype=np.float32), failed)

    def _encode(
        self, batch: list[tuple[K, Content]], features: Callable[[list[Content]], np.ndarray]
    ) -> tuple[list[K], np.ndarray, list[tuple[K, Exception]]]:
        """Keys, unit vectors, and the items that the model failed on, one by one."""
        if not batch:
            return [], np.empty((0, self.dim), dtype=np.float32), []

        def encode(items: list[tuple[K, Content]]) -> np.ndarray:
            return normalize(features([content for _, content in items]))

        done, failed = attempt(encode, batch)
        vectors = [vector for _, vector in done] or np.empty((0, self.dim))
        return (
            [key for (key, _), _ in done],
            np.array(vectors, dtype=np.float32),
            [(key, error) for (key, _), error in failed],
        )

    def _work(
        self,
        batches: Iterator[Batch],
        prepare: Callable[[Batch], Prepared],
        run: Callable[[Runtime, Prepared], Result],
    ) -> Iterator[Result]:
        """Run a single batch in this thread with all of the model's threads; several in a pool."""
        first = list(islice(batches, 2))
        if len(first) < 2:
            yield from (run(self._model, prepare(batch)) for batch in first)
        else:
            run_one = partial(run, self._model.for_batches())
            yield from prefetch(chain(first, batches), prepare, run_one, self._model.runners)


@dataclass(frozen=True)
class _Opened(Generic[K]):
    """A prefetched batch: pixels of the images that could be opened, errors of the others."""

    keys: list[K]
    pixels: list[Any]
    failed: list[tuple[K, Exception]]
