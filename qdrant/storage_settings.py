"""How a variant's collection is to be stored, and the file that keeps the choice.

The file is in the variant's folder. What it holds takes effect when vectors are next brought up to
date: the collection is then built anew from the vector files, and nothing is encoded.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdrant.choice_file import read_choice_file
from qdrant.errors import StoreError
from qdrant.model import VECTORS
from qdrant.storage import DEFAULT, STORAGES
from vitrine.folder_lock import locked
from vitrine.whole_files import write_whole

FILE = "storage.json"
MOST_BYTES = 10_000  # a file has some fifty
ALL = "all"


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """What is chosen for a collection.

    Attributes:
        storage: how the dense vectors are stored, a name of `qdrant.storage.STORAGES`.
        vectors: the dense vectors that are stored; empty for all that the variant has.

    Raises:
        StoreError: a name is unknown.
    """

    storage: str = DEFAULT
    vectors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise StoreError(
                f"Vectors cannot be stored as “{self.storage}”; take {', '.join(STORAGES)}."
            )
        for name in self.vectors:
            if name not in VECTORS:
                raise StoreError(
                    f"There is no dense vector “{name}”; take {', '.join(VECTORS)}, or {ALL}."
                )

    def of(self, vectors: Sequence[str]) -> tuple[str, ...]:
        """Return those of a variant's dense vectors that are stored, in their order.

        Raises:
            StoreError: the variant lacks one that was chosen.
        """
        if missing := [name for name in self.vectors if name not in vectors]:
            raise StoreError(
                f"The variant has no vectors “{missing[0]}” that could be stored: its texts and "
                f"its pictures are embedded by two models. Take {', '.join(vectors)}, or {ALL}."
            )
        return tuple(name for name in vectors if not self.vectors or name in self.vectors)


def read_choice(folder: Path) -> dict[str, Any]:
    """Return what was chosen for a variant's collection: fields of `StorageSettings` by name.

    Args:
        folder: of the variant.

    Raises:
        StoreError: the file cannot be used; the message names it.
    """
    path = folder / FILE
    values = read_choice_file(path, MOST_BYTES, ("storage", "vectors"))
    if not isinstance(values.get("storage", ""), str) or not _are_texts(values.get("vectors", [])):
        raise StoreError(f"{path} is damaged: its storage is no name, or its vectors no names.")
    try:
        StorageSettings(**values)
    except StoreError as error:
        raise StoreError(f"{path} cannot be used: {error}") from None
    return values


def write_choice(folder: Path, chosen: Mapping[str, Any]) -> None:
    """Keep what was chosen for a variant's collection.

    Args:
        folder: of the variant.
        chosen: fields of `StorageSettings` by name.

    Raises:
        OSError: the folder cannot be written.
    """
    with locked(folder):
        write_whole(folder / FILE, f"{json.dumps(chosen, indent=1)}\n")


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(each, str) for each in values)
