"""The picture of a query: uploaded, or fetched from an address."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urlsplit

import streamlit as st
from PIL import Image

from app.errors import sentence_of
from pictures.decode_workers import open_untrusted
from pictures.errors import HostNotPublic, PictureError
from pictures.fetcher import fetch_picture
from pictures.limit import Busy

# Shortest side that is kept in the visitor's session. Models read 224 or 336; a phone's photo of
# 50 megapixels would take 150 MB a visitor.
SIDE = 448

# Instead of the fetcher's sentences: whether a name is known to this machine's network, and is not
# public, is no visitor's business.
NOT_PUBLIC = "The picture’s host is not found on the public web. Check how its name is written."


@dataclass(frozen=True)
class QueryPicture:
    """The picture that a visitor searches with.

    Attributes:
        image: RGB; None where there is none.
        problem: why it cannot be used; empty where it can, or where none was given.
        retry: whether another attempt may succeed.
    """

    image: Image.Image | None = None
    problem: str = ""
    retry: bool = False


def read_upload(file: BinaryIO, identity: str) -> QueryPicture:
    """The picture in an uploaded file, decoded once.

    Args:
        file: as the browser sent it.
        identity: differs from that of the visitor's other uploads.
    """
    return _once(identity, file.read, retry=False)


def fetch(address: str) -> QueryPicture:
    """The picture at a web address, fetched once; a failure is kept too, until `forget`."""
    host = _host(address)
    with st.spinner(f"Fetching the picture from {host} …" if host else "Fetching the picture …"):
        return _once(address, lambda: fetch_picture(address), retry=True)


def forget() -> None:
    """Let the next run of the page read the picture again."""
    st.session_state.pop("query_picture", None)


def _once(identity: str, read: Callable[[], bytes], *, retry: bool) -> QueryPicture:
    kept = st.session_state.get("query_picture")
    if kept and kept[0] == identity:
        return kept[1]
    try:
        picture = QueryPicture(open_untrusted(read(), side=SIDE))
    except Busy as error:
        return QueryPicture(problem=str(error), retry=True)
    except HostNotPublic:
        picture = QueryPicture(problem=NOT_PUBLIC, retry=retry)
    except PictureError as error:
        picture = QueryPicture(problem=error.sentence, retry=retry)
    except Exception as error:  # noqa: BLE001 - the last resort: the page stays
        picture = QueryPicture(problem=sentence_of(error, "The picture"), retry=retry)
    st.session_state.query_picture = (identity, picture)
    return picture


def _host(address: str) -> str:
    """The address's host, where it is made of letters, digits, dots and hyphens alone."""
    try:
        name = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return name if name.isascii() and name.replace(".", "").replace("-", "").isalnum() else ""
