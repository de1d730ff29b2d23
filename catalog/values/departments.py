"""Category paths: the department first, then each deeper step."""

import re

from catalog.values.literals import parse_literal
from catalog.values.running_text import texts

STEP = re.compile(r"\s*(?:>+|»|›|→)\s*|\s*\|\s*|\s+/\s+")


def category_paths(value: object, language: str = "") -> tuple[tuple[str, ...], ...]:
    """The category paths of a cell, each as its steps, the department first.

    Args:
        value: a path as text, a list of steps, of paths or of objects with names.
        language: as in `text`.
    """
    value = parse_literal(value)
    items = texts(value, language)
    if isinstance(value, list | tuple) and not any(STEP.search(item) for item in items):
        return (items,) if items else ()
    paths = (tuple(filter(None, STEP.split(item))) for item in items)
    return tuple(dict.fromkeys(filter(None, paths)))
