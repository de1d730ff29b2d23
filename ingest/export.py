"""Export: cleaned products as CSV and Parquet, their vectors as Parquet."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, csv, parquet

from catalog.catalogue import Catalogue, Entry
from encoder.variant import Variant
from encoder.variants import Variants
from ingest import IngestError
from ingest.job import Figures
from pictures.sources import OUTSIDE
from qdrant.store import open_store
from vitrine.batches import batched
from vitrine.progress import progress_bar

WINDOW = 500  # products at a time
FORMULA = r"^[=+\-@\t\r]"  # what a spreadsheet may run: OWASP's list for CSV injection

PRODUCTS = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("category", pa.string()),
        ("brand", pa.string()),
        ("description", pa.string()),
        ("features", pa.string()),
        ("price", pa.float64()),
        ("rating", pa.float64()),
        ("rating_count", pa.int64()),
        ("link", pa.string()),
        ("image", pa.string()),
        ("picture", pa.string()),
        ("summary", pa.string()),
        ("text", pa.string()),
    ]
)


def export_products(home: Path, variant_name: str, folder: Path, *, category: str = "") -> Figures:
    """Write what the shop holds: `products.csv`, `products.parquet` and `vectors.parquet`.

    In the CSV file a text that a spreadsheet may take for a formula begins with an apostrophe
    (CSV injection); the Parquet files hold every text as it is.

    Products come ascending by id, with their summary and the product text of the variant;
    vectors in the same order, as columns `image`, `text` and `fused` of float32 lists, null
    where a product has none.

    Args:
        home: the shop's folder.
        variant_name: whose text and vectors.
        folder: where to write; made if missing.
        category: this category only; all when empty.

    Returns:
        `products` and `vectors` written.

    Raises:
        IngestError: the category has no product.
        OSError: a file cannot be written; the error names it or the folder.
        VariantMissing, CatalogError, CollectionMissing: there is nothing to export.
    """
    variant = Variants(home).get(variant_name)
    with (
        Catalogue(home, create=False) as catalogue,
        open_store(home) as store,
        _named(folder),
        ExitStack() as stack,
    ):
        total = catalogue.categories().get(category, 0) if category else len(catalogue)
        if not total:
            known = ", ".join(catalogue.categories()) or "none"
            raise IngestError(f"No product has the category “{category}”; there are {known}.")
        collection = store.collection(variant.name)
        vectors = pa.schema(
            [("id", pa.string())]
            + [(name, pa.list_(pa.float32(), collection.dim)) for name in collection.vectors]
        )
        folder.mkdir(parents=True, exist_ok=True)
        # Python's files, since Arrow's own errors lack the number and the file's name.
        files = [
            stack.enter_context((folder / name).open("wb"))
            for name in ("products.csv", "products.parquet", "vectors.parquet")
        ]
        csv_table = stack.enter_context(csv.CSVWriter(files[0], PRODUCTS))
        product_table = stack.enter_context(parquet.ParquetWriter(files[1], PRODUCTS))
        vector_table = stack.enter_context(parquet.ParquetWriter(files[2], vectors))
        advance = stack.enter_context(progress_bar("export", total))
        figures: Figures = {"products": 0, "vectors": 0}
        for window in batched(catalogue.entries(category=category or None), WINDOW):
            rows = [_row(entry, variant) for entry in window]
            batch = pa.RecordBatch.from_pylist(rows, PRODUCTS)
            csv_table.write_batch(_without_formulas(batch))
            product_table.write_batch(batch)
            found = store.retrieve(variant.name, [row["id"] for row in rows], vectors=True)
            held = [found[row["id"]] for row in rows if row["id"] in found]
            listed = [{"id": point.id} | _lists(point.vectors) for point in held]
            vector_table.write_batch(pa.RecordBatch.from_pylist(listed, vectors))
            figures["products"] += len(rows)
            figures["vectors"] += sum(len(point.vectors) for point in held)
            advance(len(rows))
        if damage := catalogue.damage():
            figures["damaged"] = damage
        return figures


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """A failed write names no file: the folder is added to it."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(folder)
        raise


def _without_formulas(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type):
            marked = compute.binary_join_element_wise("'", column, "")
            formula = compute.match_substring_regex(column, FORMULA)
            column = compute.if_else(formula, marked, column)
        columns.append(column)
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _row(entry: Entry, variant: Variant) -> dict[str, Any]:
    product = entry.product
    return {name: getattr(product, name, None) for name in PRODUCTS.names} | {
        "features": "\n".join(product.features),
        "image": next(iter(product.images), "").removeprefix(OUTSIDE),
        "picture": entry.picture,
        "summary": entry.summary,
        "text": variant.template.product_text(product, entry.summary),
    }


def _lists(vectors: Mapping[str, np.ndarray]) -> dict[str, list[float]]:
    return {name: vector.tolist() for name, vector in vectors.items()}
