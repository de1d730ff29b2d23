"""Products that can be learnt from: those with a picture in the store, and their texts."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np

from catalog.catalogue import Catalogue, Entry
from encoder.template import Template, template
from eval.groups import group_of, normalize_title
from finetune.errors import DataUnfit
from finetune.sampling import shuffled

NO_PICTURE, LOST_PICTURE, NOT_DRAWN = "no picture", "picture lost from the store", "not sampled"

# What CLIP's 77 tokens could ever be made of; whole novels need not lie in memory.
LONGEST = 1000


@dataclass(frozen=True, slots=True)
class Example:
    """One product to learn from.

    Attributes:
        id: of the product.
        picture: its hash in the store.
        title: as a person would type it.
        text: the product text, as the variant's collection has it.
        views: the texts to learn from, each once; at least one.
        ties: title, picture and parent as they are compared; an empty one ties nothing.
    """

    id: str
    picture: str
    title: str
    text: str
    views: tuple[str, ...]
    ties: tuple[str, str, str]


@dataclass(frozen=True)
class Examples:
    """Products to learn from, ascending by id.

    Attributes:
        rows: the products.
        groups: group of each: products of a group are never split.
        left_out: how many products are not here, by reason.
    """

    rows: Sequence[Example]
    groups: Sequence[str]
    left_out: Mapping[str, int]

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each product, by id."""
        return {example.id: row for row, example in enumerate(self.rows)}

    @cached_property
    def ties(self) -> np.ndarray:
        """Numbers (n, 3) of title, picture and parent: equal numbers in a column are a tie."""
        codes = np.empty((len(self.rows), 3), np.int64)
        for column in range(3):
            seen: dict[str, int] = {}
            for row, example in enumerate(self.rows):
                # What is empty gets a number of its own, below zero.
                tie = example.ties[column]
                codes[row, column] = seen.setdefault(tie, len(seen)) if tie else -1 - row
        return codes

    def positives(self, rows: Sequence[int], others: Sequence[int]) -> np.ndarray:
        """Which products share a title, a picture or a parent: bool (rows, others)."""
        left, right = self.ties[list(rows)], self.ties[list(others)]
        same = np.zeros((len(left), len(right)), bool)
        for column in range(left.shape[1]):
            same |= left[:, column, None] == right[None, :, column]
        return same

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all that is learnt from: ids, pictures, texts and ties."""
        digest = hashlib.sha256()
        for example in self.rows:
            parts = (example.id, example.picture, example.text, *example.views, *example.ties)
            digest.update("\0".join((*parts, "\n")).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


def read_examples(
    catalogue: Catalogue,
    product_text: str,
    views: Sequence[str],
    *,
    sample: int = 0,
    seed: int = 0,
) -> Examples:
    """Read a catalogue's products.

    Args:
        catalogue: with pictures in its store.
        product_text: template of the product text.
        views: templates of the texts to learn from.
        sample: at most so many products; 0 is all.
        seed: of the sample.

    Raises:
        DataUnfit: no product has a picture.
    """
    made = [template(name) for name in views]
    text = template(product_text)
    left_out: Counter[str] = Counter()
    rows: list[Example] = []
    groups = _sampled(group_of(catalogue.entries()), sample, seed)
    for entry in catalogue.entries():
        name = entry.product.id
        if entry.picture is None:
            left_out[NO_PICTURE] += 1
        elif not catalogue.pictures.path(entry.picture).is_file():
            left_out[LOST_PICTURE] += 1
        elif name not in groups:
            left_out[NOT_DRAWN] += 1
        else:
            rows.append(_example(entry, entry.picture, text, made))
    if not rows:
        raise DataUnfit(
            f"No product in {catalogue.home} has a picture to learn from: fill the catalogue with "
            "`vitrine ingest products FILE`, then `vitrine ingest images`."
        )
    return Examples(rows, [groups[example.id] for example in rows], dict(left_out))


def _example(entry: Entry, picture: str, text: Template, views: Sequence[Template]) -> Example:
    product = entry.product
    drawn = dict.fromkeys(view.product_text(product, entry.summary)[:LONGEST] for view in views)
    drawn.pop("", None)
    return Example(
        id=product.id,
        picture=picture,
        title=product.title,
        text=text.product_text(product, entry.summary)[:LONGEST],
        views=tuple(drawn) or (product.title,),
        ties=(normalize_title(product.title), picture, product.parent),
    )


def _sampled(groups: dict[str, str], sample: int, seed: int) -> dict[str, str]:
    """Whole groups, as many as there is room for."""
    if not sample or sample >= len(groups):
        return groups
    members = members_of(groups.items())
    kept: dict[str, str] = {}
    for group in shuffled(members, seed, "sample"):
        if len(kept) + len(members[group]) <= sample:
            kept |= dict.fromkeys(members[group], group)
    return kept


def members_of(groups: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Product ids of each group, out of pairs of product and group."""
    ordered = sorted(groups, key=lambda pair: (pair[1], pair[0]))
    return {
        group: [name for name, _ in pairs]
        for group, pairs in groupby(ordered, key=lambda pair: pair[1])
    }
