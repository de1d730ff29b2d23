"""Rows of JSON: one object a line, an array, objects one after another, a document with a list.

Records are cut out of the text by their brackets and parsed one by one. A parser that reports
events (ijson) would make the values of a record before they can be counted, stop at the first
damaged record, and refuse the NaN that Python and pandas write for a missing number.
"""

import json
from collections.abc import Callable, Iterator
from io import BufferedReader
from pathlib import Path

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows
from catalog.formats.category_list import CategoryList
from catalog.formats.contents import read_head
from catalog.formats.json_layout import HEAD, Layout, find_layout
from catalog.formats.json_values import JsonValues

DECODER = json.JSONDecoder(strict=False)
CATEGORIES = "categories"  # the list of them beside the products
MAX_PARTS = 500_000  # of that list
SEPARATORS = (b",", b"]", b"}")  # one for each value of a JSON text, but for the outermost


def read_json(source: Path, open_text: Callable[[], BufferedReader]) -> Feed:
    """Records of JSON in UTF-8, in whatever layout."""
    with open_text() as data:
        layout = find_layout(read_head(data, HEAD))
    data = open_text()
    if layout.kind == "JSON Lines":
        return read_json_lines(data)
    facts: dict[str, str | int] = {"format": layout.kind}
    if layout.path:
        facts["list"] = ".".join(layout.path)
    return Feed(_values(source, data, layout), facts=facts)


def read_json_lines(data: BufferedReader) -> Feed:
    """One JSON object a line; empty lines are skipped."""
    return Feed(_lines(data), facts={"format": "JSON Lines"})


def _lines(data: BufferedReader) -> Rows:
    number = 0
    while line := data.readline(formats.MAX_ROW):
        number += 1
        if len(line) == formats.MAX_ROW and not line.endswith(b"\n"):
            while (rest := data.readline(formats.MAX_ROW)) and not rest.endswith(b"\n"):
                pass
            yield number, "row too long"
        elif line.strip():
            yield number, _record(line)


def _values(source: Path, data: BufferedReader, layout: Layout) -> Rows:
    number = 0
    values = JsonValues(data)
    categories = CategoryList()
    try:
        for number, value in enumerate(_elements(values, layout, categories), start=1):
            record = value if isinstance(value, str) else _record(value)
            yield number, record if isinstance(record, str) else categories.resolve(record)
    except ValueError as error:
        raise CatalogError(
            f"{source} is damaged after row {number:,}: {error}; export it again."
        ) from error


def _elements(
    values: JsonValues, layout: Layout, categories: CategoryList
) -> Iterator[bytes | str]:
    """The records of each value of a text."""
    while byte := values.next_byte():
        if byte not in (b"{", b"["):
            raise ValueError("there is something between its records")
        if layout.kind == "JSON objects":
            yield values.take()
        else:
            yield from _in_list(values, layout.path, categories)


def _in_list(
    values: JsonValues, path: tuple[str, ...], categories: CategoryList
) -> Iterator[bytes | str]:
    """The elements of the list at a path of keys within the next value.

    Categories that are listed before it are kept.
    """
    if values.next_byte() != (b"{" if path else b"["):
        values.take()
        return
    values.enter()
    if not path:
        while not values.leave(b"]"):
            yield values.take()
    while path and not values.leave(b"}"):
        name = values.key()
        if name == path[0]:
            yield from _in_list(values, path[1:], categories)
        elif name == CATEGORIES:
            for category in _listed(values.take()):
                categories.add(category)
        else:
            values.take()


def _listed(value: bytes | str) -> list[object]:
    if isinstance(value, str) or sum(map(value.count, SEPARATORS)) > MAX_PARTS:
        return []
    try:
        found = DECODER.decode(value.decode())
    except (ValueError, RecursionError):
        return []
    return found if isinstance(found, list) else []


def _record(value: bytes) -> Record | str:
    if sum(map(value.count, SEPARATORS)) > formats.MAX_VALUES:  # before they are made
        return "too many values"
    try:
        record = DECODER.decode(value.decode())
    except (ValueError, RecursionError):
        return "unreadable row"
    return record if isinstance(record, dict) else "not an object"
