"""The picture of a query: uploaded, or fetched from an address."""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import streamlit as st
from PIL import Image

from app.errors import sentence_of
from app.uploads import Uploads
from pictures.decode_workers import open_untrusted
from pictures.errors import HostNotPublic, PictureError
from pictures.fetcher import fetch_picture
from pictures.limit import Busy
from search.redaction import redact_error
from vitrine import VitrineError, home

log = logging.getLogger(__name__)

# Shortest side that is kept in the visitor's session. Models read 224 or 336; a phone's photo of
# 50 megapixels would take 150 MB a visitor.
SIDE = 448

NOT_KEPT = (
    "The picture of this search is not kept here any more. Upload it again to see what is like it."
)


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


def add_upload(data: bytes) -> tuple[str, QueryPicture]:
    """Decode an uploaded file and keep its picture.

    Returns:
        Its content hash, for the address; empty where it is no picture. And the picture.
    """
    picture = _read(lambda: data, retry=False)
    if not picture.image:
        return "", picture
    try:
        digest = Uploads(home()).add(picture.image)
    except VitrineError as error:  # a disk that is full or read only: it lasts for this session
        log.warning("An uploaded picture is not kept: %s", error)
        digest = hashlib.sha256(data).hexdigest()
    _keep(digest, picture)
    return digest, picture


def find_upload(digest: str) -> QueryPicture:
    """The picture that was uploaded, in this session or in another one."""
    if kept := _kept(digest):
        return kept
    image = Uploads(home()).find(digest)
    if not image:
        return QueryPicture(problem=NOT_KEPT)
    _keep(digest, QueryPicture(image))
    return QueryPicture(image)


def fetch(address: str) -> QueryPicture:
    """The picture at a web address, fetched once; a failure is kept too, until `forget`."""
    if kept := _kept(address):
        return kept
    host = _host(address)
    with st.spinner(f"Fetching the picture from {host} …" if host else "Fetching the picture …"):
        picture = _read(lambda: fetch_picture(address), retry=True)
    _keep(address, picture)
    return picture


def forget() -> None:
    """Let the next run of the page read the picture again."""
    st.session_state.pop("query_picture", None)


def _kept(identity: str) -> QueryPicture | None:
    """The last picture of this session, where it is the one of this hash or address."""
    kept = st.session_state.get("query_picture")
    return kept[1] if kept and kept[0] == identity else None


def _keep(identity: str, picture: QueryPicture) -> None:
    st.session_state.query_picture = (identity, picture)


def _read(read: Callable[[], bytes], *, retry: bool) -> QueryPicture:
    """The picture in untrusted bytes."""
    try:
        return QueryPicture(open_untrusted(read(), side=SIDE))
    except Busy as error:
        return QueryPicture(problem=str(error), retry=True)
    except HostNotPublic as error:
        return QueryPicture(problem=redact_error(error), retry=retry)
    except PictureError as error:
        return QueryPicture(problem=error.sentence, retry=retry)
    except Exception as error:  # noqa: BLE001 - the last resort: the page stays
        return QueryPicture(problem=sentence_of(error, "The picture"), retry=retry)


def _host(address: str) -> str:
    """The address's host, where it is made of letters, digits, dots and hyphens alone."""
    try:
        name = urlsplit(address).hostname or ""
    except ValueError:
        return ""
    return name if name.isascii() and name.replace(".", "").replace("-", "").isalnum() else ""
