"""The demo shop in words of its own, which its model has yet to learn.

The model was trained for the demo shop's words, and training on the shop's products gains nothing
there. A real shop calls its colours what it likes. Here every colour and finish has a house name
that no training text used, and the pictures are the demo shop's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from demo import DemoError
from demo.shop import SEED, Article, articles
from demo.wording import fill, sentences, titled

PRODUCTS = "house.jsonl"


def write_house(folder: Path) -> int:
    """Write `house.jsonl` beside the pictures of a drawn shop.

    Args:
        folder: what `shop.write_shop` wrote.

    Returns:
        The number of products: those that have a picture.

    Raises:
        DemoError: the folder cannot be written.
    """
    rows = list(_rows())
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        (folder / PRODUCTS).write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or "unknown reason"
        raise DemoError(f"{folder} cannot be written ({reason}): draw the shop first.") from error
    return len(rows)


def title(article: Article) -> str:
    """A product's title in the words of the house; the same on every machine."""
    house, shop = sentences("house"), sentences("shop")
    rng = Random(f"{SEED} house {article.id}")
    template: str = rng.choice(house["titles"])
    for attribute in ("colour", "finish"):
        template = template.replace(
            f"{{{attribute}}}", house[attribute][getattr(article.look, attribute)]
        )
    others = {"brand": [article.brand], "line": shop["lines"][article.category]}
    return titled(fill(template, article.look, rng, voice="shop", others=others).text)


def _rows() -> Iterator[dict[str, Any]]:
    for article in articles():
        if article.image:
            yield {
                "id": article.id,
                "title": title(article),
                "brand": article.brand,
                "category": article.category,
                "image": article.image,
            }
