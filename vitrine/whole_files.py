"""Small files that are written whole or not at all, and JSON objects read within a bound."""

import json
from pathlib import Path
from typing import Any


def write_whole(path: Path, text: str) -> None:
    """Write a file in UTF-8; who reads it meanwhile sees the old one or the new one.

    Processes that write the same file must take turns: the unfinished one has one name.

    Raises:
        OSError: the folder cannot be written.
    """
    unfinished = path.with_name(f"{path.name}.new")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def read_object(path: Path, most: int) -> dict[str, Any] | None:
    """The JSON object in a file; None where it holds something else, or more bytes than `most`.

    Raises:
        OSError: it is missing or cannot be read.
    """
    with path.open("rb") as opened:
        data = opened.read(most + 1)
    try:
        value = json.loads(data) if len(data) <= most else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
