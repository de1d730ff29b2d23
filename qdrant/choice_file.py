"""A file in a variant's folder with what was chosen for its collection."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from qdrant.errors import StoreError
from vitrine.whole_files import read_object


def read_choice_file(path: Path, most_bytes: int, known: Collection[str]) -> dict[str, Any]:
    """Return the settings of a file by name; empty where there is no file.

    Args:
        path: of the file.
        most_bytes: that it may have.
        known: names of settings.

    Raises:
        StoreError: the file cannot be read, is damaged, or has an unknown setting.
    """
    try:
        values = read_object(path, most_bytes)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}.") from None
    if values is None:
        raise StoreError(f"{path} is damaged: it is not a JSON object.")
    if unknown := sorted(values.keys() - set(known)):
        raise StoreError(f"{path} has an unknown setting “{unknown[0]}”.")
    return values
