"""Digests: of files by content, of settings by canonical JSON."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def digest_files(files: Iterable[Path]) -> str:
    """sha256, in hex, over names and contents of files, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()


def digest_json(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    """sha256, in hex, of a JSON value written one way only: keys sorted, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
