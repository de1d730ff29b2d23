"""Pictures as cards show them: without white borders, in boxes of the shop's own aspect."""

import io
from itertools import islice
from pathlib import Path
from statistics import median

import streamlit as st
from PIL import Image, ImageChops, ImageFilter

SIDE = 480  # pixels of the longer side: a card of 240 on a screen of two pixels a point
MAX_ENLARGEMENT = 3.0  # a feed's smallest pictures are usually 60 × 80
KEPT = 4_000  # thumbnails in memory, at some 20 KB: 80 MB

WHITE = 250  # darkest channel of a pixel that counts as white: JPEG leaves white a little darker
MARGIN = 0.03  # of the longer side of what is not white; its edges may be nearly white

SAMPLE = 48  # pictures whose median is the shop's aspect
NARROWEST, WIDEST = 2 / 3, 3 / 2  # boxes that rows of cards can have


@st.cache_data(max_entries=KEPT, show_spinner=False)
def make_thumbnail(path: str) -> bytes | None:
    """A stored picture as a small JPEG; None where its file is gone or broken.

    Cached by path alone: a stored picture never changes, its file is named by its content.
    """
    try:
        with Image.open(path) as stored:
            picture = trim_white(stored.convert("RGB"))
    except OSError:
        return None
    scale = min(SIDE / max(picture.size), MAX_ENLARGEMENT)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    data = io.BytesIO()
    picture.resize((width, height), Image.Resampling.LANCZOS).save(data, "JPEG", quality=88)
    return data.getvalue()


def trim_white(image: Image.Image) -> Image.Image:
    """An RGB picture without white borders, but for a small margin; specks are no content."""
    red, green, blue = image.split()
    darkest = ImageChops.darker(ImageChops.darker(red, green), blue)
    content = darkest.point(lambda value: 255 * (value < WHITE)).filter(ImageFilter.MedianFilter(3))
    box = content.getbbox()
    if box is None:
        return image
    left, upper, right, lower = box
    margin = round(MARGIN * max(right - left, lower - upper))
    width, height = image.size
    return image.crop(
        (
            max(0, left - margin),
            max(0, upper - margin),
            min(width, right + margin),
            min(height, lower + margin),
        )
    )


@st.cache_data(max_entries=16, show_spinner=False)
def shop_aspect(folder: Path, generation: str) -> float:
    """The median of width by height of the shop's pictures; 1 where it has none.

    Args:
        folder: of the pictures, whose names are hashes: the first ones are a random sample, and
            the folders after these, which may be of a million pictures, are not listed.
        generation: of the collection; another one is looked at anew.
    """
    aspects = []
    pictures = (path for part in sorted(folder.glob("*")) for path in sorted(part.glob("*.jpg")))
    for path in islice(pictures, SAMPLE):
        try:
            with Image.open(path) as picture:
                aspects.append(picture.width / picture.height)
        except OSError:
            continue
    return min(max(median(aspects), NARROWEST), WIDEST) if aspects else 1.0
