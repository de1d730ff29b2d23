"""The picture of a query: a file, bytes, an address, or one that is decoded already."""

from pathlib import Path

from PIL import Image

from pictures.errors import PictureError
from pictures.sources import is_web, read_source
from search.query import QueryError

Picture = Image.Image | bytes | Path | str


def open_picture(picture: Picture) -> Image.Image:
    """Read and decode a picture; one on the web is fetched as a catalogue's are.

    Args:
        picture: the bytes of a file, its path, an https:, http: or data: address, or an image.

    Returns:
        RGB.

    Raises:
        QueryError: it cannot be read; the sentence has the reason and what can be named instead.
    """
    if isinstance(picture, Image.Image):
        return picture.convert("RGB")
    # A search by words needs neither the fetcher's libraries nor those of the decode workers.
    from pictures.decode_workers import open_untrusted
    from pictures.fetcher import fetch_picture

    try:
        if isinstance(picture, bytes):
            return open_untrusted(picture)
        address = str(picture)
        read = fetch_picture if is_web(address) else read_source
        return open_untrusted(read(address), address)
    except PictureError as error:
        raise QueryError(
            f"{error} Name another picture: a file, or an https:, http: or data: address."
        ) from None
