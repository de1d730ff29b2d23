"""Yes or no: availability and other flags."""

from catalog.values.running_text import text

YES = frozenset({"1", "yes", "true", "y", "in stock", "instock", "available"})
NO = frozenset({"0", "no", "false", "n", "out of stock", "outofstock", "unavailable"})


def flag(value: object) -> bool | None:
    """Yes or no; None where the cell has neither."""
    if isinstance(value, bool):
        return value
    written = text(value).casefold()
    return True if written in YES else False if written in NO else None
