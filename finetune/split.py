"""Which products are learnt from and which are held out: drawn by group, and written down."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.errors import DataUnfit
from finetune.examples import Examples, members_of
from finetune.sampling import shuffled

FILE = "split.json"
LEAST_VALIDATION = 2  # one product is always found


@dataclass(frozen=True)
class Split:
    """Product ids by what they are for.

    Attributes:
        train: to learn from.
        validation: to judge the training by while it runs.
        test: to look at once, at the end.
    """

    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str] = ()

    def counts(self) -> dict[str, int]:
        """How many products each part has."""
        return {name: len(getattr(self, name)) for name in ("train", "validation", "test")}

    def write(self, file: Path, facts: dict[str, Any]) -> None:
        """Write the ids down, below what is said of them."""
        parts = {name: list(getattr(self, name)) for name in ("train", "validation", "test")}
        text = json.dumps({**facts, **parts}, indent=1, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")


def draw_split(examples: Examples, *, seed: int, validation: float, test: float) -> Split:
    """Hold out whole groups, until the shares are reached.

    A group too large for what is left of a share is learnt from.

    Args:
        examples: all products.
        seed: of the draw.
        validation: share of the products to judge by.
        test: share to look at in the end.
    """
    names = [example.id for example in examples.rows]
    members = members_of(zip(names, examples.groups, strict=True))
    room = {"test": round(test * len(names)), "validation": round(validation * len(names))}
    parts: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for group in shuffled(members, seed, "split"):
        chosen = members[group]
        part = next((part for part, left in room.items() if len(chosen) <= left), "train")
        if part != "train":
            room[part] -= len(chosen)
        parts[part] += chosen
    return Split(**{part: sorted(ids) for part, ids in parts.items()})


def check(examples: Examples, split: Split, batch: int) -> None:
    """Make sure that there is something to learn, and something to judge it by.

    Raises:
        DataUnfit: too few products, or products that cannot be told apart.
    """
    if len(split.train) < batch:
        raise DataUnfit(
            f"{_counted(len(split.train))} to learn from {_verb(len(split.train))} fewer than a "
            f"batch of {batch}: give a smaller --batch, or a catalogue with more pictures "
            f"({_counted(len(examples))} with one, "
            f"{len(split.validation) + len(split.test):,} held out)."
        )
    train = [examples.rows[examples.row_of[name]] for name in split.train]
    if len({example.picture for example in train}) < 2:
        raise DataUnfit(
            f"All {_counted(len(train))} to learn from have the same picture, so pictures cannot "
            "tell them apart: look at `vitrine ingest status` and at the images of the source."
        )
    if len({examples.groups[examples.row_of[name]] for name in split.train}) < 2:
        raise DataUnfit(
            f"All {_counted(len(train))} to learn from share titles, pictures or a parent, so "
            "they count as one article: give products of more than one."
        )
    if len(split.validation) < LEAST_VALIDATION:
        raise DataUnfit(
            f"{_counted(len(split.validation))} to judge by {_verb(len(split.validation))} too "
            f"few: give a larger --validation share, or more products."
        )


def rows_of(examples: Examples, ids: Iterable[str]) -> list[int]:
    """The rows of products, by id."""
    return [examples.row_of[name] for name in ids]


def _counted(count: int) -> str:
    return "1 product" if count == 1 else f"{count:,} products"


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"
