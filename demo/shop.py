"""The demo shop: 1,200 products with drawn pictures, written as an ordinary product file."""

import json
import math
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from demo.drawing import draw, draw_scene, jpeg, map_in_processes
from demo.style import ATTRIBUTES, Kind, Style, draw_styles, kinds, words_of
from demo.wording import fill, sentences, titled
from vitrine.whole_files import write_whole

SEED = 2023
PER_KIND = 75  # 16 kinds of 75 make 1,200 products
# Some products have no picture, and one has a truncated one, as in real shops.
WITHOUT_PICTURE_EVERY = 97
BROKEN = "toaster-041"
BROKEN_BYTES = 1500  # what is left of the broken picture: its header and a strip

PRODUCTS = "products.jsonl"
IMAGES = "images"
NOTICE = Path(__file__).parent / "notice.md"  # shown on the search page
LINK = "https://example.com/vitrine-demo/"


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """One product of the shop. `image` is empty where there is no picture."""

    id: str
    style: Style
    title: str
    description: str
    brand: str
    price: float
    rating: float
    rating_count: int
    features: tuple[str, ...]
    image: str

    @property
    def category(self) -> str:
        """The category of its kind."""
        return kinds()[self.style.kind].category

    def row(self) -> dict[str, Any]:
        """The product as one object of the product file."""
        style = self.style
        details = {name.capitalize(): words_of(style, name).shop[0] for name in ATTRIBUTES}
        return {
            "id": self.id,
            "title": self.title,
            "description": self.description,
            "features": list(self.features),
            "brand": self.brand,
            "category": self.category,
            "price": self.price,
            "rating": self.rating,
            "rating_count": self.rating_count,
            "details": details,
            "link": LINK + self.id,
            "image": self.image,
        }


def make_products() -> Iterator[DemoProduct]:
    """All products of the shop, in a fixed order; the same on every machine."""
    number = 0
    for kind in kinds().values():
        styles = draw_styles(kind, PER_KIND, Random(f"{SEED} {kind.name}"))
        for place, style in enumerate(styles, 1):
            number += 1
            pictured = number % WITHOUT_PICTURE_EVERY != 0
            yield _product(kind, f"{kind.name.replace('_', '-')}-{place:03d}", style, pictured)


def picture(product: DemoProduct) -> bytes:
    """The JPEG of a product: its style, in a scene that follows from its id."""
    scene = draw_scene(Random(f"{SEED} scene {product.id}"))
    data = jpeg(draw(product.style, scene))
    return data[:BROKEN_BYTES] if product.id == BROKEN else data


def write_shop(folder: Path, *, limit: int | None = None, workers: int | None = None) -> int:
    """Write `products.jsonl`, `images/` and the page's notice; existing files are replaced.

    Args:
        folder: made where absent.
        limit: only every n-th product, so that about `limit` remain; for tests.
        workers: processes that draw; one for each core when None.

    Returns:
        The number of products.

    Raises:
        OSError: the folder cannot be written.
    """
    chosen = list(make_products())
    if limit is not None:
        chosen = chosen[:: max(1, len(chosen) // limit)]
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    pictured = [product for product in chosen if product.image]
    map_in_processes(partial(_write_picture, folder=folder), pictured, workers)
    lines = (json.dumps(product.row(), ensure_ascii=False) + "\n" for product in chosen)
    write_whole(folder / PRODUCTS, "".join(lines))
    shutil.copyfile(NOTICE, folder / "demo.md")
    return len(chosen)


def _write_picture(product: DemoProduct, folder: Path) -> None:
    (folder / product.image).write_bytes(picture(product))


def _product(kind: Kind, name: str, style: Style, pictured: bool) -> DemoProduct:
    rng = Random(f"{SEED} {name}")
    shop = sentences("shop")
    brand = rng.choice(shop["brands"][kind.category])
    line = rng.choice(shop["lines"][kind.category])
    filler = shop["fillers"][kind.category]
    others = {"brand": [brand], "line": [line], "filler": filler}
    title = fill(rng.choice(shop["titles"]), style, rng, voice="shop", others=others)
    description = fill(rng.choice(shop["descriptions"]), style, rng, voice="shop", others=others)
    return DemoProduct(
        id=name,
        style=style,
        title=titled(title.text),
        description=description.text,
        brand=brand,
        price=_price(kind, style, rng),
        rating=round(min(5.0, max(2.6, rng.gauss(4.2, 0.45))), 1),
        rating_count=int(math.exp(rng.uniform(1.0, 8.2))),
        features=tuple(rng.sample(shop["features"][kind.category], k=3)),
        image=f"{IMAGES}/{name}.jpg" if pictured else "",
    )


def _price(kind: Kind, style: Style, rng: Random) -> float:
    """Within the kind's range, small sizes in its lower half; dollars that end on .49 or .99."""
    low, high = kind.price
    place = rng.random() ** 1.6 * (0.5 if style.size == "small" else 1.0)
    return math.floor(low * (high / low) ** place) + rng.choice((0.49, 0.99))
