"""The files of checkpoints and adapters: read as JSON, and digested."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from encoder.errors import EncoderError

DIGITS, MAX_NAME = 16, 60  # of a digest, and of the source's name, in the name of a copy
MAX_JSON = 64 * 2**20  # bytes; the largest tokenizers take 20 MB


def digest_files(files: Iterable[Path]) -> str:
    """sha256, in hex, over names and contents of files, in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()


def keep_files(source: Path, files: Iterable[Path], folder: Path) -> None:
    """Put files of one folder into another: as hard links where the file system allows, or copies.

    Args:
        source: the folder that the files' relative places are of.
        files: in it.
        folder: made whole or not at all; where it exists, it stays as it is.

    Raises:
        OSError: it cannot be written.
    """
    if folder.is_dir():
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".base-", dir=folder.parent) as unfinished:
        fresh = Path(unfinished) / folder.name
        for file in files:
            target = fresh / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(file.resolve())
            except OSError:  # another file system, or one without hard links
                shutil.copyfile(file, target)
        try:
            fresh.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was faster
                raise


def kept_folder(kept: Path, start: str, digest: str, source: Path) -> Path:
    """The folder of an installation's copy: that of the same content, else a new one.

    Args:
        kept: the installation's folder of checkpoints.
        start: of its name, by the kind of model.
        digest: of the content, in hex.
        source: the folder that is copied; the copy has its name too, so that people recognise it.
    """
    begin = f"{start}{digest[:DIGITS]}"
    if existing := min(kept.glob(f"{begin}*"), default=None):
        return existing
    name = re.sub(r"[^\w.-]+", "-", source.name, flags=re.ASCII)[:MAX_NAME].strip("-.")
    return kept / (name if name.startswith(begin) else f"{begin}-{name}".rstrip("-"))


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        EncoderError: the file is missing, cannot be read, or holds something else.
    """
    value = _read(file)
    if not isinstance(value, dict):
        raise EncoderError(f"{file} is no JSON object: get the file again.")
    return value


def read_json_list(file: Path) -> list[Any]:
    """The JSON list in a file.

    Raises:
        EncoderError: the file is missing, cannot be read, or holds something else.
    """
    value = _read(file)
    if not isinstance(value, list):
        raise EncoderError(f"{file} is no JSON list: get the file again.")
    return value


def _read(file: Path) -> Any:  # noqa: ANN401 (any JSON value)
    try:
        if file.stat().st_size > MAX_JSON:
            raise EncoderError(f"{file} is larger than {MAX_JSON:,} bytes: get the file again.")
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EncoderError(
            f"{file.parent} has no {file.name}: name the folder that save_pretrained wrote."
        ) from error
    except (ValueError, OSError, RecursionError) as error:
        raise EncoderError(f"{file} cannot be read as JSON: {error}.") from error


def digest_json(value: Any) -> str:  # noqa: ANN401 (any JSON value)
    """sha256, in hex, of a JSON value written one way only: keys sorted, no spaces."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
