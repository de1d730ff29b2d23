"""The demo shop under other colour and finish names, which its model has never seen.

The model was trained on the demo shop's words, and fine-tuning on the shop's products gains nothing
there. Here every colour and finish has an invented name that is in no training text, as real shops
name theirs; the pictures are the demo shop's.
"""

import json
from pathlib import Path
from random import Random

from demo import DemoError
from demo.shop import IMAGES, SEED, DemoProduct, make_products
from demo.wording import fill, sentences, titled

PRODUCTS = "renamed.jsonl"


def write_renamed_shop(folder: Path) -> int:
    """Write `renamed.jsonl` beside the pictures of a drawn shop.

    Args:
        folder: that `shop.write_shop` wrote.

    Returns:
        The number of products: those that have a picture.

    Raises:
        DemoError: the folder holds no demo shop.
        OSError: the folder cannot be written.
    """
    if not (folder / IMAGES).is_dir():
        raise DemoError(f"{folder} holds no demo shop: python -m demo make {folder}")
    rows = [
        {
            "id": product.id,
            "title": title(product),
            "brand": product.brand,
            "category": product.category,
            "image": product.image,
        }
        for product in make_products()
        if product.image
    ]
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / PRODUCTS).write_text("".join(lines), encoding="utf-8")
    return len(rows)


def title(product: DemoProduct) -> str:
    """A product's title with the invented names; the same on every machine."""
    names, shop = sentences("renamed"), sentences("shop")
    rng = Random(f"{SEED} house {product.id}")
    template: str = rng.choice(names["titles"])
    for attribute in ("colour", "finish"):
        template = template.replace(
            f"{{{attribute}}}", names[attribute][getattr(product.style, attribute)]
        )
    others = {"brand": [product.brand], "line": shop["lines"][product.category]}
    return titled(fill(template, product.style, rng, voice="shop", others=others).text)
