"""PNG files without the metadata that a picture is refused for, though its pixels are sound.

Pillow refuses a whole file over a checksum of its metadata, or over text that unpacks to more than
1 MiB. Of the ancillary chunks (PNG specification, 4.7) those that change what is seen are kept.
"""

import zlib
from collections.abc import Iterator

from PIL import PngImagePlugin

SIGNATURE_LENGTH = 8
CHUNK_OVERHEAD = 12  # length, type and checksum
ANCILLARY = 0x20  # a bit of a type's first byte
KEPT = (b"tRNS", b"iCCP", b"eXIf")  # transparency, colour profile, orientation
MAX_PROFILE = 4 * 2**20  # bytes of a colour profile, unpacked; printers' have up to 3 MB

PngImagePlugin.MAX_TEXT_CHUNK = MAX_PROFILE  # Pillow's limit on the profile, too


def without_metadata(data: bytes) -> bytes:
    """A PNG file without ancillary chunks, but for sound ones of `KEPT`."""
    return b"".join(_chunks(memoryview(data)))


def _chunks(data: memoryview) -> Iterator[memoryview]:
    yield data[:SIGNATURE_LENGTH]
    start = SIGNATURE_LENGTH
    while start + CHUNK_OVERHEAD <= len(data):
        end = start + CHUNK_OVERHEAD + int.from_bytes(data[start : start + 4])
        chunk = data[start:end]  # shorter where the file is cut off
        if not chunk[4] & ANCILLARY or _is_kept(chunk):
            yield chunk
        if chunk[4:8] == b"IEND":
            return
        start = end


def _is_kept(chunk: memoryview) -> bool:
    kind = bytes(chunk[4:8])
    if kind not in KEPT or zlib.crc32(chunk[4:-4]) != int.from_bytes(chunk[-4:]):
        return False
    return kind != b"iCCP" or _is_small_profile(bytes(chunk[8:-4]))


def _is_small_profile(body: bytes) -> bool:
    """Whether an iCCP chunk's profile can be unpacked within `MAX_PROFILE`."""
    _, _, packed = body.partition(b"\0")  # its name; then the method of compression, a zero
    inflate = zlib.decompressobj()
    try:
        inflate.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return False
    return inflate.eof
