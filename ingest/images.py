"""The second job: every product's picture into the picture store, or the reason why not.

Addresses are fetched by one event loop, many at once, while processes of their own decode and
shrink. The outcome of each product is a row of the ledger.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from os import cpu_count
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.product import Product
from ingest.job import Figures, exclusive, recorded
from pictures.decode_workers import DecodeWorkers
from pictures.errors import PictureError
from pictures.fetch_settings import FetchSettings
from pictures.fetcher import Fetcher
from pictures.store import PictureStore, StoredPicture, read_source
from vitrine.progress import progress_bar

BATCH = 64  # outcomes a transaction: a kill repeats at most these
# Products under way at once: enough that the web's latency hides behind decoding, few enough
# that their bytes, a megabyte each, do no harm.
UNDER_WAY = 128
THREADS = 16  # they read and write files, and wait for the disk to have them
# Most catalogues have their pictures on one host, a content network that is used to crowds. 48 at
# once hide an answer's 0.2 seconds behind the 240 pictures a second that one event loop can take.
FETCH_SETTINGS = FetchSettings(concurrency=64, per_host=48)


def fetch_images(
    home: Path,
    *,
    retry_failed: bool = False,
    prune: bool = False,
    fetch_settings: FetchSettings = FETCH_SETTINGS,
) -> Figures:
    """Fetch, decode, shrink and keep the picture of every product that has none yet.

    Args:
        home: the shop's folder.
        retry_failed: try those again that failed before.
        prune: delete stored pictures that no product has any more.
        fetch_settings: limits and behaviour on the web.

    Returns:
        `stored` pictures, `skipped` products (done before, or with no picture to be had), and
        `failed` ones by reason; and how many products of the catalogue have a picture `identical`
        to another's, which is kept once; `pruned` when asked for.

    Raises:
        CatalogError: there is no catalogue, or no room to keep pictures.
        JobRunning: another job is at work.
    """
    with (
        exclusive(home),
        Catalogue(home, create=False) as catalogue,
        recorded(catalogue, "images", {"retry_failed": retry_failed, "prune": prune}) as run,
        progress_bar("pictures", len(catalogue)) as advance,
    ):
        tally: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        catalogue.pictures.sweep()
        asyncio.run(_run(catalogue, retry_failed, fetch_settings, tally, failed, advance))
        skipped = len(catalogue) - tally["stored"] - failed.total()
        advance(skipped)
        run.figures |= {
            "stored": tally["stored"],
            "skipped": skipped,
            "failed": dict(failed.most_common()),
            "identical": catalogue.identical_pictures(),
        }
        if prune:
            run.figures["pruned"] = catalogue.pictures.prune(catalogue.picture_hashes)
        return run.figures


async def _run(
    catalogue: Catalogue,
    retry_failed: bool,
    fetch_settings: FetchSettings,
    tally: Counter[str],
    failed: Counter[str],
    advance: Callable[[int], None],
) -> None:
    """Work through what is pending and record the outcomes, a batch a transaction."""
    batch: list[PictureOutcome] = []
    with ThreadPoolExecutor(THREADS) as threads:
        async with (
            Fetcher(fetch_settings) as fetcher,
            DecodeWorkers(catalogue.picture_side, cpu_count() or 1) as workers,
            aclosing(
                _Work(catalogue.pictures, fetcher, workers, threads).outcomes(
                    _pending(catalogue, retry_failed)
                )
            ) as outcomes,
        ):
            async for outcome in outcomes:
                tally[outcome.outcome] += 1
                if outcome.outcome == "failed":
                    failed[outcome.reason] += 1
                batch.append(outcome)
                if len(batch) == BATCH:
                    catalogue.record_pictures(batch)
                    batch.clear()
                advance(1)
    catalogue.record_pictures(batch)


def _pending(catalogue: Catalogue, retry_failed: bool) -> Iterator[Product]:
    """Products whose picture is to be read: never tried, changed, or lost from the store."""
    yield from catalogue.pictures_pending(retry_failed=retry_failed)
    for entry in catalogue.entries():
        if entry.picture and not catalogue.pictures.path(entry.picture).exists():
            yield entry.product


class _Work:
    """Gets pictures, many at once."""

    def __init__(
        self,
        store: PictureStore,
        fetcher: Fetcher,
        workers: DecodeWorkers,
        threads: ThreadPoolExecutor,
    ) -> None:
        self._store = store
        self._fetcher = fetcher
        self._workers = workers
        self._threads = threads

    async def outcomes(self, products: Iterator[Product]) -> AsyncGenerator[PictureOutcome]:
        """What became of each product's picture, in no given order."""
        under_way: set[asyncio.Future[PictureOutcome]] = set()
        try:
            for product in products:
                under_way.add(asyncio.create_task(self._get(product)))
                if len(under_way) >= UNDER_WAY:
                    done, under_way = await asyncio.wait(
                        under_way, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done:
                        yield task.result()
            for task in asyncio.as_completed(under_way):
                yield await task
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _get(self, product: Product) -> PictureOutcome:
        """Keep the first of a product's pictures that can be had."""
        stamp = picture_stamp(product)
        failure = PictureError("no picture given", "The product names no picture.")
        address = ""
        for address in product.images:
            try:
                picture = await self._keep(address)
                return PictureOutcome.stored(product, address, picture, stamp)
            except PictureError as error:
                failure = error
        return PictureOutcome.failed(product, address, failure, stamp)

    async def _keep(self, address: str) -> StoredPicture:
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._threads)
        if address.lower().startswith(("http:", "https:")):
            data = (await self._fetcher.fetch(address)).data
        else:
            data = await in_thread(read_source, address)
        digest, found = await in_thread(self._store.find, data)
        if found:
            return found
        return await in_thread(
            self._store.keep, digest, await self._workers.thumbnail(data, address)
        )
