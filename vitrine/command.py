"""What every command line shares: errors as one sentence, messages on stderr, JSON on stdout."""

import errno
import functools
import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
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


def host_option(*variables: str) -> Any:  # noqa: ANN401 - Typer's own
    """The option `--host` of a server, which environment variables set, too."""
    return typer.Option(
        metavar="HOST",
        envvar=list(variables),
        help="Address to listen on; 0.0.0.0 means every network.",
    )


def port_option(*variables: str, otherwise: str) -> Any:  # noqa: ANN401 - Typer's own
    """The option `--port` of a server, which environment variables set, too."""
    return typer.Option(
        metavar="PORT",
        min=1,
        max=65_535,
        envvar=list(variables),
        help=f"Port to listen on; by default {otherwise}.",
        show_default=False,
    )


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
    errno.ENOMEM: "free some memory, or raise its limit, then run the same command again",
    errno.EMFILE: "raise the limit of open files (ulimit -n), then run the same command again",
}
# Those of the machine, which may concern no file.
MACHINE_ERRORS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.ENOMEM,
    errno.EMFILE,
}
# In the error of a library that finds no memory: of the dynamic loader, of torch, of CUDA.
OUT_OF_MEMORY = ("failed to map segment", "allocate memory", "out of memory")


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
                    return function(*args, **{name: _text(each) for name, each in options.items()})

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
        if error.errno not in MACHINE_ERRORS and error.filename is None:
            raise
        _fail(_sentence(error))
    except (MemoryError, ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        if not isinstance(error, MemoryError) and not any(map(reason.__contains__, OUT_OF_MEMORY)):
            raise
        _fail(f"There is too little memory ({reason}); {REMEDIES[errno.ENOMEM]}.")
    except UnicodeEncodeError as error:
        if not _undecodable(error.object):
            raise
        name = _word_at(error.object, error.start)
        _fail(f"{name!a} has bytes that are not UTF-8: rename the file or folder.")


@contextmanager
def naming(folder: Path) -> Iterator[None]:
    """Add a folder's name to an operating system's error without one, as that of a failed write."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise


def _text(option: Any) -> Any:  # noqa: ANN401 - an option's value of any type
    """An option's value, its words decoded as UTF-8 whatever the locale is.

    The name of a file that is there may hold any bytes.

    Raises:
        BadParameter: a word is neither text nor such a name.
    """
    if isinstance(option, list):
        return [_text(each) for each in option]
    if not isinstance(option, str) or not _undecodable(option) or Path(option).exists():
        return option
    try:
        return os.fsencode(option).decode()
    except UnicodeDecodeError:
        raise typer.BadParameter(f"{option!a} has bytes that are not UTF-8.") from None


def _word_at(text: str, position: int) -> str:
    """The word or quoted name at a position of a text, of 400 characters at the most."""
    before, after = text[max(0, position - 200) : position], text[position : position + 200]
    return re.split(r'[\s"`]', before)[-1] + re.split(r'[\s"`]', after)[0]


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
