"""The split into training, validation and test products: drawn by group, and written down."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune.errors import FinetuneError
from finetune.examples import Examples, members_of
from finetune.sampling import shuffled

FILE = "split.json"
MIN_VALIDATION = 2  # a single product is always found


@dataclass(frozen=True)
class Split:
    """Product ids by their use.

    Attributes:
        train: to train on.
        validation: to choose the epoch by.
        test: to evaluate the finished variant on.
    """

    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str] = ()

    def counts(self) -> dict[str, int]:
        """Number of products of each part."""
        return {name: len(ids) for name, ids in asdict(self).items()}

    def write(self, file: Path, facts: dict[str, Any]) -> None:
        """Write the ids as JSON, after some facts about them."""
        text = json.dumps({**facts, **asdict(self)}, indent=1, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")


def draw_split(examples: Examples, *, seed: int, validation: float, test: float) -> Split:
    """Hold out whole groups at random, until the shares are reached.

    A group that is larger than the rest of a share goes to the training products.

    Args:
        examples: all products.
        seed: of the split.
        validation: share of the products.
        test: share of the products.
    """
    names = [example.id for example in examples.rows]
    members = members_of(zip(names, examples.groups, strict=True))
    free = {"test": round(test * len(names)), "validation": round(validation * len(names))}
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for group in shuffled(members, seed, "split"):
        ids = members[group]
        part = next((part for part, left in free.items() if len(ids) <= left), "train")
        if part != "train":
            free[part] -= len(ids)
        parts[part] += ids
    return Split(**{part: sorted(ids) for part, ids in parts.items()})


def check_split(examples: Examples, split: Split, batch: int) -> None:
    """Check that a split can be trained on and evaluated.

    Raises:
        FinetuneError: too few products, or products that cannot be distinguished.
    """
    train = rows_of(examples, split.train)
    if len(train) < batch:
        held_out = len(split.validation) + len(split.test)
        raise FinetuneError(
            f"Fewer training products ({len(train):,}) than a batch of {batch}: give a smaller "
            f"--batch, or a catalogue with more pictures ({len(examples):,} products have one, "
            f"{held_out:,} are held out)."
        )
    if len({examples.rows[row].picture for row in train}) < 2:
        raise FinetuneError(
            f"All {len(train):,} training products have the same picture, so pictures cannot "
            "distinguish them: check `vitrine ingest status` and the images of the source."
        )
    if len({examples.groups[row] for row in train}) < 2:
        raise FinetuneError(
            f"All {len(train):,} training products share titles, pictures or a parent, so they "
            "are one article: give products of more than one."
        )
    if len(split.validation) < MIN_VALIDATION:
        raise FinetuneError(
            f"Fewer validation products ({len(split.validation)}) than {MIN_VALIDATION}: give a "
            "larger validation share, or more products."
        )


def rows_of(examples: Examples, ids: Iterable[str]) -> list[int]:
    """The rows of products, by id."""
    return [examples.row_of[name] for name in ids]
