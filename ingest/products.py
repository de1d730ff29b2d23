"""The first job: product files into the catalogue."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from dataclasses import fields as fields_of
from operator import attrgetter
from pathlib import Path

from catalog import CatalogError
from catalog.amazon import hub_category
from catalog.cells import size
from catalog.product import Product
from catalog.readers import DroppedRow, picture_folder, read_products
from catalog.report import Report
from ingest.job import Figures, exclusive_run
from vitrine.batches import batched_by_size
from vitrine.progress import progress_bar

BATCH = 500  # rows a transaction: a kill repeats at most these
# Characters a transaction: the pictures of a product may be megabytes of data: addresses.
BATCH_SIZE = 16 * 2**20
PREVIEWED = 1_000  # rows that a preview reads


def load_products(
    home: Path,
    source: Path,
    *,
    fields: Mapping[str, Sequence[str]] | None = None,
    category: str = "",
    category_field: str = "",
    prune: bool = False,
    picture_side: int | None = None,
    limit: int | None = None,
    allow_paths: bool = False,
    language: str = "",
    filters: Sequence[str] | None = None,
) -> Figures:
    """Read a file of products into the catalogue.

    Args:
        home: the shop's folder.
        source: a product file; or `amazon:All_Beauty`, a category of Amazon Reviews 2023 on the
            hub.
        fields: Product field → the file's columns, where they are not found by themselves.
        category: the category of every product of the file.
        category_field: the column that holds each product's category.
        limit: read this many rows and no more.
        picture_side: shortest side of kept pictures in pixels; fixed when the catalogue is made.
        allow_paths: accept paths of pictures outside the file's folder; without it the job of
            images refuses them, and records why.
        prune: delete what an earlier run read from this file and the file no longer has.
        language: which texts to take where there are several languages.
        filters: the attributes to filter by, kept with the shop; empty for the default ones, None
            for those that are set.

    Returns:
        `rows`, `kept`, `dropped` and `not_for_sale` by reason, `merged`, and of the kept how many
        are `new`, `changed` and `unchanged`; `pruned` and `filters` when asked for; `columns`, what
        was understood, of `catalog.report.Report`.

    Raises:
        CatalogError: the file cannot be read at all, no row of it is a product, or another job is
            running.
    """
    settings: Figures = {
        "source": _printable(source),
        "category": category,
        "category_field": category_field,
        "prune": prune,
        "limit": limit,
        "allow_paths": allow_paths,
        "fields": {name: list(columns) for name, columns in (fields or {}).items()},
        "language": language,
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
            language=language,
            limit=limit,
        )
        folder = "" if allow_paths else picture_folder(source)
        with progress_bar("products") as advance:
            kept = _kept(rows, dropped, advance)
            for batch in batched_by_size(kept, BATCH, _size, BATCH_SIZE):
                upserted = run.catalogue.upsert(
                    batch, source=label, run=run.id, picture_folder=folder
                )
                stored.update(asdict(upserted))
        report = rows.report
        run.figures |= {
            "rows": stored.total() + dropped.total() + report.merged + report.skipped.total(),
            "kept": stored.total(),
            "dropped": dict(dropped.most_common()),
            "not_for_sale": dict(report.skipped.most_common()),
            "merged": report.merged,
            **stored,
            "columns": report.as_json(),
        }
        if not stored.total():
            raise CatalogError(_no_product(label, dropped + report.skipped, report))
        if prune:
            run.figures["pruned"] = run.catalogue.prune(label, run.id)
        if filters is not None:
            run.catalogue.choose_filters(filters)
            run.figures["filters"] = [each.name for each in run.catalogue.filters()]
        return run.figures


def preview_products(
    source: Path,
    count: int,
    *,
    fields: Mapping[str, Sequence[str]] | None = None,
    category: str = "",
    category_field: str = "",
    limit: int | None = None,
    language: str = "",
) -> Figures:
    """Read the beginning of a file and write nothing.

    Args:
        source: as in `load_products`.
        count: how many products to return.
        fields: as in `load_products`.
        category: as in `load_products`.
        category_field: as in `load_products`.
        limit: read this many rows and no more; `PREVIEWED` by default.
        language: as in `load_products`.

    Returns:
        `products`, each with its fields that have a value; `dropped` and `not_for_sale` by reason,
        `merged`, and `columns`, all of the rows that were read.

    Raises:
        CatalogError: the file cannot be read at all, or none of these rows is a product.
    """
    rows = read_products(
        source,
        fields=fields or {},
        category=category,
        category_field=category_field,
        language=language,
        limit=limit or PREVIEWED,
    )
    dropped: Counter[str] = Counter()
    products = [
        {name: value for name, value in asdict(product).items() if value not in ("", None, (), {})}
        for number, product in enumerate(_kept(rows, dropped, lambda _: None))
        if number < count
    ]
    report = rows.report
    if not products:
        raise CatalogError(_no_product(_printable(source), dropped + report.skipped, report))
    return {
        "products": products,
        "dropped": dict(dropped.most_common()),
        "not_for_sale": dict(report.skipped.most_common()),
        "merged": report.merged,
        "columns": report.as_json(),
    }


def _no_product(source: str, reasons: Mapping[str, int], report: Report) -> str:
    """A sentence about a file of which no row is a product."""
    listed = ", ".join(f"{reason} ({count:,})" for reason, count in reasons.items())
    read = report.convention or "a table of products"
    return (
        f"No row of {source} is a product, read as {read}: {listed or 'it has none'}. "
        "Check its columns with --preview 5, and name them with --field FIELD=COLUMN."
    )


def _printable(path: Path) -> str:
    """A path as text; bytes of it that are not UTF-8 are escaped."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _kept(
    rows: Iterable[Product | DroppedRow], dropped: Counter[str], advance: Callable[[int], None]
) -> Iterator[Product]:
    """The rows that are products; the others are counted by reason."""
    for row in rows:
        advance(1)
        if isinstance(row, DroppedRow):
            dropped[row.reason] += 1
        else:
            yield row


_values = attrgetter(*(field.name for field in fields_of(Product)))


def _size(product: Product) -> int:
    return sum(len(value) if type(value) is str else size(value) for value in _values(product))
