"""The split into training, validation and test products: drawn by group, and written down.

Where only some categories are trained on, the products of the others are split, too: some are mixed
into the training, and on the rest is measured what the training has forgotten.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune.errors import FinetuneError
from finetune.examples import Examples, members_of
from finetune.sampling import shuffled

FILE = "split.json"
MIN_VALIDATION = 2  # a single product is always found
MAX_OTHERS = 500  # products of other categories that are evaluated
MAX_NAMED = 12  # categories in an error message


@dataclass(frozen=True)
class Split:
    """Product ids by their use.

    Attributes:
        train: to train on.
        validation: to choose the epoch by.
        test: to evaluate the finished variant on.
        mixed: of other categories, to mix into the training.
        others: of other categories, to evaluate on what was forgotten.
    """

    train: Sequence[str]
    validation: Sequence[str]
    test: Sequence[str] = ()
    mixed: Sequence[str] = ()
    others: Sequence[str] = ()

    def parts(self) -> dict[str, Sequence[str]]:
        """The parts by name; those of other categories only where there are any."""
        return {
            name: ids
            for name, ids in asdict(self).items()
            if ids or name not in ("mixed", "others")
        }

    def counts(self) -> dict[str, int]:
        """Number of products of each part."""
        return {name: len(ids) for name, ids in self.parts().items()}

    def write(self, file: Path, facts: dict[str, Any]) -> None:
        """Write the ids as JSON, after some facts about them."""
        text = json.dumps({**facts, **self.parts()}, indent=1, ensure_ascii=False)
        file.write_text(text + "\n", encoding="utf-8")


def draw_split(
    examples: Examples,
    *,
    seed: int,
    validation: float,
    test: float,
    categories: Collection[str] = (),
) -> Split:
    """Hold out whole groups at random, until the shares are reached.

    A group that is larger than the rest of a share goes to the training products.

    Args:
        examples: all products.
        seed: of the split.
        validation: share of the products to train on.
        test: share of the products to train on.
        categories: to train on; none: all.

    Raises:
        FinetuneError: no product is of one of the categories.
    """
    pairs = [(row.id, group) for row, group in zip(examples.rows, examples.groups, strict=True)]
    wanted = in_categories(examples, categories)
    new = [pair for pair in pairs if pair[0] in wanted]
    free = {"test": round(test * len(new)), "validation": round(validation * len(new))}
    parts = _draw(new, free, "train", seed)
    groups = {group for _, group in new}
    # A product that shares a picture with one to train on belongs to no part.
    old = [pair for pair in pairs if pair[1] not in groups]
    parts |= _draw(old, {"others": min(len(old) // 2, MAX_OTHERS)}, "mixed", seed)
    return Split(**parts)


def _draw(
    pairs: Sequence[tuple[str, str]], free: dict[str, int], rest: str, seed: int
) -> dict[str, list[str]]:
    """Draw whole groups for the parts, up to a number of products each; the rest is a part, too."""
    members = members_of(pairs)
    parts: dict[str, list[str]] = {part: [] for part in (*free, rest)}
    for group in shuffled(members, seed, "split"):
        ids = members[group]
        part = next((part for part, left in free.items() if len(ids) <= left), rest)
        if part != rest:
            free[part] -= len(ids)
        parts[part] += ids
    return {part: sorted(ids) for part, ids in parts.items()}


def in_categories(examples: Examples, categories: Collection[str]) -> set[str]:
    """The ids of the products of some categories; of all where none is named.

    Raises:
        FinetuneError: no product is of one of them.
    """
    counts = Counter(row.category for row in examples.rows)
    for category in categories:
        if not counts[category]:
            common = (name for name, _ in counts.most_common(MAX_NAMED) if name)
            known = ", ".join(map(repr, sorted(common)))
            raise FinetuneError(
                f"No product with a picture is of the category {category!r}: "
                f"{f'--category is one of {known}' if known else 'no product has a category'}."
            )
    return {row.id for row in examples.rows if not categories or row.category in categories}


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
