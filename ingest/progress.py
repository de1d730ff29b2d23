"""Progress bars, on stderr so that stdout stays the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

messages = Console(stderr=True)


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar that is advanced by calling what this yields with a number of items."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages) as progress:
        task = progress.add_task(what, total=total, rate="")

        def advance(count: int = 1) -> None:
            progress.update(task, advance=count)
            state = progress.tasks[0]
            if state.speed:
                progress.update(task, rate=f"{state.speed:,.0f}/s")

        yield advance
