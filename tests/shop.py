"""A small real shop for tests: coloured squares as products, embedded by a tiny random CLIP."""

import json
import os
import shutil
from pathlib import Path

from PIL import Image

from encoder.variants import Variants
from ingest.images import fetch_images
from ingest.products import load_products
from ingest.vectors import embed_products
from qdrant.embedded.generations import READERS

COLOURS = {
    "crimson": (200, 20, 40),
    "teal": (0, 128, 128),
    "olive": (120, 130, 20),
    "navy": (10, 20, 110),
    "coral": (250, 120, 90),
    "ivory": (250, 250, 235),
}
KINDS = {"lipstick": "Beauty", "kettle": "Appliances"}
ZEROS = bytes(1 << 20)


def rows() -> list[dict]:
    """Twelve products, each colour as a lipstick and as a kettle; prices 10, 20, …"""
    made = []
    for kind, category in KINDS.items():
        for number, colour in enumerate(COLOURS):
            made.append(
                {
                    "id": f"{kind}-{colour}",
                    "title": f"{colour} {kind}",
                    "description": f"A {kind} in {colour}.",
                    "brand": "Acme" if number % 2 else "Zenith",
                    "category": category,
                    "price": 10 * (len(made) + 1),
                    "rating": 3 + number / 3,
                    "image": f"{kind}-{colour}.png",
                }
            )
    return made


def write_source(folder: Path, made: list[dict] | None = None) -> Path:
    """The products as JSON Lines with their pictures beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = rows() if made is None else made
    for row in made:
        if row.get("image") and row["image"].endswith(".png"):
            draw(row["id"]).save(folder / row["image"])
    source = folder / "products.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in made))
    return source


def draw(product_id: str, side: int = 64) -> Image.Image:
    """A product's picture: its colour, in a frame that depends on the kind."""
    kind, _, colour = product_id.partition("-")
    picture = Image.new("RGB", (side, side), (255, 255, 255))
    inset = side // 4 if kind == "lipstick" else side // 8
    picture.paste(COLOURS.get(colour, (90, 90, 90)), (inset, inset, side - inset, side - inset))
    return picture


def build(home: Path, checkpoint: Path, made: list[dict] | None = None) -> Path:
    """A shop ready to be searched, under the variant `tiny`."""
    Variants(home).add("tiny", checkpoint)
    load_products(home, write_source(home / "source", made), category_field="category")
    fetch_images(home)
    embed_products(home, "tiny")
    return home


def copy(home: Path, target: Path) -> Path:
    """Copy a shop; the engine's files, of 32 MiB and nearly empty, stay sparse.

    Folders of readers are left out: one that another test has left open goes at any time.
    """
    ignore = shutil.ignore_patterns(READERS)
    return shutil.copytree(home, target, ignore=ignore, copy_function=_copy_sparse)


def _copy_sparse(source: str, target: str) -> None:
    with Path(source).open("rb") as read, Path(target).open("wb") as written:
        while block := read.read(len(ZEROS)):
            if block == ZEROS[: len(block)]:
                written.seek(len(block), os.SEEK_CUR)
            else:
                written.write(block)
        written.truncate()
    shutil.copystat(source, target)
