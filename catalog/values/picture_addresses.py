"""Addresses of pictures: in text, in lists, in objects."""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest
from os.path import isfile
from pathlib import Path
from typing import Any

from selectolax.lexbor import LexborHTMLParser

from catalog.values.identifiers import identifier
from catalog.values.literals import parse_literal
from catalog.values.numerals import number

MAX_ADDRESSES = 100  # pictures of one product
MAX_BYTES_ADDRESS = 4_096  # longer bytes are a picture

SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # two letters at least: C: is a drive
START = r"(?:[a-z][a-z0-9+.-]+://|//|www\.|data:)"
SUFFIX = r"\.(?:jpe?g|jfif|png|webp|gif|avif|hei[cf]|tiff?|bmp|svg)\b"
# A bar, comma, semicolon or blank separates addresses before the start of one, and after a file's
# suffix where another file follows; elsewhere it belongs to the address.
# (Possessive, bounded and anchored, so that the time grows with the length alone.)
BEFORE_START = re.compile(rf"""["']?(?<![\s|,;~])[\s|,;~]++["']?(?={START})""", re.IGNORECASE)
AFTER_FILE = re.compile(
    rf"""({SUFFIX}(?:\?[^\s|,;"']*+)?)(?:\s++[\d.]++[wx])?["']?[\s|,;]++"""
    rf"""(?=[^|,;\n]{{1,300}}?{SUFFIX})""",
    re.IGNORECASE,
)
LINE = re.compile(r"[\r\n\t]+")
SIZE = re.compile(r"(?<!\s)\s++[\d.]++[wx]$")  # in a srcset: "480w", "2x"
# Texts that belong to an address, as an importer of WooCommerce writes them.
CAPTION = re.compile(r"(?<!\s)\s++!\s*(?:alt|title|desc|caption)\s*:[^|]*", re.IGNORECASE)
# One address without a character of meaning here.
SIMPLE = re.compile(r"""(?![^:/?]{1,40}=)[^\s|,;"'\[\]{}<>\\!~]{1,200}""")
# The option that a picture shows, before its address: "Red=https://…" (eBay).
LABEL = re.compile(r"(?:(?<=[|;])|^)[^=|/;:?&]{1,40}=(?=https?://)", re.IGNORECASE)
IMAGE_TAG = re.compile(r"<img\b[^<>]*>", re.IGNORECASE)

AMPERSAND = re.compile(r"&(?:amp;)+")
NORMAL_PATH = re.compile(r"\w[\w-]*(?:/\w[\w-]*)*\.\w+")  # which pathlib would leave as it is

# What stands for no picture.
PLACEHOLDERS = frozenset({"no_selection", "no_image", "no-image", "noimage", "placeholder"})
# One whole picture, in which the patterns above would look for several addresses at length.
DATA_ADDRESS = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/]*+=*+")
# Base64 of a picture's first bytes, where the text is no data: address yet.
BASE64 = {"/9j/": "jpeg", "iVBORw0KGgo": "png", "R0lGOD": "gif", "UklGR": "webp"}
MIN_BASE64 = 200  # characters; shorter texts are paths

# The first step of an address without a scheme.
HOST = re.compile(
    r"(?:[a-z0-9-]+\.)+(?:com|net|org|io|co|shop|store|eu|de|at|ch|fr|es|it|nl|be|pl|cz|se|no|dk|fi|"
    r"pt|ru|ua|uk|us|ca|au|br|mx|in|jp|cn|kr)(?::\d+)?/",
    re.IGNORECASE,
)

# Keys under which objects hold a picture's address, largest picture first.
ADDRESS_KEYS = (
    "hi_res", "url_fullxfull", "display", "url_zoom", "original", "originalSrc", "full", "zoom",
    "large", "contentUrl", "secure_url", "url", "src", "source_url", "href", "link", "image",
    "image_url", "imageUrl", "imageURL", "picture", "uri", "file", "path", "url_standard",
    "medium", "small", "thumb",
)  # fmt: skip
POSITION_KEYS = ("position", "sort_order", "sortOrder", "order", "sort", "display_order", "rank")
MAIN_KEYS = ("is_main", "isMain", "main", "primary", "is_primary", "isPrimary", "default", "cover")


