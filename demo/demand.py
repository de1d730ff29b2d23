"""The demo's queries, and which products answer them how well: known from the attributes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from demo import DemoError
from demo.drawing import draw, draw_scene, jpeg
from demo.looks import ATTRIBUTES, Look, kinds, words_of
from demo.shop import Article
from demo.wording import sentences

SEED = 77
TEXT_QUERIES = 96  # six of each kind: two that name one attribute, two that name two, two three
PICTURE_QUERIES = 48  # three of each kind
BOTH_QUERIES = 48
QUERIES = "queries.jsonl"
IMAGES = "query_images"


@dataclass(frozen=True, slots=True)
class Demand:
    """A query with its answers. `image` is a path beside the file, empty for words alone."""

    id: str
    text: str
    image: str
    look: Look
    asks: tuple[str, ...]  # what a perfect answer shares besides the kind; of a picture, all

    @property
    def category(self) -> str:
        """The shop department of the kind that is asked for."""
        return kinds()[self.look.kind].category

    def relevant(self, articles: Iterable[Article]) -> dict[str, int]:
        """Product id -> grade, for every product that answers at all."""
        grades = {article.id: grade(self.look, self.asks, article.look) for article in articles}
        return {name: value for name, value in grades.items() if value > 0}


def grade(wanted: Look, asks: Sequence[str], offered: Look) -> int:
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


def demands(articles: Sequence[Article]) -> Iterator[Demand]:
    """All queries, in a fixed order. Each asks for the look of some product with a picture."""
    rng = Random(SEED)
    for number in range(TEXT_QUERIES):
        look = _wanted(articles, number, rng)
        asks = rng.sample(ATTRIBUTES, k=1 + number // len(kinds()) % 3)
        length = ("one", "two", "three")[len(asks) - 1]
        text = _ask(rng.choice(sentences("queries")["text"][length]), look, asks, rng)
        yield Demand(f"text-{number + 1:03d}", text, "", look, tuple(asks))
    for number in range(PICTURE_QUERIES):
        name = f"picture-{number + 1:03d}"
        yield Demand(name, "", f"{IMAGES}/{name}.jpg", _wanted(articles, number, rng), ATTRIBUTES)
    for number in range(BOTH_QUERIES):
        name = f"both-{number + 1:03d}"
        look = _wanted(articles, number, rng)
        text = _ask(
            rng.choice(sentences("queries")["both"]["one"]), look, [rng.choice(ATTRIBUTES)], rng
        )
        yield Demand(name, text, f"{IMAGES}/{name}.jpg", look, ATTRIBUTES)


def picture(demand: Demand) -> bytes:
    """The JPEG of a picture query: the look wanted, in a scene of its own."""
    return jpeg(draw(demand.look, draw_scene(Random(f"{SEED} scene {demand.id}"))))


def row(demand: Demand, articles: Iterable[Article]) -> dict[str, Any]:
    """The query as one object of the query file."""
    return {
        "id": demand.id,
        "text": demand.text,
        "image": demand.image,
        "category": demand.category,
        "kind": demand.id.partition("-")[0],
        "relevant": demand.relevant(articles),
    }


def write_queries(folder: Path, articles: Sequence[Article]) -> int:
    """Write `queries.jsonl` and `query_images/` into a folder.

    Returns:
        The number of queries.

    Raises:
        DemoError: the folder cannot be written.
    """
    written = list(demands(articles))
    try:
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        for demand in written:
            if demand.image:
                (folder / demand.image).write_bytes(picture(demand))
        lines = (json.dumps(row(each, articles), ensure_ascii=False) + "\n" for each in written)
        (folder / QUERIES).write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DemoError(f"{folder} cannot be written ({reason}): give another folder.") from error
    return len(written)


def _wanted(articles: Sequence[Article], number: int, rng: Random) -> Look:
    """The look of a product with a picture, of each kind in turn."""
    kind = list(kinds())[number % len(kinds())]
    return rng.choice([each.look for each in articles if each.look.kind == kind and each.image])


def _ask(template: str, look: Look, asks: Sequence[str], rng: Random) -> str:
    noun = rng.choice(kinds()[look.kind].words.query)
    words = (rng.choice(words_of(look, name).query) for name in asks)
    return template.format(noun=noun, **dict(zip("abc", words, strict=False)))
