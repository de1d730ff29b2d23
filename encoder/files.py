"""The files of checkpoints and adapters: read as JSON, and digested."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from encoder.errors import EncoderError

MAX_JSON = 64 * 2**20  # bytes; the largest tokenizers take 20 MB


def digest_files(files: Iterable[Path]) -> str:
    """sha256, in hex, over names and contents of files, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        EncoderError: the file is missing, cannot be read, or holds something else.
    """
    try:
        if file.stat().st_size > MAX_JSON:
            raise EncoderError(f"{file} is larger than {MAX_JSON:,} bytes: get the file again.")
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderError(
            f"{file.parent} has no {file.name}: name the folder that save_pretrained wrote."
        ) from error
    except (ValueError, OSError, RecursionError) as error:
        raise EncoderError(f"{file} cannot be read as JSON: {error}.") from error
    if not isinstance(value, dict):
        raise EncoderError(f"{file} is no JSON object: get the file again.")
    return value


def digest_json(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    """sha256, in hex, of a JSON value written one way only: keys sorted, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
