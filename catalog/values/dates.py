"""Dates."""

from datetime import datetime

from catalog.values.running_text import text


def date(value: object) -> str:
    """The ISO 8601 date of a cell, such as "2026-03-31"; empty where it has none."""
    try:
        return datetime.fromisoformat(text(value)).date().isoformat()
    except ValueError:
        return ""
