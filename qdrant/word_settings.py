"""What the sparse vector `words` depends on besides the texts, and the file that keeps a choice.

The file is in the folder of the variant whose collection is meant. What it holds takes effect when
the collection is built again: word vectors are made then, and no vector of a model is.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from qdrant.choice_file import read_choice_file
from qdrant.errors import StoreError
from vitrine.folder_lock import locked
from vitrine.whole_files import write_whole

FILE = "words.json"
MOST_BYTES = 100_000  # a file has some hundred
MOST_WEIGHT = 20  # of a field: its words are repeated as often
MEASURED = ("language", "mean_length")  # of the catalogue, and not chosen


@dataclass(frozen=True, slots=True)
class WordSettings:
    """What the sparse vector `words` depends on, besides the texts (`qdrant.words`).

    The defaults are those of collections that were built before these could be chosen: k and b are
    Anserini's values for short passages; product texts are as short.

    Attributes:
        language: ISO 639-1 code: which stemmer, and which words are stop words.
        mean_length: mean number of words of a product.
        k: how soon further occurrences of a term count less: 0 counts one as much as many.
        b: how much a long document is discounted, 0 to 1.
        title: how often the words of a title count, at least once.
        brand, category, attribute, description: the same of other fields; 0 leaves one out.

    Raises:
        StoreError: a value is out of its range.
    """

    language: str = "en"
    mean_length: float = 100.0
    k: float = 0.9
    b: float = 0.4
    title: int = 3
    brand: int = 1
    category: int = 1
    attribute: int = 1
    description: int = 1

    def __post_init__(self) -> None:
        numbers = (self.k, self.b, *self.weights.values())
        if any(isinstance(each, bool) or not isinstance(each, int | float) for each in numbers):
            raise StoreError("Words are weighed by numbers.")
        if not (0 <= self.k < math.inf and 0 <= self.b <= 1):
            raise StoreError(
                f"Words cannot be embedded with k {self.k} and b {self.b}: take k from 0 up and b "
                "from 0 to 1."
            )
        for name, weight in self.weights.items():
            least = int(name == "title")
            if not (isinstance(weight, int) and least <= weight <= MOST_WEIGHT):
                raise StoreError(
                    f"The words of the {name} cannot count {weight} times: take a whole number "
                    f"from {least} to {MOST_WEIGHT}."
                )

    @property
    def weights(self) -> dict[str, int]:
        """How often the words of each field count."""
        return {name: getattr(self, name) for name in WEIGHED}

    @property
    def chosen(self) -> dict[str, Any]:
        """What is chosen for a shop; the rest is measured."""
        return {name: value for name, value in asdict(self).items() if name not in MEASURED}

    def facts(self) -> dict[str, Any]:
        """The fields by name, as digests of earlier versions have them: no weight of 1."""
        return {
            name: value
            for name, value in asdict(self).items()
            if not (name in WEIGHED[1:] and value == 1)
        }


# The fields that are weighed, by the names of `qdrant.words.FIELDS`.
WEIGHED = ("title", "brand", "category", "attribute", "description")
CHOSEN = tuple(each.name for each in fields(WordSettings) if each.name not in MEASURED)


def read_choice(folder: Path) -> dict[str, Any]:
    """The settings that were chosen for a variant's words, by name; empty where none were.

    Args:
        folder: of the variant.

    Raises:
        StoreError: the file cannot be used; the message names it.
    """
    path = folder / FILE
    values = read_choice_file(path, MOST_BYTES, (*CHOSEN, "notes"))
    values.pop("notes", None)
    try:
        WordSettings(**values)
    except StoreError as error:
        raise StoreError(f"{path} cannot be used: {error}") from None
    return values


def write_choice(folder: Path, chosen: Mapping[str, Any], notes: Mapping[str, Any]) -> Path:
    """Keep the settings that were chosen for a variant's words.

    Args:
        folder: of the variant.
        chosen: values of `CHOSEN` by name.
        notes: how they were chosen, for readers; JSON.

    Returns:
        The file.

    Raises:
        OSError: the folder cannot be written.
    """
    path = folder / FILE
    text = json.dumps({**chosen, "notes": dict(notes)}, ensure_ascii=False, indent=1)
    with locked(folder):
        write_whole(path, f"{text}\n")
    return path
