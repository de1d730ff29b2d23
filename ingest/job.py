"""What every job shares: one at a time in a folder, and a record of its run."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.text import Text

from catalog.catalogue import Catalogue
from vitrine.command import messages

Figures = dict[str, Any]

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
        CatalogError: there is no catalogue, it cannot be read, or another job is running.
    """
    with (
        # first: where there is no shop, neither a folder nor a lock is made
        Catalogue(home, create=create, picture_side=picture_side) as catalogue,
        catalogue.exclusive(job),
        catalogue.recorded(job, settings) as run,
    ):
        yield Run(catalogue, run.id, run.figures)
