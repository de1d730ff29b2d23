"""A generated shop of any size, in a folder that is kept between runs."""

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.generated import VOCABULARY
from benchmarks.measured_job import Job, run_job, size_of

NAME = "benchmark"
SIDE = 32  # of the pictures, pixels
# Words of a description: most are longer than CLIP's token limit, as in real shops.
DESCRIPTION_WORDS = (10, 150)
CHANGED = 100  # one product in so many changes


@dataclass(frozen=True)
class Shop:
    """A shop of one size, in a folder that is kept between runs.

    Attributes:
        n: products.
        pictures: whether each has one.
        dim: dimension of the vectors.
        folder: of all that is measured.
    """

    n: int
    pictures: bool
    dim: int
    folder: Path

    @property
    def home(self) -> Path:
        """VITRINE_HOME of the jobs."""
        return self.folder / "shop"

    @property
    def feed(self) -> Path:
        """The file of products."""
        return self.folder / "products.jsonl"

    def run(self, what: str, *words: str, fills: str = "") -> Job:
        """Run a job; `fills` is the folder or file of the shop that it fills."""
        job = run_job(what, ["ingest", *words, "--json"], self.home)
        return replace(job, stored_bytes=size_of(self.home / fills)) if fills else job

    def vectors(self, what: str, *words: str, fills: str = "") -> Job:
        """Run the job `vectors`."""
        return self.run(what, "vectors", "--variant", NAME, *words, fills=fills)


def rows(n: int, *, pictures: bool, changed: bool = False) -> Iterator[dict[str, Any]]:
    """Generated products, equal in every call; `changed` gives one in a hundred a new title."""
    rng = np.random.default_rng(0)
    for number in range(n):
        words = rng.choice(VOCABULARY, 6 + int(rng.integers(*DESCRIPTION_WORDS)))
        new = "new " if changed and number % CHANGED == 0 else ""
        row = {
            "id": f"B{number:09d}",
            "title": f"{new}{' '.join(words[:6])} {number}",
            "description": " ".join(words[6:]),
            "brand": f"brand {number % 500}",
            "category": f"category {number % 20}",
            "price": number % 1000 + 0.99,
        }
        if pictures:
            row["image"] = _picture(rng)
        yield row


def queries(count: int) -> list[str]:
    """Texts of three words, as people type them."""
    rng = np.random.default_rng(1)
    return [" ".join(rng.choice(VOCABULARY, 3)) for _ in range(count)]


def _picture(rng: np.random.Generator) -> str:
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(coarse).resize((SIDE, SIDE)).save(file, "jpeg")
    return f"data:image/jpeg;base64,{b64encode(file.getvalue()).decode()}"


def write_feed(path: Path, products: Iterator[dict[str, Any]]) -> None:
    """Write products as JSON Lines."""
    with path.open("w", encoding="utf-8") as out:
        out.writelines(f"{json.dumps(product)}\n" for product in products)
