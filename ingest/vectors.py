"""The fourth job: products and their pictures into vectors, vectors into a collection.

Vectors are first kept in vector files, keyed by what was embedded; then the collection is
projected from them. A run that was stopped encodes only what is missing; a changed title is
embedded again, an unchanged one is not. Variants that differ in their text alone share the vectors
of their pictures.
"""

import random
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import cache, partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from catalog.catalogue import Catalogue
from encoder.runtimes.preparation import SAMPLES, prepare
from encoder.runtimes.trial import Sample
from encoder.variant import Variant
from encoder.variants import Variants
from ingest import IngestError
from ingest.collection import bring_up_to_date, published
from ingest.contents import Contents
from ingest.embedding import WHOLE, Embedding, Shard, inputs
from ingest.image_vectors import copy_image_vectors, label_folders
from ingest.job import Figures, exclusive_run
from ingest.kept_vectors import KeptVectors, open_vectors
from ingest.projection import Projection
from ingest.storage import chosen_storage, propose_fewer_vectors, settle_storage
from ingest.vocabulary import update_vocabulary
from ingest.words import NOTHING, choose_settings, chosen_words
from pictures.errors import PictureError
from pictures.public_addresses import read_public_url
from qdrant.store import open_store
from vitrine.command import messages
from vitrine.reservoir import Reservoir

if TYPE_CHECKING:
    from encoder.encoder import Encoder
    from encoder.runtimes.runtime import Precision


def embed_products(
    home: Path,
    variant_name: str,
    *,
    precision: "Precision" = "auto",
    recreate: bool = False,
    shard: Shard = WHOLE,
    words: Mapping[str, Any] = NOTHING,
    storage: Mapping[str, Any] = NOTHING,
) -> Figures:
    """Embed what is not embedded yet under a variant, and bring its collection up to date.

    Args:
        home: the shop's folder.
        variant_name: the variant to embed with.
        precision: the encoder's: `auto`, `float32`, `bfloat16` or `int8`.
        recreate: build the collection from nothing even where a change of it would do.
        shard: embed only this share of the catalogue, and leave the collection as it is; `merge`
            combines the shares of several machines.
        words: settings of words that are chosen now, by name (`qdrant.word_settings`); they are
            kept in the variant's folder.
        storage: what is chosen now of how the collection is stored, by name
            (`qdrant.storage_settings`); it is kept in the variant's folder.

    Returns:
        `encoded` and `reused` vectors, `unreadable` stored pictures, `damaged_vectors` where
        there were any in the vector files (those in use are encoded anew), texts, pictures and
        points that `failed` by reason (a product without a text vector has no point),
        `pictures_pending`: products
        whose picture `images` has not tried yet, the collection's `points`, and how many of them
        were `written` and `deleted` for it.

    Raises:
        VariantMissing: there is no such variant.
        IngestError: the variant takes larger pictures than the catalogue keeps.
        VitrineError: VITRINE_PUBLIC_URL is no address.
        CatalogError: there is no catalogue, or another job is running.
        EncoderError, StoreError: from the encoder and the store.
    """
    variant = Variants(home).get(variant_name)
    public_url = read_public_url()
    chosen = chosen_words(variant, words)
    chosen_stored = chosen_storage(variant, storage)
    settings = {"variant": variant.name, "fingerprint": variant.fingerprint, "precision": precision}
    with (
        exclusive_run(home, "vectors", settings) as run,
        open_vectors(home, variant) as kept,
        open_store(home) as store,
        ExitStack() as stack,
    ):
        require_side(run.catalogue, variant)
        damaged = _discard_damaged(kept)
        current = published(store, variant.name)
        settled = choose_settings(run.catalogue, current.words if current else None, chosen)
        stored = settle_storage(variant, chosen_stored, current)
        dense = stored.of(variant.vectors)
        projection = Projection(run.catalogue, variant, kept, settled, public_url, dense)
        contents = stack.enter_context(Contents(projection, anew=recreate))
        contents.refresh()

        def load() -> "Encoder":
            _prepare(run.catalogue, variant, precision)
            return _load(variant, precision)

        embedding = Embedding(run.catalogue, variant, kept, contents.keys, load, shard)
        try:
            embedding.texts()
            label_folders(home)
            if embedding.lacks_pictures:
                copy_image_vectors(home, variant, contents.keys, kept.images)
            embedding.pictures()
            if not embedding.precision:  # nothing was encoded, and yet queries need a model
                _prepare(run.catalogue, variant, precision, tries=precision != "auto")
        finally:
            run.figures |= {"encoded": embedding.encoded, "reused": embedding.reused}
            run.figures["unreadable"] = embedding.unreadable
            run.figures["failed"] = dict(embedding.failed)
            run.figures["pictures_pending"] = _pictures_pending(run.catalogue)
            if damaged:
                run.figures["damaged_vectors"] = damaged
        if shard == WHOLE:
            run.figures |= bring_up_to_date(
                store,
                projection,
                contents,
                embedding.failed,
                storage=stored.storage,
                precision=embedding.precision or (current.precision if current else ""),
                text_precision=embedding.text_precision
                or (current.text_precision if current else ""),
                recreate=recreate,
            )
            run.figures["failed"] = dict(embedding.failed)
            update_vocabulary(contents.counts, variant, store.collection(variant.name))
            if "vectors" not in chosen_stored:
                propose_fewer_vectors(store, variant.name)
        return run.figures


