"""Patterns of picture addresses that follow from other columns, as "images/{id}.jpg".

    {id}          the value of a column, or the product's id
    {id:010}      filled with zeros to ten characters
    {id[:3]}      a part of it, as Python slices
    {id:010[:3]}  a part of it after it is filled

A column with a list gives one address for each item.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from catalog import CatalogError, values

PLACE = re.compile(
    r"\{(?P<column>[^{}\[\]:]+)(?::0(?P<width>\d{1,3}))?(?:\[(?P<start>-?\d*):(?P<stop>-?\d*)\])?\}"
)
MAX_ITEMS = 100  # pictures of one product


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern of addresses.

    Attributes:
        written: As the user wrote it.
        columns: The columns that it takes values from.
    """

    written: str
    columns: tuple[str, ...]

    def addresses(self, cell: Callable[[str], object]) -> list[str]:
        """The addresses of one row; none where a value is missing.

        Args:
            cell: Gives the value of a column.
        """
        items = {column: _items(cell(column)) for column in self.columns}
        count = max(map(len, items.values()), default=0)
        if not all(items.values()):
            return []
        return [self._address(items, row) for row in range(min(count, MAX_ITEMS))]

    def _address(self, items: dict[str, list[str]], row: int) -> str:
        def fill(place: re.Match[str]) -> str:
            found = items[place["column"].strip()]
            value = found[row] if row < len(found) else found[0]
            if place["width"]:
                value = value.zfill(int(place["width"]))
            if place["start"] is not None:
                value = value[_number(place["start"]) : _number(place["stop"])]
            return quote(value, safe="/:@+,") if "://" in self.written else value

        return PLACE.sub(fill, self.written)


def find_pattern(written: str) -> Pattern | None:
    """A pattern; None where the text has no braces, and so names a column.

    Raises:
        CatalogError: The braces hold something else than a column and its form.
    """
    if "{" not in written:
        return None
    if set("{}") & set(PLACE.sub("", written)):
        raise CatalogError(
            f"The pattern {written!r} cannot be read: write a column in braces, as "
            "images/{id}.jpg, {id:010} to fill with zeros, or {id[:3]} for a part."
        )
    columns = (place["column"].strip() for place in PLACE.finditer(written))
    return Pattern(written, tuple(dict.fromkeys(columns)))


def _items(value: object) -> list[str]:
    value = values.parse_literal(value)
    items = value if isinstance(value, list | tuple) else [value]
    return [written for item in items if (written := values.identifier(item) or values.text(item))]


def _number(written: str) -> int | None:
    return int(written) if written not in ("", "-") else None
