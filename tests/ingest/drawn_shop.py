"""A drawn shop whose pictures lie on the web, and that changes from edition to edition."""

import io
import json
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from tests.ingest.picture_web import PictureWeb

PRODUCTS = 400
SIDE = 480  # pixels, so that shrinking takes some of a job's time
LONG = "It is made of good steel, lasts for many years and is washed by hand. " * 4
COLOURS = ("crimson", "teal", "olive", "navy", "coral", "ivory")
KINDS = {"lipstick": "Beauty", "kettle": "Appliances"}


def picture(path: str) -> bytes:
    """A JPEG of coarse noise, the same for a path at any time; none where it is to be absent."""
    if path.startswith("/absent"):
        return b""
    noise = np.random.default_rng(zlib.crc32(path.encode())).integers(0, 256, (8, 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(file, "JPEG")
    return file.getvalue()


def rows(web: PictureWeb, edition: int) -> list[dict[str, object]]:
    """The products of an edition: from one to the next a third change, and some come and go."""
    return [
        _row(web, number, (edition + number) // 3)
        for number in range(PRODUCTS)
        if (number + edition) % 29
    ]


def write(file: Path, web: PictureWeb, edition: int) -> Path:
    """The products of an edition as JSON Lines."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in rows(web, edition)))
    return file


def _row(web: PictureWeb, number: int, state: int) -> dict[str, object]:
    """A product in one of its states: words and picture change by turns, the price always."""
    words, seen = divmod(state, 2)
    kind = list(KINDS)[number % 2]
    paths = {7: "/absent.jpg", 11: "/shared.jpg", 13: ""}
    path = paths.get(number % 20, f"/{number}-{words + seen}.jpg")
    return {
        "id": f"p{number:04}",
        "title": f"{COLOURS[number % 6]} {kind} {words}",
        "description": LONG + f"Number {number}, {words}." if number % 10 == 0 else "",
        "category": KINDS[kind],
        "price": number + state + 1,
        "image": web.address(path) if path else None,
    }
