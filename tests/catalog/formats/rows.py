"""Rows of files that tests write."""

from pathlib import Path

from catalog.formats import Record
from catalog.formats.opening import open_feed


def rows_of(path: Path, content: str | bytes | None = None) -> list[Record | str]:
    """The records of a file, or the reasons why there are none; its content is written first."""
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [record for _, record in open_feed(path).rows]
