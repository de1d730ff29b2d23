"""JSON files in a variant's folder, beside the manifest and outside the fingerprint.

They move no vector. Each names the variant and the fingerprint that it was made for, since what
was measured with one model does not hold for another.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from encoder.variant import Variant
from search.query import SearchError
from vitrine.command import describe
from vitrine.folder_lock import locked
from vitrine.whole_files import read_object, write_whole

T = TypeVar("T")

MOST_BYTES = 1_000_000  # a calibration has some ten thousand


class VariantFile(Generic[T]):
    """What a file in a variant's folder holds now; threads may share it.

    The file is read again when it has changed. One that cannot be used is not an error of the
    search, which goes on with the default.

    Args:
        variant: in whose folder the file is.
        name: of the file.
        parse: makes the value of the file's object; raises `SearchError` where it cannot.
        default: the value where there is no file, or none that can be used.
        remedy: a sentence for a file that cannot be used.
    """

    def __init__(
        self,
        variant: Variant,
        name: str,
        parse: Callable[[dict[str, Any]], T],
        default: T,
        remedy: str,
    ) -> None:
        self.path = variant.folder / name
        self._variant = variant
        self._parse = parse
        self._default = default
        self._remedy = remedy
        self._read: tuple[object, T, str] = (None, default, "")

    @property
    def value(self) -> T:
        """The file's value; the default where it is missing or cannot be used."""
        return self._current()[1]

    @property
    def problem(self) -> str:
        """Why the file cannot be used, and the remedy; empty where it can, or is missing."""
        return self._current()[2]

    def _current(self) -> tuple[object, T, str]:
        state = _state(self.path)
        if self._read[0] != state:
            problem = ""
            value = self._default
            try:
                if state:
                    value = self._parse(_read_object(self.path, self._variant))
            except SearchError as error:
                problem = f"{self.path} {error} {self._remedy}"
            self._read = state, value, problem
        return self._read

    def write(self, values: Mapping[str, Any]) -> None:
        """Write the file; a search sees the old one or the new one.

        Args:
            values: JSON.

        Raises:
            OSError: the folder cannot be written.
        """
        self.update(lambda _: values)

    def update(self, change: Callable[[T], Mapping[str, Any]]) -> None:
        """Write the file as `write` does; nothing that another process writes meanwhile is lost.

        Args:
            change: makes the new values, which are JSON, from the present one.

        Raises:
            OSError: the folder cannot be written.
        """
        stamped = {"variant": self._variant.name, "fingerprint": self._variant.fingerprint}
        with locked(self.path.parent):
            values = {**stamped, **change(self.value)}
            text = json.dumps(values, ensure_ascii=False, indent=1, allow_nan=False)
            write_whole(self.path, f"{text}\n")


def _read_object(path: Path, variant: Variant) -> dict[str, Any]:
    """The file's object, without the names of the variant and the fingerprint.

    Raises:
        SearchError: it cannot be read, is no object, or was made for another variant; the message
            lacks the file's name.
    """
    try:
        values = read_object(path, MOST_BYTES)
    except OSError as error:
        raise SearchError(f"cannot be read: {describe(error)}.") from None
    if values is None:
        raise SearchError("is damaged: it is not a JSON object.")
    made_for = values.pop("variant", None), values.pop("fingerprint", None)
    if made_for != (variant.name, variant.fingerprint):
        raise SearchError(
            f"was made for the variant {made_for[0]} with fingerprint {made_for[1]}, and this one "
            f"is {variant.name} with {variant.fingerprint}."
        )
    return values


def _state(path: Path) -> tuple[int, int, int] | None:
    """What changes with a file's content; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
