"""The demo's queries, with graded products: both follow from the attributes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from demo.drawing import draw, draw_scene, jpeg
from demo.shop import DemoProduct
from demo.style import ATTRIBUTES, Style, kinds, words_of
from demo.wording import sentences

SEED = 77
TEXT_QUERIES = 96  # six of each kind: two with one attribute, two with two, two with three
PICTURE_QUERIES = 48  # three of each kind
BOTH_QUERIES = 48
QUERIES = "queries.jsonl"
IMAGES = "query_images"


@dataclass(frozen=True, slots=True)
class Query:
    """A query and the style that it describes.

    Attributes:
        id: its form (text, picture, both) and a number.
        text: empty for a picture alone.
        image: path beside the query file; empty for text alone.
        style: of some product with a picture.
        attributes: what a perfect result shares besides the kind; with a picture, all.
    """

    id: str
    text: str
    image: str
    style: Style
    attributes: tuple[str, ...]

    @property
    def category(self) -> str:
        """The category of its kind."""
        return kinds()[self.style.kind].category

    def relevant(self, products: Iterable[DemoProduct]) -> dict[str, int]:
        """Product id → grade, of every relevant product."""
        grades = {each.id: grade(self.style, self.attributes, each.style) for each in products}
        return {name: value for name, value in grades.items() if value > 0}

    def row(self, products: Iterable[DemoProduct]) -> dict[str, Any]:
        """The query as one object of the query file."""
        return {
            "id": self.id,
            "text": self.text,
            "image": self.image,
            "category": self.category,
            "kind": self.id.partition("-")[0],
            "relevant": self.relevant(products),
        }


def grade(wanted: Style, attributes: Sequence[str], offered: Style) -> int:
    """The grade of a product for a query.

    Returns:
        2 when the kind and all attributes are the same, 1 when the kind and at least half of them
        are, else 0.
    """
    if wanted.kind != offered.kind:
        return 0
    same = sum(getattr(wanted, name) == getattr(offered, name) for name in attributes)
    if same == len(attributes):
        return 2
    return 1 if same and 2 * same >= len(attributes) else 0


def make_queries(products: Sequence[DemoProduct]) -> Iterator[Query]:
    """All queries, in a fixed order."""
    rng = Random(SEED)
    templates = sentences("queries")
    for number in range(TEXT_QUERIES):
        style = _style(products, number, rng)
        attributes = rng.sample(ATTRIBUTES, k=1 + number // len(kinds()) % 3)
        length = ("one", "two", "three")[len(attributes) - 1]
        text = _text(rng.choice(templates["text"][length]), style, attributes, rng)
        yield Query(f"text-{number + 1:03d}", text, "", style, tuple(attributes))
    for number in range(PICTURE_QUERIES):
        name = f"picture-{number + 1:03d}"
        yield Query(name, "", f"{IMAGES}/{name}.jpg", _style(products, number, rng), ATTRIBUTES)
    for number in range(BOTH_QUERIES):
        name = f"both-{number + 1:03d}"
        style = _style(products, number, rng)
        text = _text(rng.choice(templates["both"]["one"]), style, [rng.choice(ATTRIBUTES)], rng)
        yield Query(name, text, f"{IMAGES}/{name}.jpg", style, ATTRIBUTES)


def picture(query: Query) -> bytes:
    """The JPEG of a picture query: its style, in a scene that no product has."""
    return jpeg(draw(query.style, draw_scene(Random(f"{SEED} scene {query.id}"))))


def write_queries(folder: Path, products: Sequence[DemoProduct]) -> int:
    """Write `queries.jsonl` and `query_images/` into a folder; returns the number of queries.

    Raises:
        OSError: the folder cannot be written.
    """
    queries = list(make_queries(products))
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for query in queries:
        if query.image:
            (folder / query.image).write_bytes(picture(query))
    lines = (json.dumps(query.row(products), ensure_ascii=False) + "\n" for query in queries)
    (folder / QUERIES).write_text("".join(lines), encoding="utf-8")
    return len(queries)


def _style(products: Sequence[DemoProduct], number: int, rng: Random) -> Style:
    """The style of a random product with a picture, of each kind in turn."""
    kind = list(kinds())[number % len(kinds())]
    return rng.choice([each.style for each in products if each.style.kind == kind and each.image])


def _text(template: str, style: Style, attributes: Sequence[str], rng: Random) -> str:
    noun = rng.choice(kinds()[style.kind].words.query)
    words = (rng.choice(words_of(style, name).query) for name in attributes)
    return template.format(noun=noun, **dict(zip("abc", words, strict=False)))
