"""The columns that a user names for product fields, and whether a file has them."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from catalog import CatalogError
from catalog.patterns import find_pattern

FIELDS = ("id", "title", "category", "description", "features", "attributes", "brand", "price",
          "list_price", "currency", "rating", "rating_count", "link", "parent", "images", "sku",
          "gtin", "in_stock", "released")  # fmt: skip
SYNONYMS = {"image": "images", "picture": "images", "pictures": "images", "details": "attributes",
            "categories": "category"}  # fmt: skip

MAX_LISTED = 30  # columns in a sentence
MAX_SHOWN = 100  # characters of a column's name in it

Chosen = Mapping[str, Sequence[str]]  # field → columns, best first


def chosen_columns(chosen: Chosen) -> dict[str, tuple[str, ...]]:
    """The columns that a user names for product fields.

    Args:
        chosen: A field, in any case and with dashes or underscores, → columns, best first.

    Raises:
        CatalogError: No such field, or no column; or a pattern of pictures that cannot be read.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, columns in chosen.items():
        field = name.strip().casefold().replace("-", "_")
        field = SYNONYMS.get(field, field)
        if field not in FIELDS:
            raise CatalogError(
                f"--field {name}=…: a product has no field {name!r}; it has {', '.join(FIELDS)}."
            )
        if not columns or not all(columns):
            raise CatalogError(f"--field {field}= names no column; write --field {field}=COLUMN.")
        found[field] = (*found.get(field, ()), *columns)
    for pattern in found.get("images", ()):
        find_pattern(pattern)
    return found


def missing_columns(chosen: Chosen, known: Iterable[str]) -> set[str]:
    """The chosen columns that are not among those of a file."""
    there = set(known)
    return {
        name
        for columns in chosen.values()
        for column in columns
        for name in _names(column, there)
        if name not in there and name.split(".")[0] not in there
    }


def check_chosen(chosen: Chosen, missing: Collection[str], source: str, known: str) -> None:
    """Reject a file that lacks a chosen column.

    Args:
        chosen: Field → columns.
        missing: Those that it lacks.
        source: The file.
        known: Its columns, for the sentence.
    """
    for field, columns in chosen.items():
        for column in columns:
            for name in (*_names(column, ()), column):
                if name in missing:
                    raise CatalogError(
                        f"{source} has no column {name!r}, which {field} is to be read from. "
                        f"Its columns: {known}."
                    )


def list_columns(columns: Sequence[str]) -> str:
    """Columns in a sentence, the first of them if there are many."""
    names = (" ".join(column.split())[:MAX_SHOWN] for column in columns[:MAX_LISTED])
    listed = ", ".join(names) or "none"
    return listed + (", …" if len(columns) > MAX_LISTED else "")


def _names(column: str, known: Collection[str]) -> tuple[str, ...]:
    """The columns that a chosen one is read from: itself, or those of a pattern but the id."""
    pattern = None if column in known else find_pattern(column)
    if not pattern:
        return (column,)
    return tuple(name for name in pattern.columns if name != "id")
