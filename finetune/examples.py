"""Products to train on: those with a picture in the store, and their texts."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

import numpy as np
from PIL import Image

from catalog.catalogue import Catalogue, Entry
from encoder.template import Template, find_template
from eval.groups import group_of, normalize_title
from finetune.errors import FinetuneError
from finetune.pairs import Pairs
from finetune.sampling import shuffled
from pictures.errors import PictureError
from pictures.store import PictureStore
from vitrine.text import fold

TITLE, PICTURE, PARENT = range(3)  # an example's keys
NO_PICTURE, LOST_PICTURE, NOT_SAMPLED = "no picture", "picture lost from the store", "not sampled"

# Families read 77 tokens at most, or a few hundred; longer texts would only take memory.
MAX_CHARACTERS = 1000


@dataclass(frozen=True, slots=True)
class Example:
    """One product to train on.

    Attributes:
        id: of the product.
        picture: its hash in the store.
        title: as the product has it.
        text: the product text, as the variant's collection has it.
        views: distinct training texts; at least one.
        keys: normalised title, picture and parent; an empty one is shared with none. Products
            that share a title or a picture are positives of each other. Those that share only a
            parent, such as shades of a lipstick, are neither positives nor negatives.
        category: of the product; empty where it has none.
    """

    id: str
    picture: str
    title: str
    text: str
    views: tuple[str, ...]
    keys: tuple[str, str, str]
    category: str = ""


@dataclass(frozen=True)
class Examples:
    """Products to train on, ascending by id.

    Attributes:
        rows: the products.
        groups: the group of each; a split keeps groups whole.
        left_out: number of products that are not here, by reason.
        pictures: the picture store.
        pairs: queries that the products were found to fit; None: none.
    """

    rows: Sequence[Example]
    groups: Sequence[str]
    left_out: Mapping[str, int]
    pictures: PictureStore
    pairs: Pairs | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def open(self, example: Example) -> Image.Image:
        """A product's picture, RGB.

        Raises:
            FinetuneError: it cannot be read.
        """
        try:
            return self.pictures.open(example.picture)
        except PictureError as error:
            raise FinetuneError(
                f"The stored picture of product {example.id} cannot be read ({error}): delete "
                f"{self.pictures.path(example.picture)} and run `vitrine ingest images`."
            ) from error

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each product, by id."""
        return {example.id: row for row, example in enumerate(self.rows)}

    @cached_property
    def codes(self) -> np.ndarray:
        """The keys as integers (n, 3): equal ones in a column are equal keys."""
        codes = np.empty((len(self.rows), 3), np.int64)
        for column in range(3):
            seen: dict[str, int] = {}
            for row, example in enumerate(self.rows):
                key = example.keys[column]
                # An empty key gets a negative code of its own.
                codes[row, column] = seen.setdefault(key, len(seen)) if key else -1 - row
        return codes

    def positives(self, rows: Sequence[int]) -> np.ndarray:
        """Which of some products share a title or a picture: bool (rows, rows)."""
        return self._shared(rows, TITLE) | self._shared(rows, PICTURE)

    def siblings(self, rows: Sequence[int]) -> np.ndarray:
        """Which of some products share a parent: bool (rows, rows)."""
        return self._shared(rows, PARENT)

    def _shared(self, rows: Sequence[int], column: int) -> np.ndarray:
        codes = self.codes[list(rows), column]
        return codes[:, None] == codes[None, :]

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over all training data: ids, pictures, texts and keys."""
        digest = hashlib.sha256()
        for example in self.rows:
            parts = (example.id, example.picture, example.text, *example.views, *example.keys)
            digest.update("\0".join((*parts, "\n")).encode("utf-8", "surrogatepass"))
        for text, products in sorted(self.pairs.products.items()) if self.pairs else ():
            pair = (text, *sorted(products), "\n")
            digest.update("\0".join(pair).encode("utf-8", "surrogatepass"))
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
        views: templates of the training texts.
        sample: at most so many products that have a picture; 0: all.
        seed: of the sample.

    Raises:
        FinetuneError: no product has a picture.
    """
    view_templates = [find_template(name) for name in views]
    text_template = find_template(product_text)
    left_out: Counter[str] = Counter()
    rows: list[Example] = []
    pictures = catalogue.pictures
    for entry in catalogue.entries():
        if entry.picture is None:
            left_out[NO_PICTURE] += 1
        elif not pictures.path(entry.picture).is_file():
            left_out[LOST_PICTURE] += 1
        else:
            rows.append(_example(entry, entry.picture, text_template, view_templates))
    if not rows:
        raise FinetuneError(
            f"No product in {catalogue.home} has a picture to train on: fill the catalogue with "
            "`vitrine ingest products FILE`, then `vitrine ingest images`."
        )
    groups = group_of(catalogue.entries())
    kept = _sampled({example.id: groups[example.id] for example in rows}, sample, seed)
    left_out[NOT_SAMPLED] = len(rows) - len(kept)
    rows = [example for example in rows if example.id in kept]
    return Examples(rows, [kept[example.id] for example in rows], dict(+left_out), pictures)


def _example(entry: Entry, picture: str, text: Template, views: Sequence[Template]) -> Example:
    product = entry.product
    texts = dict.fromkeys(
        view.product_text(product, entry.summary)[:MAX_CHARACTERS] for view in views
    )
    texts.pop("", None)
    title = fold(product.title)
    return Example(
        id=product.id,
        picture=picture,
        title=title,
        text=text.product_text(product, entry.summary)[:MAX_CHARACTERS],
        views=tuple(texts) or (title,),
        keys=(normalize_title(title), picture, product.parent),
        category=product.category,
    )


def _sampled(groups: dict[str, str], sample: int, seed: int) -> dict[str, str]:
    """Whole groups at random, with at most `sample` products together."""
    if not sample or sample >= len(groups):
        return groups
    members = members_of(groups.items())
    kept: dict[str, str] = {}
    for group in shuffled(members, seed, "sample"):
        if len(kept) + len(members[group]) <= sample:
            kept |= dict.fromkeys(members[group], group)
    return kept


def members_of(groups: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Product ids of each group, from pairs of product and group."""
    ordered = sorted(groups, key=lambda pair: (pair[1], pair[0]))
    return {
        group: [name for name, _ in pairs]
        for group, pairs in groupby(ordered, key=lambda pair: pair[1])
    }
