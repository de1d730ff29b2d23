"""What every job shares: one at a time in a folder, and a record of its run."""

import time
from collections import Counter
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
MOST_FAILED = 100  # items that may fail before one succeeds


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


def record_unexpected(
    failed: Counter[str], product_id: str, error: Exception, succeeded: int
) -> None:
    """Name and count a product that failed for a reason that is not foreseen.

    Args:
        failed: counts by reason; one more afterwards.
        product_id: the product, or the first of those with this content.
        error: what was raised.
        succeeded: items that this run has completed.

    Raises:
        Exception: `error` itself, where so many failed and none succeeded that no item is at fault.
    """
    reason = f"unexpected {type(error).__name__}"
    failed[reason] += 1
    if not succeeded and failed.total() > MOST_FAILED:
        raise error
    messages.print(Text(f"{product_id}: {reason}: {error}"), soft_wrap=True)


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
