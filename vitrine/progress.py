"""Progress bars, on stderr so that stdout stays the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from vitrine.command import messages


class _Rate(ProgressColumn):
    """Items a second, computed when the bar is drawn, not at every item."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "")


@contextmanager
def progress_bar(what: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar. What is yielded takes the number of items done since the last call."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=messages) as progress:
        task = progress.add_task(what, total=total)

        def advance(count: int = 1) -> None:
            progress.update(task, advance=count)

        yield advance
