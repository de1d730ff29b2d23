"""The second job: every product's picture into the picture store, or the reason why not.

The outcome of each product is a row of the catalogue's picture ledger.
"""

import asyncio
import resource
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.ledger import PendingPicture, PictureOutcome
from ingest.job import Figures, exclusive_run
from pictures.errors import PictureError, unexpected
from pictures.fetch_settings import FetchSettings
from pictures.importer import PictureImporter
from vitrine import VitrineError
from vitrine.progress import progress_bar

BATCH = 64  # outcomes a transaction: a killed job repeats at most these
# Products in progress at once: enough to hide the web's latency behind decoding, few enough to
# hold their bytes, a megabyte each.
IN_PROGRESS = 128
# Characters of their addresses: in catalogues that an earlier version made, a data: address is a
# whole picture.
IN_PROGRESS_SIZE = 64 * 2**20
# Open files: what the limit of this process is raised to where that is allowed, and what the
# catalogue, the decode workers and the importer's threads may need of them. The web gets the rest,
# two for each request: one in progress, one idle connection.
OPEN_FILES = 1024
OWN_FILES = 52


def catalogue_settings() -> FetchSettings:
    """The limits for the pictures of a whole catalogue.

    Most catalogues have their pictures on one host, usually a content delivery network. 48 requests
    at once hide a response time of 0.2 seconds behind the 240 pictures a second that one event loop
    can process.
    """
    return FetchSettings(concurrency=64, per_host=48)


def fetch_images(
    home: Path,
    *,
    retry_failed: bool = False,
    prune: bool = False,
    fetch_settings: FetchSettings | None = None,
) -> Figures:
    """Fetch, decode and keep the picture of every product that has none yet.

    Args:
        home: the shop's folder.
        retry_failed: try those again that failed before.
        prune: delete stored and embedded pictures that no product has any more.
        fetch_settings: limits and politeness on the web; by default `catalogue_settings()`.

    Returns:
        `stored` pictures, `skipped` products (done before, or without a picture's address), and
        `failed` ones by reason; and how many products of the catalogue have a picture `identical`
        to another's, which is kept once; `pruned` when asked for.

    Raises:
        CatalogError: there is no catalogue, its disk is full, or another job is running.
        VitrineError: pictures cannot be written, or the user agent cannot be sent.
    """
    with (
        exclusive_run(home, "images", {"retry_failed": retry_failed, "prune": prune}) as run,
        progress_bar("pictures", len(run.catalogue)) as advance,
    ):
        catalogue = run.catalogue
        catalogue.pictures.sweep()
        fetch_settings = _within_open_files(fetch_settings or catalogue_settings())
        pending = catalogue.pictures_pending(
            lambda digest: catalogue.pictures.path(digest).exists(), retry_failed=retry_failed
        )
        counts = asyncio.run(_import(catalogue, pending, fetch_settings, advance))
        stored = counts.pop("", 0)
        skipped = len(catalogue) - len(catalogue.damaged) - stored - counts.total()
        advance(skipped)
        run.figures |= {
            "stored": stored,
            "skipped": skipped,
            "failed": dict(counts.most_common()),
            "identical": catalogue.identical_pictures(),
        }
        if prune:
            run.figures["pruned"] = catalogue.pictures.prune(catalogue.picture_hashes)
            named = catalogue.embedded_pictures()
            catalogue.embedded.prune(lambda _: named)
        return run.figures


def _within_open_files(settings: FetchSettings) -> FetchSettings:
    """The settings with as many concurrent requests as the limit of open files allows."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        most = OPEN_FILES
    if limit != resource.RLIM_INFINITY and limit < min(OPEN_FILES, most):
        limit = min(OPEN_FILES, most)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, most))
    if limit == resource.RLIM_INFINITY:
        return settings
    return replace(
        settings, concurrency=max(1, min(settings.concurrency, (limit - OWN_FILES) // 2))
    )


async def _import(
    catalogue: Catalogue,
    pending: Iterator[PendingPicture],
    fetch_settings: FetchSettings,
    advance: Callable[[int], None],
) -> Counter[str]:
    """Import pictures and record the outcomes, a batch a transaction; counts by reason.

    What was imported before an error or Ctrl-C is recorded.
    """
    counts: Counter[str] = Counter()
    batch: list[PictureOutcome] = []
    try:
        async with (
            PictureImporter(catalogue.pictures, catalogue.embedded, fetch_settings) as importer,
            aclosing(_outcomes(importer, pending)) as outcomes,
        ):
            async for outcome in outcomes:
                counts[outcome.reason] += 1
                batch.append(outcome)
                if len(batch) == BATCH:
                    catalogue.record_pictures(batch)
                    batch.clear()
                advance(1)
    finally:
        catalogue.record_pictures(batch)
    return counts


async def _outcomes(
    importer: PictureImporter, pending: Iterator[PendingPicture]
) -> AsyncGenerator[PictureOutcome]:
    """The outcome for each product's picture, many at once, in any order."""
    tasks: dict[asyncio.Task[PictureOutcome], int] = {}  # with the size of their addresses
    try:
        for each in pending:
            task = asyncio.create_task(_outcome(importer, each))
            tasks[task] = sum(map(len, each.product.images))
            while len(tasks) >= IN_PROGRESS or sum(tasks.values()) > IN_PROGRESS_SIZE:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    del tasks[task]
                    yield task.result()
        for completed in asyncio.as_completed(tasks):
            yield await completed
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _outcome(importer: PictureImporter, pending: PendingPicture) -> PictureOutcome:
    """Keep the first of a product's pictures that can be imported.

    An error that nothing foresees is the outcome of this picture, never the end of the job.
    """
    product, stamp = pending.product, pending.stamp()
    failure = PictureError("no picture given", "The product names no picture.")
    address = ""
    for address in product.images:
        try:
            picture = await importer.add(address, pending.folder)
            return PictureOutcome.stored(product, address, picture, stamp)
        except PictureError as error:
            failure = error
        except VitrineError:  # the store or the decode workers: no picture's fault
            raise
        except Exception as error:  # noqa: BLE001 - one picture fails, not the job
            failure = unexpected(error, address)
    return PictureOutcome.failed(product, address, failure, stamp)
