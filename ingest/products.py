"""The first job: product files into the catalogue."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from dataclasses import fields as fields_of
from itertools import islice
from pathlib import Path

from catalog.amazon import hub_category
from catalog.columns import size
from catalog.product import Product
from catalog.readers import DroppedRow, picture_folder, read_products
from ingest.job import Figures, exclusive_run
from vitrine.batches import batched_by_size
from vitrine.progress import progress_bar

BATCH = 500  # rows a transaction: a kill repeats at most these
# Characters a transaction: the pictures of a product may be megabytes of data: addresses.
BATCH_SIZE = 16 * 2**20


def load_products(
    home: Path,
    source: Path,
    *,
    fields: Mapping[str, str] | None = None,
    category: str = "",
    category_field: str = "",
    prune: bool = False,
    picture_side: int | None = None,
    limit: int | None = None,
    allow_paths: bool = False,
) -> Figures:
    """Read a file of products into the catalogue.

    Args:
        home: the shop's folder.
        source: JSON Lines, CSV or Parquet, gzipped or not; or `amazon:All_Beauty`, a category
            of Amazon Reviews 2023 on the hub.
        fields: Product field → the file's column, where the names differ.
        category: the category of every product of the file.
        category_field: the column that holds each product's category.
        limit: read this many rows and no more.
        picture_side: shortest side of kept pictures in pixels; fixed when the catalogue is made.
        allow_paths: accept paths of pictures outside the file's folder; without it the job of
            images refuses them, and records why.
        prune: delete what an earlier run read from this file and the file no longer has.

    Returns:
        `rows`, `kept`, `dropped` by reason, and of the kept how many are `new`, `changed` and
        `unchanged`; `pruned` when asked for.

    Raises:
        CatalogError: the file cannot be read at all, or another job is running.
    """
    settings: Figures = {
        "source": _printable(source),
        "category": category,
        "category_field": category_field,
        "prune": prune,
        "limit": limit,
        "allow_paths": allow_paths,
    }
    with exclusive_run(home, "products", settings, create=True, picture_side=picture_side) as run:
        run.catalogue.embedded.sweep()
        dropped: Counter[str] = Counter()
        stored: Counter[str] = Counter(new=0, changed=0, unchanged=0)
        label = _printable(source if hub_category(source) else source.resolve())
        rows = read_products(
            source,
            fields=fields or {},
            category=category,
            category_field=category_field,
            keep_picture=run.catalogue.embedded.add,
        )
        folder = "" if allow_paths else picture_folder(source)
        with progress_bar("products") as advance:
            kept = _kept(islice(rows, limit), dropped, advance)
            for batch in batched_by_size(kept, BATCH, _size, BATCH_SIZE):
                upserted = run.catalogue.upsert(
                    batch, source=label, run=run.id, picture_folder=folder
                )
                stored.update(asdict(upserted))
        run.figures |= {
            "rows": stored.total() + dropped.total(),
            "kept": stored.total(),
            "dropped": dict(dropped.most_common()),
            **stored,
        }
        if prune:
            run.figures["pruned"] = run.catalogue.prune(label, run.id)
        return run.figures


def _printable(path: Path) -> str:
    """A path as text; bytes of it that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _kept(
    rows: Iterator[Product | DroppedRow], dropped: Counter[str], advance: Callable[[int], None]
) -> Iterator[Product]:
    """The rows that are products; the others are counted by reason."""
    for row in rows:
        advance(1)
        if isinstance(row, DroppedRow):
            dropped[row.reason] += 1
        else:
            yield row


def _size(product: Product) -> int:
    return sum(size(getattr(product, field.name)) for field in fields_of(Product))
