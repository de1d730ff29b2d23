"""The second job: every product's picture into the picture store, or the reason why not."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from os import cpu_count
from pathlib import Path

from catalog.catalogue import Catalogue
from catalog.errors import PictureError
from catalog.ledger import PictureOutcome, picture_stamp
from catalog.pictures import PictureStore, read_source
from catalog.product import Product
from ingest.job import Figures, alone, recorded
from ingest.progress import bar

BATCH = 64  # outcomes a transaction: a kill repeats at most these
AHEAD = 4  # pictures under way per thread: enough to keep all busy, few enough to hold


def images(home: Path, *, retry_failed: bool = False) -> Figures:
    """Read, decode, shrink and keep the picture of every product that has none yet.

    Args:
        home: the shop's folder.
        retry_failed: try those again that failed before.

    Returns:
        `stored` pictures, `skipped` products (done before, or with no picture to be had), and
        `failed` ones by reason.

    Raises:
        CatalogError: there is no catalogue, or no room to keep pictures.
        JobRunning: another job is at work.
    """
    with (
        alone(home),
        Catalogue(home, create=False) as catalogue,
        recorded(catalogue, "images", {"retry_failed": retry_failed}) as run,
    ):
        failed: Counter[str] = Counter()
        counts: Counter[str] = Counter(stored=0)
        with bar("pictures", len(catalogue)) as advance:
            outcomes = _outcomes(_pending(catalogue, retry_failed), catalogue.pictures)
            while batch := list(islice(outcomes, BATCH)):
                catalogue.record_pictures(batch)
                counts["stored"] += sum(outcome.outcome == "stored" for outcome in batch)
                failed.update(outcome.reason for outcome in batch if outcome.outcome == "failed")
                advance(len(batch))
            skipped = len(catalogue) - counts["stored"] - failed.total()
            advance(skipped)
        run.figures |= {
            "stored": counts["stored"],
            "skipped": skipped,
            "failed": dict(failed.most_common()),
        }
        return run.figures


def _pending(catalogue: Catalogue, retry_failed: bool) -> Iterator[Product]:
    """Products whose picture is to be read: never tried, changed, or lost from the store."""
    yield from catalogue.pictures_pending(retry_failed=retry_failed)
    for entry in catalogue.entries():
        if entry.picture and not catalogue.pictures.path(entry.picture).exists():
            yield entry.product


def _outcomes(products: Iterable[Product], store: PictureStore) -> Iterator[PictureOutcome]:
    """What became of each product's picture, in order, several under way at once."""
    threads = cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        under_way: deque[Future[PictureOutcome]] = deque()
        for product in products:
            under_way.append(pool.submit(_fetch, product, store))
            if len(under_way) > AHEAD * threads:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _fetch(product: Product, store: PictureStore) -> PictureOutcome:
    """Keep the first of a product's pictures that can be had."""
    stamp = picture_stamp(product)
    failure = PictureError("no picture given", "The product names no picture.")
    address = ""
    for address in product.images:
        try:
            return PictureOutcome.stored(product, address, store.add(read_source(address)), stamp)
        except PictureError as error:
            failure = error
    return PictureOutcome.failed(product, address, failure, stamp)
