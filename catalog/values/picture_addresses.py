"""Addresses of pictures."""

import re
from collections.abc import Iterator, Mapping
from itertools import islice, zip_longest
from pathlib import Path

from catalog.values.literals import parse_literal
from catalog.values.running_text import identifier

MAX_ADDRESSES = 100  # pictures of one product

# Keys under which objects hold a picture's address, largest picture first (Amazon Reviews 2023
# has hi_res, large and thumb).
ADDRESS_KEYS = ("hi_res", "large", "url", "src", "href", "link", "path", "medium", "small", "thumb")
SCHEME = re.compile(r"[a-z][a-z0-9+.-]+:", re.IGNORECASE)  # two letters at least: C: is a drive


def addresses(value: object, folder: Path) -> tuple[str | bytes, ...]:
    """Pictures, best first, deduplicated: addresses, or embedded pictures as bytes.

    Takes one address, several with "|" between them, a list of addresses, a list of objects
    (per picture hi_res, large, thumb, … where present; the MAIN variant first), an object of
    lists (older exports of Amazon Reviews 2023), or any of these written as text.
    """
    found = (_located(address, folder) for address in _addresses(parse_literal(value)))
    return tuple(islice(dict.fromkeys(filter(None, found)), MAX_ADDRESSES))


def _addresses(value: object) -> Iterator[str | bytes]:
    match value:
        case str():
            one = value.lstrip().startswith("data:")
            yield from [value] if one else value.split("|", MAX_ADDRESSES)
        case bytes():
            yield value
        case Mapping() if isinstance(value.get("bytes"), bytes):
            yield value["bytes"]
        case Mapping() if any(isinstance(item, list | tuple) for item in value.values()):
            lists = {name: item for name, item in value.items() if isinstance(item, list | tuple)}
            rows = zip_longest(*lists.values())
            yield from _addresses([dict(zip(lists, row, strict=True)) for row in rows])
        case Mapping():
            yield from (identifier(value.get(size)) for size in ADDRESS_KEYS)
        case list() | tuple():
            for item in sorted(value, key=lambda item: not _is_main(item)):
                yield from _addresses(item)


def _is_main(item: object) -> bool:
    return isinstance(item, Mapping) and item.get("variant") == "MAIN"


def _located(address: str | bytes, folder: Path) -> str | bytes:
    if isinstance(address, bytes):
        return address
    address = identifier(address)
    if address.startswith("//"):
        return f"https:{address}"
    return address if not address or SCHEME.match(address) else str(folder / address)