def addresses(value: object, folder: Path) -> tuple[str | bytes, ...]:
    """Pictures, best first, deduplicated: addresses, or embedded pictures as bytes.

    Args:
        value: one address, several in a text, a list of addresses, a list of objects (per picture
            hi_res, large, thumb, … where present; the main one first, then by position), an object
            of lists (older exports of Amazon Reviews 2023), any of these written as text; pictures
            as bytes, or as objects with bytes and a path, as Hugging Face writes them to Parquet.
        folder: what relative paths start from, and those with a leading slash where the file is
            there.
    """
    if isinstance(value, str) and SIMPLE.fullmatch(value):
        located = _located(value, folder)
        return (located,) if located else ()
    found = (_located(address, folder) for address in _addresses(parse_literal(value)))
    return tuple(islice(dict.fromkeys(filter(None, found)), MAX_ADDRESSES))


def _addresses(value: object) -> Iterator[str | bytes]:
    match value:
        case str():
            yield from _in_text(value)
        case bytes():
            yield _text_of(value) or value
        case Mapping():
            yield from _of_object(value)
        case list() | tuple():
            for item in sorted(value, key=_rank):
                yield from _addresses(item)


def _in_text(written: str) -> Iterator[str]:
    written = written.strip().replace("\\/", "/")
    if DATA_ADDRESS.fullmatch(written):
        yield written
        return
    for start, kind in BASE64.items():
        if written.startswith(start) and len(written) > MIN_BASE64:
            yield f"data:image/{kind};base64,{written}"
            return
    if "<img" in written.casefold():
        tags = "".join(IMAGE_TAG.findall(written))
        for tag in LexborHTMLParser(tags).css("img"):
            yield tag.attributes.get("src") or tag.attributes.get("data-src") or ""
        return
    if (written[:1], written[-1:]) in (("[", "]"), ("{", "}")):  # a list without quotes
        written = written[1:-1]
    written = LABEL.sub("", CAPTION.sub("", written))
    lines = BEFORE_START.sub("\n", written)
    if not lines.startswith("data:"):
        lines = AFTER_FILE.sub(r"\1\n", lines)
    for line in LINE.split(lines):
        whole = SCHEME.match(line) is not None
        for address in [line] if whole else line.split("|", MAX_ADDRESSES):
            yield SIZE.sub("", address.strip(" |,;\"'"))


def _of_object(item: Mapping[Any, Any]) -> Iterator[str | bytes]:
    if isinstance(item.get("bytes"), bytes) and item["bytes"]:
        yield item["bytes"]
        return
    known = [item[key] for key in ADDRESS_KEYS if item.get(key)]
    if any(isinstance(part, list | tuple) for part in known):
        lists = {name: part for name, part in item.items() if isinstance(part, list | tuple)}
        rows = zip_longest(*lists.values())
        yield from _addresses([dict(zip(lists, row, strict=True)) for row in rows])
    elif known:
        for part in known:
            yield from [identifier(part)] if isinstance(part, str) else _addresses(part)
    else:
        for part in item.values():
            if not isinstance(part, str) or _is_address(part):
                yield from _addresses(part)


def _is_address(written: str) -> bool:
    return re.match(START, written, re.IGNORECASE) is not None or (
        re.search(rf"{SUFFIX}$", written, re.IGNORECASE) is not None
    )


def _rank(item: object) -> tuple[bool, float]:
    """The order of an object in a list: the main picture, then those with a position."""
    if not isinstance(item, Mapping):
        return True, math.inf
    main = item.get("variant") == "MAIN" or any(item.get(key) is True for key in MAIN_KEYS)
    positions = (number(item.get(key)) for key in POSITION_KEYS)
    return not main, next((at for at in positions if at is not None), math.inf)


def _text_of(picture: bytes) -> str:
    """An address that a file without text types holds as bytes; empty for a picture."""
    if len(picture) > MAX_BYTES_ADDRESS:
        return ""
    try:
        written = picture.decode()
    except UnicodeDecodeError:
        return ""
    return written if written.isprintable() else ""


def _located(address: str | bytes, folder: Path) -> str | bytes:
    if isinstance(address, bytes):
        return address
    address = AMPERSAND.sub("&", identifier(address))
    if not address or address.casefold() in PLACEHOLDERS:
        return ""
    if SCHEME.match(address):
        return address
    if address.startswith("//"):
        return f"https:{address}"
    if address[:4].casefold() == "www." or HOST.match(address):
        return f"https://{address}"
    if NORMAL_PATH.fullmatch(address):
        return f"{folder}/{address}"
    path = address.replace("\\", "/")
    beside = f"{folder}/{path.lstrip('/')}"  # some shops' paths begin at their folder of pictures
    there = path.startswith("/") and isfile(beside)  # noqa: PTH113 - no error for a long name
    return beside if there else str(folder / path)
