"""Other processes around a store: `python -m tests.qdrant.processes ROLE FOLDER [MOMENT]`.

search   answers each line of its input with the number of products and the three nearest
build    builds 30 products, and waits for a line of its input after the first 10
crash    updates the shop, or builds it first, and ends by `os._exit` at a named moment
"""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import psutil

from qdrant.model import Point
from qdrant.store import open_embedded
from tests.qdrant.shop import SPEC, ids, shop, vectors

ROOT = Path(__file__).parent.parent.parent
CRASHED = 77

# When the updating process ends: just before the first call of this kind on this path.
MOMENTS: dict[str, Callable[[str, tuple], bool]] = {
    "the folder is made": lambda event, a: event == "os.mkdir" and "-" in Path(a[0]).name,
    "the builder starts": lambda event, a: event == "subprocess.Popen",
    "the last generation is copied": lambda event, a: _writes(event, a, "payload_storage"),
    "the description is written": lambda event, a: _writes(event, a, "generation.json"),
    "CURRENT.new is written": lambda event, a: _writes(event, a, "CURRENT.new"),
    "CURRENT is switched": lambda event, a: event == "os.rename",
    "the old generation is removed": lambda event, a: event == "shutil.rmtree",
}
# Moments that are not a call: see `crash`.
OTHER_MOMENTS = ("the points are half sent", "CURRENT has been switched", "all is done")
# Code of a builder, as `sitecustomize`: a method that does something before and after.
PATCH_BUILDER = """
import os, signal, qdrant.embedded.shard
real = qdrant.embedded.shard.Shard.{method}
def dying(*arguments):
    {before}
    result = real(*arguments)
    {after}
    return result
qdrant.embedded.shard.Shard.{method} = {wrap}
"""
PUBLISHED = ("CURRENT has been switched", "the old generation is removed", "all is done")


class Worker:
    """A process with a role, in a process group of its own."""

    def __init__(self, role: str, folder: Path, *rest: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.qdrant.processes", role, str(folder), *rest],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()

    def read_line(self) -> str:
        """The next line of its output."""
        return self.process.stdout.readline().strip()

    def send(self, line: str = "go") -> str:
        """The line that it prints after one of input."""
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        return self.read_line()


def builders_of(process: int) -> list[int]:
    """The process ids of the builders that a process has started."""
    return [
        child.pid
        for child in psutil.Process(process).children()
        if "qdrant.embedded.builder" in child.cmdline()
    ]


def wait_for_end(process: int, seconds: float = 120) -> bool:
    """Wait until a process that need not be ours has ended."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], seconds)[0])
    finally:
        os.close(descriptor)


def search(folder: Path) -> None:
    """Answer searches until the input ends."""
    with open_embedded(folder) as store:
        for _ in sys.stdin:
            nearest = ids(store.search("demo", vectors(1)[0], vector="text", k=3)[0])
            print_line(store.count("demo"), *nearest)


def build(folder: Path) -> None:
    """Build in two halves."""

    def points() -> Iterator[Point]:
        yield from shop(300)
        print_line("half", *builders_of(os.getpid()))
        sys.stdin.readline()
        yield from shop(310)[300:]

    open_embedded(folder).build(SPEC, points())
    print_line("built")


def crash(folder: Path, moment: str) -> None:
    """Update or build a shop of 320 products, and end at the moment."""
    switched = False

    def watch(event: str, arguments: tuple) -> None:
        nonlocal switched
        if not any(str(folder) in str(argument) for argument in arguments):
            return
        if moment in MOMENTS and MOMENTS[moment](event, arguments):
            os._exit(CRASHED)
        if switched and moment == "CURRENT has been switched":
            os._exit(CRASHED)
        switched = switched or event == "os.rename"

    def points() -> Iterator[Point]:
        yield from shop(300)
        if moment == "the points are half sent":
            print_line(*builders_of(os.getpid()))
            os._exit(CRASHED)
        yield from shop(320)[300:]

    sys.addaudithook(watch)
    store = open_embedded(folder)
    (store.update if store.collections() else store.build)(SPEC, points())
    if moment == "all is done":
        os._exit(CRASHED)


def print_line(*words: object) -> None:
    """Print a line for the parent process."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def _writes(event: str, arguments: tuple, name: str) -> bool:
    return event == "open" and str(arguments[1]).startswith("w") and name in str(arguments[0])


if __name__ == "__main__":
    {"search": search, "build": build, "crash": crash}[sys.argv[1]](
        Path(sys.argv[2]), *sys.argv[3:]
    )
