"""Formats of files, by how they begin: those that are read, and others that shops often name."""

import re

READ = ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF", "HEIF")
HEAD = 1024  # bytes that are enough to identify a file

# Beginning → format. Two-byte beginnings come last.
SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF, whose offsets have 64 bits
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"II\xbc", "JPEG XR"),
    (b"8BPS", "PSD"),
    (b"%!PS", "EPS"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"%PDF", "PDF"),
    (b"gimp xcf", "XCF"),
    (b"\0\0\x01\0", "ICO"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"v/1\x01", "OpenEXR"),
    (b"PK\3\4", "ZIP"),
    (b"\x1f\x8b", "gzip"),
    (b"\x1aE\xdf\xa3", "Matroska"),
    (b"\xff\x0a", "JPEG XL"),
    (b"BM", "BMP"),
)

# Of the ISO base media file format: the major brand → format; any other one is a video's.
BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    **dict.fromkeys(
        (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIF"
    ),
    b"crx ": "Canon RAW",
}

# What is no picture at all; the other formats that are not read hold pictures.
NO_PICTURES = {"HTML", "XML", "JSON", "ZIP", "gzip", "Matroska", "MP4"}

MARKUP = (
    (re.compile(rb"<svg[\s>]|<!doctype svg", re.IGNORECASE), "SVG"),
    (re.compile(rb"<!doctype html|<(html|head|body|title|script|meta)\b", re.IGNORECASE), "HTML"),
)


def identify(data: bytes | bytearray) -> str:
    """The format of a file; empty for an unknown one.

    Args:
        data: The first `HEAD` bytes, or the whole file.
    """
    head = bytes(data[:HEAD])
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return BRANDS.get(head[8:12], "MP4")
    for beginning, name in SIGNATURES:
        if head.startswith(beginning):
            return name
    return _text_format(head.removeprefix(b"\xef\xbb\xbf").lstrip())


def _text_format(head: bytes) -> str:
    if head.startswith(b"<"):
        return next((name for pattern, name in MARKUP if pattern.search(head)), "XML")
    return "JSON" if head.startswith((b'{"', b"[{")) else ""
