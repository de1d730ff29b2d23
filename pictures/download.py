"""The body of one response, gathered under a cap."""

import zlib
from collections.abc import Mapping

from pictures.decoder import not_read
from pictures.errors import PictureError, shorten
from pictures.formats import HEAD, READ, identify
from pictures.jpeg import START

UNCOMPRESSED = ("", "identity")
ZLIB_ENCODINGS = ("gzip", "x-gzip", "deflate")
ANY_ZLIB_HEADER = 32  # zlib's flag for: detect gzip or zlib


class Download:
    """Gathers a response's bytes; stops as soon as they exceed the cap or are no picture's.

    The first bytes decide what is a picture, not the label. Some servers compress though the
    request does not accept it: gzip and deflate are decompressed, never beyond the cap.
    """

    def __init__(self, name: str, headers: Mapping[str, str], max_bytes: int) -> None:
        """Check a response's headers.

        Args:
            name: The address, for sentences.
            headers: By lower-case name.
            max_bytes: The cap, as received and as decompressed.

        Raises:
            PictureError: "too large" or "not a picture", as for `add` and `picture`.
        """
        self._name = name
        self._max_bytes = max_bytes
        self._label = shorten(headers.get("content-type", "nothing"))
        self._check_size(int(headers.get("content-length", "0")))
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in (*UNCOMPRESSED, *ZLIB_ENCODINGS):
            raise PictureError(
                "not a picture",
                f"{name} is compressed as {shorten(encoding)}, which was not accepted.",
            )
        self._decompressor = (
            zlib.decompressobj(zlib.MAX_WBITS | ANY_ZLIB_HEADER)
            if encoding in ZLIB_ENCODINGS
            else None
        )
        self._received = 0
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes. Raises PictureError when more would be no use."""
        self._received += len(chunk)
        self._check_size(self._received)
        self._data += self._decompressed(chunk)
        self._check_size(len(self._data))
        if len(self._data) >= HEAD:
            self._check_format()

    def picture(self) -> bytes:
        """All bytes, decompressed.

        Raises:
            PictureError: "truncated", "empty" or "not a picture".
        """
        if self._received and self._decompressor and not self._decompressor.eof:
            raise PictureError("truncated", f"{self._name} is compressed, and its end is missing.")
        if not self._data:
            raise PictureError("empty", f"{self._name} is empty.")
        self._check_format()
        return bytes(self._data)

    def _decompressed(self, chunk: bytes) -> bytes:
        if self._decompressor is None:
            return chunk
        try:
            return self._decompressor.decompress(chunk, self._max_bytes + 1 - len(self._data))
        except zlib.error as error:
            raise PictureError(
                "not a picture", f"{self._name} is compressed, and its data is damaged."
            ) from error

    def _check_size(self, size: int) -> None:
        if size > self._max_bytes:
            raise PictureError(
                "too large", f"{self._name} is larger than {self._max_bytes:,} bytes."
            )

    def _check_format(self) -> None:
        kind = identify(self._data)
        if kind not in READ and (kind or START not in self._data[:HEAD]):
            raise not_read(kind, self._name, f" (its label is {self._label})")
