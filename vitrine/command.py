"""What every command line shares: errors as one sentence, messages on stderr, JSON on stdout."""

import errno
import functools
import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.text import Text

from vitrine import VitrineError
from vitrine.text import printable

messages = Console(stderr=True, highlight=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]

# What a user can do about an operating system's error, by its number.
REMEDIES = {
    errno.ENOSPC: "free some space, then run the same command again",
    errno.EDQUOT: "free some space, then run the same command again",
    errno.EFBIG: "raise the limit of file sizes, then run the same command again",
    errno.EROFS: "name a folder that can be written",
    errno.EACCES: "change its permissions, or name another one",
    errno.EPERM: "change its permissions, or name another one",
    errno.ENOENT: "check how it is written",
    errno.ENOTDIR: "a file is where a folder should be: move it, or name another folder",
    errno.EEXIST: "a file is where a folder should be: move it, or name another folder",
    errno.EISDIR: "name a file, not a folder",
}
STORAGE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class CommandLine(typer.Typer):
    """A Typer application whose commands report every error that a user can put right.

    Such an error is one sentence on stderr that begins with `Error:`, and status 1. Wrong usage is
    Click's own message and status 2.
    """

    def __init__(self, help: str | None = None, **settings: Any) -> None:  # noqa: A002, ANN401 - Typer's own
        super().__init__(
            help=help,
            add_completion=False,
            pretty_exceptions_enable=False,
            rich_markup_mode=None,
            **settings,
        )

    def __call__(self, *args: Any, **settings: Any) -> Any:  # noqa: ANN401 - Typer's own
        """Run a command; a terminal without a character shows a question mark instead."""
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")
        return super().__call__(*args, **settings)

    def command(self, *args: Any, **settings: Any) -> Callable[..., Any]:  # noqa: ANN401 - Typer's own
        """Register a command, with `report_errors` around it."""
        register = super().command(*args, **settings)

        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            @functools.wraps(function)
            def checked(*args: Any, **options: Any) -> Any:  # noqa: ANN401
                with report_errors():
                    _require_text(options.values())
                    return function(*args, **options)

            register(checked)
            return function

        return decorate


@contextmanager
def report_errors() -> Iterator[None]:
    """End with one sentence and status 1 on an error that a user can put right."""
    try:
        yield
    except VitrineError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in STORAGE_ERRORS and error.filename is None:
            raise
        _fail(_sentence(error))
    except UnicodeEncodeError as error:
        if not _undecodable(error.object):
            raise
        _fail(f"{error.object!a} has bytes that are not UTF-8: rename the file or folder.")


def _require_text(options: Iterable[Any]) -> None:
    """Refuse words that are not UTF-8. A file's name may hold any bytes.

    Raises:
        BadParameter: a word that was given is neither text nor a file that is there.
    """
    for option in options:
        for word in option if isinstance(option, list) else [option]:
            if isinstance(word, str) and _undecodable(word) and not Path(word).exists():
                raise typer.BadParameter(f"{word!a} has bytes that are not UTF-8.")


def _undecodable(text: str) -> bool:
    """Whether a string holds bytes that could not be decoded: Python keeps them as surrogates."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _sentence(error: OSError) -> str:
    file = "" if error.filename is None else f"{error.filename}: "
    return f"{file}{describe(error)}."


def describe(error: OSError) -> str:
    """What happened and what a user can do about it, without the file's name."""
    remedy = REMEDIES.get(error.errno or 0, "put this right, then run the same command again")
    return f"{error.strerror}; {remedy}"


def _fail(sentence: str) -> NoReturn:
    messages.print(Text.assemble(("Error:", "red"), " ", printable(sentence)), soft_wrap=True)
    raise typer.Exit(1) from None


def print_json(shown: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; NaN and infinity, which JSON lacks, become null.

    Where stdout's encoding lacks a character, all but ASCII is escaped.
    """
    shown = finite(shown)
    text = json.dumps(shown, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(shown, allow_nan=False)
    print(text)


def finite(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A value that JSON can hold: None for NaN and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return value
