"""Amazon Reviews 2023: the metadata of a category, streamed from the model hub.

The data set is McAuley-Lab/Amazon-Reviews-2023, one JSON Lines file a category; All_Beauty has
112,590 rows in some 200 MB, so rows are read while they are downloaded; nothing is cached.
"""

import io
from pathlib import Path

import httpx

from catalog import CatalogError

PREFIX = "amazon:"
REPOSITORY = "McAuley-Lab/Amazon-Reviews-2023"
FILE = "raw/meta_categories/meta_{}.jsonl"
LINK = "https://www.amazon.com/dp/{}"

TIMEOUT = httpx.Timeout(30, connect=10)  # seconds
ATTEMPTS = 5  # connections in a row that may break without a byte
CHUNK = 2**16


def hub_category(source: Path) -> str:
    """The category of a source written `amazon:All_Beauty`; empty for any other source."""
    written = str(source)
    return written.removeprefix(PREFIX) if written.startswith(PREFIX) else ""


def open_category(category: str) -> io.BufferedReader:
    """A category's metadata as a file that is downloaded while it is read.

    Raises:
        CatalogError: the hub cannot be reached, or has no such category; also while reading, when
            the connection breaks `ATTEMPTS` times.
    """
    from huggingface_hub import hf_hub_url

    address = hf_hub_url(REPOSITORY, FILE.format(category), repo_type="dataset")
    return io.BufferedReader(_WebFile(address, category), CHUNK)


class _WebFile(io.RawIOBase):
    """A file on the web, read sequentially; a broken connection is resumed with a Range request."""

    def __init__(self, address: str, category: str) -> None:
        self._address = address
        self._category = category
        self._client = httpx.Client(follow_redirects=True, timeout=TIMEOUT)
        self._position = 0
        self._left = b""  # of the last chunk
        self._connect()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        for _ in range(ATTEMPTS):
            try:
                if not self._left:
                    self._left = next(self._chunks, b"")
                taken = min(len(buffer), len(self._left))
                buffer[:taken] = self._left[:taken]
                self._left = self._left[taken:]
                self._position += taken
                return taken
            except httpx.TransportError:
                self._response.close()
                self._connect()
        raise self._failure("the connection keeps breaking")

    def close(self) -> None:
        if not self.closed:
            self._client.close()
        super().close()

    def _connect(self) -> None:
        """Request what has not been read yet."""
        headers = {"Accept-Encoding": "identity"}
        if self._position:
            headers["Range"] = f"bytes={self._position}-"
        try:
            request = self._client.build_request("GET", self._address, headers=headers)
            self._response = self._client.send(request, stream=True)
        except httpx.TransportError as error:
            raise self._failure("the model hub cannot be reached") from error
        if self._response.status_code == httpx.codes.NOT_FOUND:
            raise CatalogError(
                f"Amazon Reviews 2023 has no category {self._category!r}; names are written "
                "as All_Beauty or Appliances."
            )
        expected = httpx.codes.PARTIAL_CONTENT if self._position else httpx.codes.OK
        if self._response.status_code != expected:
            raise self._failure(f"the model hub answered {self._response.status_code}")
        self._chunks = self._response.iter_raw(CHUNK)
        self._left = b""

    def _failure(self, what: str) -> CatalogError:
        return CatalogError(
            f"{PREFIX}{self._category} cannot be read: {what}. Run the same command again later, "
            f"or download meta_{self._category}.jsonl by other means and name that file."
        )
