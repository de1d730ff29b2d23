"""What every job shares: one at a time in a folder, and a record of its run."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from catalog.catalogue import Catalogue
from ingest.errors import JobRunning

Figures = dict[str, Any]


@dataclass
class Run:
    """A job's run: its number in the catalogue, and what it has to report so far."""

    id: int
    figures: Figures = field(default_factory=dict)


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the folder for one job; the lock goes with the process, however that ends.

    Raises:
        JobRunning: another process holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "ingest.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise JobRunning(
            f"Another ingest job is at work in {home}. "
            "Let it finish, or stop it, and run this again."
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def recorded(catalogue: Catalogue, job: str, settings: dict[str, Any]) -> Iterator[Run]:
    """Keep a record of a run: its settings, how it ended, its figures and its `seconds`."""
    run = Run(catalogue.begin_run(job, settings))
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
