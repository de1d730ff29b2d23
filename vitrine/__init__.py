"""The base package: what every other package needs, and nothing of theirs.

VitrineError     the root of every package's errors
home             the installation's folder
default_variant  the variant to use where none is named
Closing          a `with` statement for whatever has `close()`
command          what the command lines share; `__main__` mounts them under one name, `vitrine`
text             untrusted text, made safe to show; text folded for matching
progress         progress bars
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

DEFAULT_HOME = Path("data")
DEFAULT_VARIANT = "zeroshot"


class VitrineError(Exception):
    """What a user can put right. `str(error)` is one sentence with the remedy."""


def home(named: Path | str | None = None) -> Path:
    """The folder of an installation: the one named, else the environment's VITRINE_HOME, or ./data.

    Raises:
        VitrineError: a file has that name. A folder that is missing is made when it is needed.
    """
    folder = Path(named or os.environ.get("VITRINE_HOME") or DEFAULT_HOME)
    if folder.exists() and not folder.is_dir():
        raise VitrineError(f"{folder} is a file: move it, or name a folder in VITRINE_HOME.")
    return folder


def default_variant(names: Sequence[str]) -> str:
    """The variant to use where none is named: the only one there is, else `DEFAULT_VARIANT`.

    Args:
        names: the variants there are. Without any it is `DEFAULT_VARIANT`, whose absence is then
            reported as that of a named one is.

    Raises:
        VitrineError: there are several, and `DEFAULT_VARIANT` is none of them.
    """
    if len(names) == 1:
        return names[0]
    if names and DEFAULT_VARIANT not in names:
        raise VitrineError(f"Name a variant: --variant with one of {', '.join(names)}.")
    return DEFAULT_VARIANT


class Closing:
    """Ends a `with` statement by `close()`, whatever happened inside."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release what is held."""
        raise NotImplementedError
