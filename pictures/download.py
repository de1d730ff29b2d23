"""The bytes of one answer from the web, gathered under a cap."""

import zlib

import httpx

from pictures.errors import PictureError, shorten

# What the formats of product pictures begin with; the label an answer carries is often wrong.
SIGNATURES = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"BM",
    b"II*\0",  # TIFF
    b"MM\0*",
)
SIGNATURE_LENGTH = 12  # bytes that are enough for each of them, and for WebP and AVIF

AS_IT_IS = ("", "identity")
ZLIB_PACKED = ("gzip", "x-gzip", "deflate")
ANY_ZLIB_HEADER = 32  # zlib's sign for: gzip or zlib, find out


class Download:
    """Gathers an answer's bytes; gives up as soon as they are too many or no picture's.

    The first bytes decide what is a picture, not the label. Of packed answers, though none was
    asked for, gzip and deflate are unpacked, and never beyond the cap.
    """

    def __init__(self, response: httpx.Response, max_bytes: int) -> None:
        """Look at an answer's headers. Raises PictureError when there is no use in its body."""
        self._name = shorten(response.url)
        self._cap = max_bytes
        self._label = response.headers.get("content-type", "nothing")
        self._refuse_if_large(int(response.headers.get("content-length", "0")))
        packing = response.headers.get("content-encoding", "identity").strip().lower()
        self._unpacker = self._unpacker_of(packing)
        self._received = 0
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        """Take the next bytes. Raises PictureError when there is no use in more."""
        self._received += len(chunk)
        self._refuse_if_large(self._received)
        self._data += self._unpacked(chunk)
        self._refuse_if_large(len(self._data))
        if len(self._data) >= SIGNATURE_LENGTH:
            self._refuse_if_foreign()

    def picture(self) -> bytes:
        """All the bytes, unpacked. Raises PictureError when there are none, or not a picture's."""
        if not self._data:
            raise PictureError("empty", f"{self._name} is empty.")
        self._refuse_if_foreign()
        return bytes(self._data)

    def _unpacker_of(self, packing: str) -> "zlib._Decompress | None":
        if packing in AS_IT_IS:
            return None
        if packing in ZLIB_PACKED:
            return zlib.decompressobj(zlib.MAX_WBITS | ANY_ZLIB_HEADER)
        raise PictureError(
            "not a picture", f"{self._name} is packed as {packing}, which was not asked for."
        )

    def _unpacked(self, chunk: bytes) -> bytes:
        if self._unpacker is None:
            return chunk
        try:
            return self._unpacker.decompress(chunk, self._cap + 1 - len(self._data))
        except zlib.error as error:
            raise PictureError(
                "not a picture", f"{self._name} is packed in a way that cannot be unpacked."
            ) from error

    def _refuse_if_large(self, size: int) -> None:
        if size > self._cap:
            raise PictureError("too large", f"{self._name} is larger than {self._cap:,} bytes.")

    def _refuse_if_foreign(self) -> None:
        if not _begins_like_a_picture(bytes(self._data[:SIGNATURE_LENGTH])):
            raise PictureError(
                "not a picture", f"{self._name} is no picture; it calls itself {self._label}."
            )


def _begins_like_a_picture(head: bytes) -> bool:
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    avif = head[4:8] == b"ftyp"
    return webp or avif or head.startswith(SIGNATURES)
