"""Pairs of a query and a product to train on, held out by query and by product group.

A line of the file is `{"text": "red dress", "product": "A-1024"}`, as `vitrine eval from-events
--pairs` writes it. Queries that differ in case and punctuation alone are one query.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from eval.groups import normalize_title
from finetune.errors import FinetuneError
from finetune.sampling import rng_of
from vitrine.command import describe
from vitrine.text import fold

MAX_BYTES = 256 * 2**20  # of a file: some million pairs
MAX_CHARACTERS = 1000  # of a text; models read far less
PARTS = ("train", "validation", "test")

Products = Mapping[str, frozenset[str]]  # ids by query


@dataclass(frozen=True)
class Pairs:
    """Which products each query was found to fit.

    Attributes:
        products: ids by query.
        unknown: pairs that were left out: no such product has a picture.
    """

    products: Products
    unknown: int


@dataclass(frozen=True)
class SplitPairs:
    """Pairs by their use: no query is in two parts, and no product group.

    Attributes:
        parts: of the queries of each part, the products of the same part.
        every: all products of each query.
    """

    parts: Mapping[str, Products]
    every: Products

    @cached_property
    def queries_of(self) -> dict[str, tuple[str, ...]]:
        """The training queries of each training product, by id."""
        found: dict[str, list[str]] = {}
        for text, products in self.parts["train"].items():
            for product in products:
                found.setdefault(product, []).append(text)
        return {product: tuple(sorted(texts)) for product, texts in found.items()}

    def positives(self, products: Sequence[str], texts: Sequence[str]) -> np.ndarray:
        """Which texts are queries that products fit: bool (products, texts)."""
        found = np.zeros((len(products), len(texts)), bool)
        for column, text in enumerate(texts):
            if fitting := self.every.get(text):
                found[:, column] = [product in fitting for product in products]
        return found

    def counts(self) -> dict[str, dict[str, int]]:
        """Number of queries and of pairs of each part."""
        return {
            part: {"queries": len(found), "pairs": sum(map(len, found.values()))}
            for part, found in self.parts.items()
        }


def read_pairs(file: Path, products: Collection[str]) -> Pairs:
    """Read a file of pairs.

    Args:
        file: JSON Lines.
        products: ids of those that can be trained on.

    Raises:
        FinetuneError: it cannot be read, a line is no pair, or no product of it is there.
    """
    spelling: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    unknown = total = 0
    for number, line in enumerate(_read(file).split("\n"), start=1):
        if not line.strip():
            continue
        total += 1
        text, product = _pair(line, f"{file}, line {number}")
        if product not in products:
            unknown += 1
            continue
        text = spelling.setdefault(normalize_title(text) or text, text)
        found.setdefault(text, set()).add(product)
    if not found:
        reason = "has no pair" if not total else f"has {total:,} pairs, and no product of them"
        raise FinetuneError(
            f"{file} {reason} with a picture in this shop: `vitrine eval from-events --pairs` "
            "writes such a file."
        )
    return Pairs({text: frozenset(each) for text, each in found.items()}, unknown)


def split_pairs(pairs: Pairs, parts: Mapping[str, Sequence[str]], seed: int) -> SplitPairs:
    """Divide pairs as the products are divided.

    A query belongs to the part of one of its products, drawn at random; its products of other parts
    are no pairs of it, neither right nor wrong where it is evaluated.

    Args:
        pairs: all of them.
        parts: ids of the products by part, whole groups in each.
        seed: of the draw.
    """
    by_product = {name: part for part in PARTS for name in parts[part]}
    divided: dict[str, dict[str, frozenset[str]]] = {part: {} for part in PARTS}
    for text, products in sorted(pairs.products.items()):
        drawn = sorted(products & by_product.keys())
        if not drawn:  # of other categories than those to train on
            continue
        part = by_product[rng_of(seed, "pairs", text).choice(drawn)]
        divided[part][text] = frozenset(name for name in drawn if by_product[name] == part)
    return SplitPairs(divided, pairs.products)


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise FinetuneError(f"{file} cannot be read: {describe(error)}.") from None
    if len(data) > MAX_BYTES:
        raise FinetuneError(f"{file} has more than {MAX_BYTES // 2**20} MiB: give fewer pairs.")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise FinetuneError(f"{file} is not UTF-8: write it as JSON Lines.") from None


def _pair(line: str, where: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    text, product = (row.get("text"), row.get("product")) if isinstance(row, dict) else (0, 0)
    if not (isinstance(text, str) and fold(text) and isinstance(product, str) and product):
        raise FinetuneError(
            f'{where}, is no pair: write it as {{"text": "red dress", "product": "A-1024"}}.'
        )
    return fold(text)[:MAX_CHARACTERS], product
