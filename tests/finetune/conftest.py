"""A small shop to train on, of coloured shapes; and what several tests of training share."""

import io
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from catalog.catalogue import Catalogue
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.product import Product
from encoder.checkpoint import Checkpoint
from finetune.examples import Examples, read_examples
from finetune.progress import Progress, Report
from finetune.settings import VIEWS, Settings

COLOURS = {
    "crimson": (200, 20, 40),
    "teal": (0, 128, 128),
    "olive": (120, 130, 20),
    "navy": (10, 20, 110),
    "coral": (250, 120, 90),
    "ivory": (240, 240, 205),
    "plum": (120, 30, 120),
    "black": (10, 10, 10),
}
SHAPES = ("disc", "square", "bar", "cross")

# A few large steps: a tiny random CLIP changes measurably in a second.
QUICK = Settings(
    batch=8,
    learning_rate=3e-3,
    epochs=2,
    patience=0,
    validation=0.2,
    test=0.2,
    views=("title",),
    flip=False,
)


def draw(colour: str, shape: str, side: int = 64) -> bytes:
    picture = Image.new("RGB", (side, side), "white")
    pen, paint = ImageDraw.Draw(picture), COLOURS[colour]
    low, high, middle = side // 6, side - side // 6, side // 2
    if shape == "disc":
        pen.ellipse([low, low, high, high], fill=paint)
    elif shape == "square":
        pen.rectangle([low, low, high, high], fill=paint)
    else:
        pen.rectangle([low, middle - 8, high, middle + 8], fill=paint)
        if shape == "cross":
            pen.rectangle([middle - 8, low, middle + 8, high], fill=paint)
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def drawn_products() -> list[tuple[Product, bytes]]:
    """32 products, a colour and a shape each."""
    return [
        (
            Product(
                id=f"{shape}-{colour}",
                title=f"{colour} {shape}",
                description=f"A {shape} in {colour} for the wall.",
            ),
            draw(colour, shape),
        )
        for shape in SHAPES
        for colour in COLOURS
    ]


def fill(home: Path, made: list[tuple[Product, bytes]]) -> Path:
    """A catalogue of products with the bytes of their pictures; none where they are empty."""
    with Catalogue(home) as catalogue:
        catalogue.upsert(product for product, _ in made)
        catalogue.record_pictures(
            PictureOutcome.stored(
                product, "made", catalogue.pictures.add(data), picture_stamp(product)
            )
            for product, data in made
            if data
        )
    return home


class Killed(BaseException):
    """Ends a run where a signal would."""


def kill_at(step: int) -> Report:
    """A report that ends the run after a step."""

    def report(progress: Progress) -> None:
        if progress.step == step and not progress.validation:
            raise Killed

    return report


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file grow beyond a size in bytes, as a full disk would not."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.fixture
def one_thread():
    """Sums in one order, whatever the machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def shop(tmp_path_factory) -> Path:
    """A home that tests read and do not write."""
    return fill(tmp_path_factory.mktemp("shop"), drawn_products())


def read(home: Path, views: Sequence[str] = VIEWS, **options: Any) -> Examples:
    """The products of a home, with the title as product text."""
    with Catalogue(home, create=False) as catalogue:
        return read_examples(catalogue, "title", views, **options)


@pytest.fixture(scope="session")
def examples(shop) -> Examples:
    return read(shop)


@pytest.fixture(scope="session")
def checkpoint(tiny_clip) -> Checkpoint:
    return Checkpoint.in_folder(tiny_clip)
