"""The picture of a query: uploaded, or fetched from an address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import streamlit as st
from PIL import Image

from pictures.errors import PictureError
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import fetch_picture
from pictures.store import decode

# A person waits for this one: tighter than for a whole catalogue.
LIMITS = FetchSettings(connect=3.0, read=5.0, total=10.0, retries=1)

# Shortest side that is kept while a visitor is here. Models look at 224 or 336; a phone's photo
# of 50 megapixels would cost 150 MB a visitor.
SIDE = 448


@dataclass(frozen=True)
class QueryPicture:
    """What became of the picture a person gave.

    Attributes:
        image: RGB; None where there is none.
        problem: why there is none; empty where it is there, or none was given.
    """

    image: Image.Image | None = None
    problem: str = ""


def uploaded(file: BinaryIO, identity: str) -> QueryPicture:
    """The picture in an uploaded file, decoded once.

    Args:
        file: what the browser sent.
        identity: tells this upload from the visitor's others.
    """
    return _once(identity, lambda: file.read())


def fetched(address: str) -> QueryPicture:
    """The picture at a web address, fetched once: a failure, too, is remembered until `forget`."""
    host = _host(address)
    with st.spinner(f"Fetching the picture from {host} …" if host else "Fetching the picture …"):
        return _once(address, lambda: fetch_picture(address, LIMITS).data)


def forget() -> None:
    """Let the next run read the picture again."""
    st.session_state.pop("picture", None)


def _once(identity: str, read: Callable[[], bytes]) -> QueryPicture:
    kept = st.session_state.get("picture")
    if kept and kept[0] == identity:
        return kept[1]
    try:
        picture = QueryPicture(_shrunken(decode(read())))
    except PictureError as error:
        picture = QueryPicture(problem=error.sentence)
    st.session_state["picture"] = (identity, picture)
    return picture


def _shrunken(image: Image.Image) -> Image.Image:
    scale = SIDE / min(image.size)
    if scale >= 1:
        return image
    width, height = (round(side * scale) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3.0)


def _host(address: str) -> str:
    """The name in an address, where it is nothing but letters, digits, dots and hyphens."""
    try:
        name = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return name if name.isascii() and name.replace(".", "").replace("-", "").isalnum() else ""
