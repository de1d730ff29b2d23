"""What every job shares: one at a time in a folder, and a record of its run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.text import Text

from catalog.catalogue import Catalogue
from catalog.runs import LOCK
from ingest import IngestError
from vitrine.command import messages

Figures = dict[str, Any]

LOCK_TIMEOUT = 0.2  # seconds: whoever reads the state of the runs holds the lock for an instant


@dataclass
class Run:
    """A running job.

    Attributes:
        catalogue: the shop's catalogue.
        id: the run's number in the catalogue.
        figures: what the job has counted so far; recorded when it ends, however it ends.
    """

    catalogue: Catalogue
    id: int
    figures: Figures = field(default_factory=dict)


def report_unexpected(product_id: str, error: Exception) -> str:
    """Name a product that failed for no reason that is foreseen; returns the reason to count."""
    reason = f"unexpected {type(error).__name__}"
    messages.print(Text(f"{product_id}: {reason}: {error}"), soft_wrap=True)
    return reason


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the folder's lock for one job; the lock ends with the process, even when it is killed.

    Raises:
        IngestError: another process holds it.
    """
    lock = FileLock(home / LOCK)
    try:
        lock.acquire(timeout=LOCK_TIMEOUT, poll_interval=LOCK_TIMEOUT / 4)
    except Timeout:
        raise IngestError(
            f"Another ingest job is running in {home}. "
            "Let it finish, or stop it, and run this again."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def exclusive_run(
    home: Path,
    job: str,
    settings: Figures,
    *,
    create: bool = False,
    picture_side: int | None = None,
) -> Iterator[Run]:
    """Run a job alone in its folder, with a record of its settings, outcome and figures.

    Args:
        home: the shop's folder.
        job: the job's name on the command line.
        settings: what it was called with, for the record.
        create: make the catalogue where there is none.
        picture_side: as `Catalogue` takes it.

    Raises:
        IngestError: another job is running.
        CatalogError: there is no catalogue, or it cannot be read.
    """
    with (
        # first: where there is no shop, neither a folder nor a lock is made
        Catalogue(home, create=create, picture_side=picture_side) as catalogue,
        exclusive(home),
    ):
        run = Run(catalogue, catalogue.begin_run(job, settings))
        started = time.monotonic()

        def end(outcome: str, **more: str) -> None:
            seconds = round(time.monotonic() - started, 3)
            catalogue.end_run(run.id, outcome, run.figures | more | {"seconds": seconds})

        try:
            yield run
        except BaseException as error:
            end("stopped" if isinstance(error, KeyboardInterrupt) else "failed", error=str(error))
            raise
        end("done")
