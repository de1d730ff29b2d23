"""How a variant's collection is to be stored."""

from collections.abc import Mapping
from typing import Any

from rich.filesize import decimal

from encoder.variant import Variant
from qdrant.errors import StoreError
from qdrant.model import Collection, Filters
from qdrant.storage_settings import StorageSettings, read_choice, write_choice
from qdrant.store import Store
from vitrine.command import messages

# Bytes that another choice of vectors has to save before it is proposed.
WORTH_SAVING = 10_000_000


def chosen_storage(variant: Variant, now: Mapping[str, Any]) -> dict[str, Any]:
    """What is chosen for a variant's collection: what is chosen now is kept beside what was before.

    A file that cannot be used is reported, and replaced where something is chosen now.

    Args:
        variant: in whose folder the choice is kept.
        now: fields of `StorageSettings` by name.

    Raises:
        StoreError: a value is unknown, or the variant lacks a vector.
    """
    try:
        before = read_choice(variant.folder)
        StorageSettings(**before).of(variant.vectors)
    except StoreError as error:
        before = {}
        messages.print(
            f"{error} The collection is stored as it was: correct the file or delete it.",
            markup=False,
            soft_wrap=True,
        )
    chosen = {**before, **now}
    StorageSettings(**chosen).of(variant.vectors)
    if now:
        write_choice(variant.folder, chosen)
    return chosen


def settle_storage(
    variant: Variant, chosen: Mapping[str, Any], current: Collection | None
) -> StorageSettings:
    """How a collection is stored: what was not chosen stays as it is.

    Args:
        variant: whose collection.
        chosen: fields of `StorageSettings` by name.
        current: the collection, if there is one.
    """
    as_it_is: dict[str, Any] = {}
    if current:
        as_it_is["storage"] = current.storage
        if current.fingerprint == variant.fingerprint:
            as_it_is["vectors"] = current.vectors
    return StorageSettings(**{**as_it_is, **chosen})


def propose_fewer_vectors(store: Store, variant: str) -> None:
    """Print what it saves not to store `fused`, where most products have no picture.

    Each of them has room for `image` and `fused` all the same.

    Args:
        store: where the collection is.
        variant: whose collection.
    """
    made = store.collection(variant)
    saved = made.points * made.stored_as.bytes(made.dim)
    if saved < WORTH_SAVING or not {"image", "text", "fused"} <= set(made.stored):
        return
    bare = store.count(variant, Filters(has_picture=False))
    if 2 * bare > made.points:
        messages.print(
            f"{bare:,} of {made.points:,} products have no picture, and yet room for the vector "
            f"`fused`: `vitrine ingest vectors --variant {variant} --vectors image,text` saves "
            f"about {decimal(saved)}.",
            soft_wrap=True,
            highlight=False,
        )
