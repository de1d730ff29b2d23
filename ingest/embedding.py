"""From catalogue entries to vectors in vector files: only what is not there yet."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
from PIL.Image import Image

from catalog.catalogue import Catalogue, Entry
from encoder.variant import Variant
from ingest.job import record_unexpected
from ingest.kept_vectors import KeptVectors
from pictures.errors import PictureError
from qdrant.vector_files import Key, VectorFiles, vector_key
from vitrine.batches import batched
from vitrine.progress import progress_bar

if TYPE_CHECKING:
    from encoder.encoder import Encoder  # imports torch

WINDOW = 512  # entries looked up together: few calls, and a few megabytes at the most

Keyed = tuple[Key, str]  # a vector's key, and the text or the hash of the picture it is made of


@dataclass(frozen=True, slots=True)
class Input:
    """What a product is embedded from under a variant.

    Attributes:
        entry: the product, its picture and its summary.
        text: the product text.
        text_key: the key of the text's vector.
        image_key: the key of the picture's vector; None without a picture.
    """

    entry: Entry
    text: str
    text_key: Key
    image_key: Key | None


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a product's vectors; `image` is None without a picture."""

    id: str
    text: Key
    image: Key | None


def inputs(catalogue: Catalogue, variant: Variant) -> Iterator[list[Input]]:
    """What every product is embedded from, ascending by id, some hundreds at a time."""
    for window in batched(catalogue.entries(), WINDOW):
        yield [input_of(entry, variant) for entry in window]


def keys(catalogue: Catalogue, variant: Variant) -> Iterator[list[Keys]]:
    """The keys of every product's vectors, ascending by id, some hundreds at a time."""
    for window in inputs(catalogue, variant):
        yield [Keys(each.entry.product.id, each.text_key, each.image_key) for each in window]


def inputs_of(catalogue: Catalogue, variant: Variant, ids: Iterable[str]) -> Iterator[list[Input]]:
    """What these products are embedded from, as `inputs` does, in the order of their ids."""
    for window in batched(ids, WINDOW):
        yield [input_of(entry, variant) for entry in catalogue.entries_of(window)]


def input_of(entry: Entry, variant: Variant) -> Input:
    """What a product is embedded from."""
    text = variant.template.product_text(entry.product, entry.summary)
    image_key = vector_key("image", entry.picture) if entry.picture else None
    return Input(entry, text, vector_key("text", text), image_key)


@dataclass(frozen=True, slots=True)
class Shard:
    """One share of the vectors to be encoded: number `number` of `count`, from 1.

    Shares are cut by key, so that products with the same picture are in one share.
    """

    number: int
    count: int

    def has(self, key: Key) -> bool:
        """Whether a vector belongs to this share."""
        return self.has_number(int.from_bytes(key[:8]))

    def has_number(self, number: int) -> bool:
        """Whether something that has a number, from 0, belongs to this share."""
        return number % self.count == self.number - 1


WHOLE = Shard(1, 1)


