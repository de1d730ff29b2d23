"""Rows of JSON Lines."""

import json
from pathlib import Path
from typing import IO

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows
from catalog.formats.delimited import reject_utf16


def read_json(source: Path, data: IO[bytes]) -> Feed:
    """One JSON object a line; empty lines are skipped."""
    return Feed(_rows(source, data), facts={"format": "JSON Lines"})


def _rows(source: Path, data: IO[bytes]) -> Rows:
    number = 0
    while line := data.readline(formats.MAX_ROW):
        number += 1
        if number == 1:
            reject_utf16(source, line)
            line = line.removeprefix(b"\xef\xbb\xbf")
            if line.lstrip()[:1] == b"[" and line.strip()[-1:] != b"]":
                raise CatalogError(
                    f"{source} is one JSON array; write one object a line, for example with "
                    f"`jq -c '.[]' {source.name}`."
                )
        if len(line) == formats.MAX_ROW and not line.endswith(b"\n"):
            while (rest := data.readline(formats.MAX_ROW)) and not rest.endswith(b"\n"):
                pass
            yield number, "row too long"
        elif line.strip():
            yield number, _record(line)


def _record(line: bytes) -> Record | str:
    if sum(map(line.count, (b",", b"]", b"}"))) > formats.MAX_VALUES:  # before they are made
        return "too many values"
    try:
        record = json.loads(line.decode())
    except (ValueError, RecursionError):
        return "unreadable row"
    return record if isinstance(record, dict) else "not an object"
