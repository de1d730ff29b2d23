"""The layout of a JSON text: one object a line, an array, or a document that holds a list."""

import io
from contextlib import suppress
from dataclasses import dataclass

from catalog.formats.json_values import JsonValues

HEAD = 2**18  # bytes that the layout is decided from
LINES = 10  # that are looked at where the first one is damaged
MAX_PATH = 4  # keys that lead to a list
# Keys of the list in documents that programs and APIs write.
LISTS = frozenset(
    {"products", "items", "results", "data", "records", "rows", "entries", "offers", "articles",
     "listings", "documents", "docs", "hits", "nodes", "edges", "value", "catalog", "@graph"}
)  # fmt: skip
# Keys of a product, whatever lists it has; a document may have a title or a name, too.
OWN = frozenset({"sku", "asin", "gtin", "ean", "price", "image", "images", "brand"})
NAMES = frozenset({"title", "name"})


@dataclass(frozen=True)
class Layout:
    """Where the records of a JSON text are.

    Attributes:
        kind: "JSON Lines", "JSON array", "JSON objects" (one after another) or "JSON document".
        path: Keys that lead to the list of a document.
    """

    kind: str
    path: tuple[str, ...] = ()


def find_layout(head: bytes) -> Layout:
    """The layout of a JSON text.

    Args:
        head: Its first `HEAD` bytes, UTF-8.
    """
    lines = [line for line in head.split(b"\n", 2 * LINES) if line.strip()]
    start = lines[0].lstrip()[:1] if lines else b""
    whole = _count_values(lines[0]) if lines else 0
    if start not in (b"{", b"[") or (whole == 1 and len(lines) > 1):
        return Layout("JSON Lines")
    if start == b"[":
        return Layout("JSON array")
    if not whole and any(line[:1] == b"{" and _count_values(line) == 1 for line in lines[1:LINES]):
        return Layout("JSON Lines")  # a nested object would be indented
    if path := _find_list(head):
        return Layout("JSON document", path)
    return Layout("JSON Lines" if whole == 1 else "JSON objects")


def _count_values(line: bytes) -> int:
    """How many objects and arrays a line has; 0 where it has anything else or ends within one."""
    values = JsonValues(io.BytesIO(line))
    count = 0
    try:
        while byte := values.next_byte():
            if byte not in (b"{", b"["):
                return 0
            values.take()
            count += 1
    except ValueError:
        return 0
    return count


def _find_list(head: bytes) -> tuple[str, ...]:
    """The path of the list of records in the document that a text begins with, if it is one."""
    sizes: dict[tuple[str, ...], int] = {}
    keys: set[str] = set()
    values = JsonValues(io.BytesIO(head))
    values.next_byte()
    with suppress(ValueError):  # the head may end within the document
        _walk(values, (), sizes, keys)
    named = {path: size for path, size in sizes.items() if path[-1].casefold() in LISTS}
    if not sizes or keys & OWN or (keys & NAMES and not named):
        return ()
    return max(named or sizes, key=sizes.__getitem__)


def _walk(
    values: JsonValues, path: tuple[str, ...], sizes: dict[tuple[str, ...], int], keys: set[str]
) -> None:
    """Note the bytes of the objects in each list of an object, and the object's own keys."""
    values.enter()
    while not values.leave(b"}"):
        key = values.key()
        inner = (*path, key)
        if not path:
            keys.add(key.casefold())
        match values.next_byte():
            case b"{" if len(inner) < MAX_PATH:
                _walk(values, inner, sizes, keys)
            case b"[":
                values.enter()
                while not values.leave(b"]"):
                    if values.next_byte() == b"{":
                        sizes.setdefault(inner, 0)
                        sizes[inner] += len(values.take())
                    else:
                        values.take()
            case _:
                values.take()
