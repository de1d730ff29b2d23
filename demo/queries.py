"""The demo's queries, and which products answer them how well: known from the attributes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from demo import DemoError
from demo.drawing import draw, draw_scene, jpeg
from demo.shop import DemoProduct
from demo.style import ATTRIBUTES, Style, kinds, words_of
from demo.wording import sentences

SEED = 77
TEXT_QUERIES = 96  # six of each kind: two that name one attribute, two that name two, two three
PICTURE_QUERIES = 48  # three of each kind
BOTH_QUERIES = 48
QUERIES = "queries.jsonl"
IMAGES = "query_images"


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its answers. `image` is a path beside the file, empty for words alone."""

    id: str
    text: str
    image: str
    style: Style
    asks: tuple[str, ...]  # what a perfect answer shares besides the kind; of a picture, all

    @property
    def category(self) -> str:
        """The shop department of the kind that is asked for."""
        return kinds()[self.style.kind].category

    def relevant(self, products: Iterable[DemoProduct]) -> dict[str, int]:
        """Product id -> grade, for every product that answers at all."""
        grades = {product.id: grade(self.style, self.asks, product.style) for product in products}
        return {name: value for name, value in grades.items() if value > 0}


def grade(wanted: Style, asks: Sequence[str], offered: Style) -> int:
    """How well a product answers a query.

    Returns:
        2 when the kind and all attributes asked for are the same, 1 when the kind and at least
        half of them are, else 0.
    """
    if wanted.kind != offered.kind:
        return 0
    same = sum(getattr(wanted, name) == getattr(offered, name) for name in asks)
    if same == len(asks):
        return 2
    return 1 if same and 2 * same >= len(asks) else 0


def make_queries(products: Sequence[DemoProduct]) -> Iterator[Query]:
    """All queries, in a fixed order. Each asks for the style of some product with a picture."""
    rng = Random(SEED)
    for number in range(TEXT_QUERIES):
        style = _wanted(products, number, rng)
        asks = rng.sample(ATTRIBUTES, k=1 + number // len(kinds()) % 3)
        length = ("one", "two", "three")[len(asks) - 1]
        text = _ask(rng.choice(sentences("queries")["text"][length]), style, asks, rng)
        yield Query(f"text-{number + 1:03d}", text, "", style, tuple(asks))
    for number in range(PICTURE_QUERIES):
        name = f"picture-{number + 1:03d}"
        yield Query(name, "", f"{IMAGES}/{name}.jpg", _wanted(products, number, rng), ATTRIBUTES)
    for number in range(BOTH_QUERIES):
        name = f"both-{number + 1:03d}"
        style = _wanted(products, number, rng)
        text = _ask(
            rng.choice(sentences("queries")["both"]["one"]), style, [rng.choice(ATTRIBUTES)], rng
        )
        yield Query(name, text, f"{IMAGES}/{name}.jpg", style, ATTRIBUTES)


def picture(query: Query) -> bytes:
    """The JPEG of a picture query: the style wanted, in a scene of its own."""
    return jpeg(draw(query.style, draw_scene(Random(f"{SEED} scene {query.id}"))))


def row(query: Query, products: Iterable[DemoProduct]) -> dict[str, Any]:
    """The query as one object of the query file."""
    return {
        "id": query.id,
        "text": query.text,
        "image": query.image,
        "category": query.category,
        "kind": query.id.partition("-")[0],
        "relevant": query.relevant(products),
    }


def write_queries(folder: Path, products: Sequence[DemoProduct]) -> int:
    """Write `queries.jsonl` and `query_images/` into a folder.

    Returns:
        The number of queries.

    Raises:
        DemoError: the folder cannot be written.
    """
    written = list(make_queries(products))
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        for query in written:
            if query.image:
                (folder / query.image).write_bytes(picture(query))
        lines = (json.dumps(row(each, products), ensure_ascii=False) + "\n" for each in written)
        (folder / QUERIES).write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DemoError(f"{folder} cannot be written ({reason}): give another folder.") from error
    return len(written)


def _wanted(products: Sequence[DemoProduct], number: int, rng: Random) -> Style:
    """The style of a product with a picture, of each kind in turn."""
    kind = list(kinds())[number % len(kinds())]
    return rng.choice([each.style for each in products if each.style.kind == kind and each.image])


def _ask(template: str, style: Style, asks: Sequence[str], rng: Random) -> str:
    noun = rng.choice(kinds()[style.kind].words.query)
    words = (rng.choice(words_of(style, name).query) for name in asks)
    return template.format(noun=noun, **dict(zip("abc", words, strict=False)))