class Embedding:
    """Encodes what a catalogue needs and the vector files lack.

    Args:
        catalogue: the products.
        variant: how to embed.
        kept: the variant's vector files.
        windows: the keys of every product's vectors, some hundreds at a time.
        load_encoder: called when the first vector is missing: a run without work loads no model.
        shard: encode this share only.

    Attributes:
        encoded: vectors that were computed.
        reused: vectors that were there, or that several products of this run share.
        precision: of the encoder; empty where none was loaded.
        text_precision: of the text model; empty where there is none, or it had no text to encode.
        failed: texts and pictures that the model failed on, by reason.
        lacks_pictures: whether a stored picture had no vector when `texts` read the catalogue; True
            before.
        unreadable: stored pictures that could not be read or decoded. Damaged ones are deleted
            from the picture store, so that the next run of `images` reads them from their source
            again; where only reading failed, the next run of `vectors` tries again.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        variant: Variant,
        kept: KeptVectors,
        windows: Callable[[], Iterable[list[Keys]]],
        load_encoder: "Callable[[], Encoder]",
        shard: Shard = WHOLE,
    ) -> None:
        self.encoded = self.reused = self.unreadable = 0
        self.precision = self.text_precision = ""
        self.failed: Counter[str] = Counter()
        self._catalogue = catalogue
        self._variant = variant
        self._kept = kept
        self._windows = windows
        self._load_encoder = load_encoder
        self._shard = shard
        self.lacks_pictures = True
        self._pictures = 0
        self._pending: dict[Key, str] = {}  # given to the encoder, not yet kept; a product of each

    def texts(self) -> None:
        """Encode the product texts that are missing."""
        with progress_bar("texts", len(self._catalogue)) as advance:
            missing = self._missing(
                self._pictures_noted(), attrgetter("text"), _text, self._kept.texts, advance
            )
            if (first := next(missing, None)) is None:
                return
            if self._variant.manifest.text_model and self._encoder.text_encoder:
                self.text_precision = self._encoder.text_encoder.precision
            for batch in self._encoder.stream_documents(chain([first], missing)):
                self._keep(self._kept.texts, batch.keys, batch.vectors)
                for key, error in batch.failed:
                    record_unexpected(self.failed, self._pending[key], error, self.encoded)
                advance(len(batch.keys) + len(batch.failed))

    def pictures(self) -> None:
        """Encode the pictures that are missing; none is looked for where `texts` saw none."""
        if not self.lacks_pictures:
            self.reused += self._pictures
            return
        counts = self._catalogue.picture_counts().values()
        with progress_bar("pictures", sum(count.get("stored", 0) for count in counts)) as advance:
            missing = self._missing(
                self._windows(), attrgetter("image"), _picture, self._kept.images, advance
            )
            if (first := next(missing, None)) is None:
                return
            encoded = 0
            for batch in self._encoder.stream_images(chain([first], missing), self._open):
                self._keep(self._kept.images, [key for key, _ in batch.keys], batch.vectors)
                encoded += len(batch.keys)
                for (key, picture), error in batch.failed:
                    if isinstance(error, PictureError | OSError):
                        self._catalogue.pictures.delete_damaged(picture)
                        self.unreadable += 1
                    else:
                        record_unexpected(self.failed, self._pending[key], error, encoded)
                advance(len(batch.keys) + len(batch.failed))

    @cached_property
    def _encoder(self) -> "Encoder":
        encoder = self._load_encoder()
        self.precision = encoder.precision
        return encoder

    def _pictures_noted(self) -> Iterator[list[Keys]]:
        """All keys; notes whether a picture is missing, so that none is looked for again."""
        self.lacks_pictures = False
        for window in self._windows():
            keys = [each.image for each in window if each.image and self._shard.has(each.image)]
            self._pictures += len(keys)
            self.lacks_pictures |= not self._kept.images.has(keys).all()
            yield window

    def _missing(
        self,
        windows: Iterable[list[Keys]],
        key_of: Callable[[Keys], Key | None],
        keyed: Callable[[Input], Keyed | None],
        files: VectorFiles,
        advance: Callable[[int], None],
    ) -> Iterator[Keyed]:
        """What has a vector neither kept nor pending, each content once."""
        for window in windows:
            keys = {
                each.id: key for each in window if (key := key_of(each)) and self._shard.has(key)
            }
            known = files.has(list(keys.values())).tolist()
            reused = sum(known)
            self.reused += reused
            advance(reused)
            other = [identity for identity, kept in zip(keys, known, strict=True) if not kept]
            for each in chain.from_iterable(inputs_of(self._catalogue, self._variant, other)):
                if (item := keyed(each)) is None:
                    continue
                # A batch may have been kept since this window was looked up.
                if item[0] in self._pending or item[0] in files:
                    self.reused += 1
                    advance(1)
                else:
                    self._pending[item[0]] = each.entry.product.id
                    yield item

    def _keep(self, files: VectorFiles, keys: list[Key], vectors: np.ndarray) -> None:
        files.append(keys, vectors)
        for key in keys:
            del self._pending[key]
        self.encoded += len(keys)

    def _open(self, item: Keyed) -> Image:
        return self._catalogue.pictures.open(item[1])


def _text(each: Input) -> Keyed:
    return each.text_key, each.text


def _picture(each: Input) -> Keyed | None:
    if each.entry.picture is None or each.image_key is None:
        return None
    return each.image_key, each.entry.picture