def _discard_damaged(kept: KeptVectors) -> int:
    """Have damaged vectors encoded anew, and name their files. Returns how many they are."""
    found = {path: len(keys) for path, keys in kept.discard_damaged().items()}
    for path, count in found.items():
        messages.print(
            Text(f"{path} holds {count:,} damaged vectors: those in use are encoded anew."),
            soft_wrap=True,
        )
    return sum(found.values())


def _prepare(
    catalogue: Catalogue, variant: Variant, precision: "Precision", *, tries: bool = True
) -> None:
    """Convert the variant's models where this machine runs them faster so; say what was chosen.

    Args:
        catalogue: whose pictures and texts int8 is tried on.
        variant: which.
        precision: that was named.
        tries: try int8, which takes the most time.
    """
    sample = cache(partial(_sample, catalogue, variant)) if tries else None
    for sentence in prepare(variant, precision, sample):
        messages.print(Text(sentence), soft_wrap=True)


def _sample(catalogue: Catalogue, variant: Variant) -> Sample:
    """Pictures and texts of some products, from all over the catalogue."""
    rng = random.Random(0)
    texts, hashes = Reservoir[str](SAMPLES, rng), Reservoir[str](SAMPLES, rng)
    for each in chain.from_iterable(inputs(catalogue, variant)):
        texts.add(each.text)
        if each.entry.picture:
            hashes.add(each.entry.picture)
    pictures = []
    for picture in hashes.items:
        with suppress(PictureError, OSError):  # the job itself records it
            pictures.append(catalogue.pictures.open(picture))
    return Sample(pictures, texts.items)


def _load(variant: Variant, precision: "Precision") -> "Encoder":
    from encoder.encoder import Encoder  # imports torch

    return Encoder.load(variant, precision=precision)


def _pictures_pending(catalogue: Catalogue) -> int:
    return sum(counts.get("pending", 0) for counts in catalogue.picture_counts().values())


def require_side(catalogue: Catalogue, variant: Variant) -> None:
    """Raise IngestError where a variant takes larger pictures than the catalogue keeps."""
    side = catalogue.picture_side
    if variant.image_side > side:
        raise IngestError(
            f"The variant {variant.name} takes pictures of {variant.image_side} pixels, "
            f"and this catalogue keeps them at {side}. Make a catalogue in another VITRINE_HOME "
            f"with `vitrine ingest products … --picture-side {variant.image_side}`."
        )
