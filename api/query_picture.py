"""The picture of a query: uploaded, in the body, or at an address on the web."""

from collections.abc import Callable

from PIL.Image import Image

from api.problems import INVALID, ProblemError
from api.service import Service
from pictures.data_address import is_data
from pictures.decode_workers import open_untrusted
from pictures.fetcher import fetch_picture
from pictures.sources import is_web, read_source

SIDE = 448  # shortest side in pixels; models read 224 to 384


async def read_upload(service: Service, data: bytes) -> Image:
    """Decode an uploaded file."""
    return await service.picture_threads.run(_open, lambda: data)


async def read_address(service: Service, address: str) -> Image:
    """Read the picture of a data: address, or fetch one from the web.

    Raises:
        ProblemError: it is another address, or addresses on the web are not fetched here.
    """
    if is_data(address):
        return await service.picture_threads.run(_open, lambda: read_source(address))
    if not is_web(address):
        raise ProblemError(
            INVALID, "A picture is at an https:, http: or data: address, or is uploaded as a file."
        )
    if not service.settings.fetch:
        raise ProblemError(
            INVALID, "This server fetches no pictures: upload the file, or send a data: address."
        )
    return await service.picture_threads.run(_open, lambda: fetch_picture(address))


def _open(read: Callable[[], bytes]) -> Image:
    """Decode untrusted bytes in the decode workers."""
    return open_untrusted(read(), side=SIDE)
