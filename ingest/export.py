"""Export: cleaned products as CSV and Parquet, their vectors as Parquet.

`vitrine ingest products` reads either file of products back to an equal catalogue
(`catalog.exchange`). Pictures that a feed contained lie beside them, in `embedded/`.
"""

import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from pyarrow import compute, csv, parquet

from catalog.catalogue import Catalogue, Entry
from catalog.exchange import FORMULA, GUARDED, MARK, PLAIN, record_of
from catalog.seen_ids import SeenIds
from encoder.variant import Variant
from encoder.variants import Variants
from ingest import IngestError
from ingest.job import Figures
from pictures.embedded import EmbeddedPictures, is_embedded
from pictures.errors import PictureError
from pictures.sources import OUTSIDE
from qdrant.model import Point
from qdrant.store import Store, open_store
from vitrine import Closing
from vitrine.batches import batched
from vitrine.command import naming
from vitrine.folder_lock import locked
from vitrine.progress import progress_bar

WINDOW = 500  # products at a time
# Bytes of a row group of a Parquet file. What describes the groups is in memory until the file is
# complete: of groups of one window it was 100 MB for a million products.
ROW_GROUP = 4 << 20
FILES = ("products.csv", "products.parquet", "vectors.parquet")
UNFINISHED = ".export-"  # begins the name of a folder that is not published yet

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("title", pa.string()),
        ("category", pa.string()),
        ("categories", pa.string()),  # JSON, as features, attributes and images
        ("brand", pa.string()),
        ("description", pa.string()),
        ("features", pa.string()),
        ("attributes", pa.string()),
        ("price", pa.float64()),
        ("currency", pa.string()),
        ("list_price", pa.float64()),
        ("in_stock", pa.bool_()),
        ("rating", pa.float64()),
        ("rating_count", pa.int64()),
        ("sku", pa.string()),
        ("gtin", pa.string()),
        ("released", pa.string()),
        ("parent", pa.string()),
        ("link", pa.string()),
        ("images", pa.string()),
        # Not read back: made of the above.
        ("image", pa.string()),
        ("picture", pa.string()),
        ("summary", pa.string()),
        ("text", pa.string()),
        (MARK, pa.string()),
    ]
)


def export_products(home: Path, variant_name: str, folder: Path, *, category: str = "") -> Figures:
    """Write what the shop holds: `products.csv`, `products.parquet` and `vectors.parquet`.

    Products come ascending by id, with their summary and the product text of the variant;
    vectors in the same order, as columns `image`, `text` and `fused` of float32 lists, null
    where a product has none. A file that was there is replaced when all of them are written.

    In the CSV file a text that a spreadsheet may take for a formula begins with an apostrophe
    (CSV injection); the Parquet files hold every text as it is.

    Args:
        home: the shop's folder.
        variant_name: whose text and vectors.
        folder: where to write; made if missing.
        category: only products with this department, step or path of steps, as
            `Product.category_names` has them; all when empty.

    Returns:
        `products` and `vectors` written, and pictures `embedded`; the `folder`; `damaged` rows of
        the catalogue that were left out, as `Catalogue.damage` returns them.

    Raises:
        IngestError: the category has no product; another process exports to the folder.
        OSError: a file cannot be written; the error names it or the folder.
        VariantMissing, CatalogError, CollectionMissing: there is nothing to export.
    """
    variant = Variants(home).get(variant_name)
    with (
        Catalogue(home, create=False) as catalogue,
        open_store(home) as store,
        naming(folder),
    ):
        if not any(_in_category(catalogue.entries(), category)):
            known = ", ".join(catalogue.categories()) or "none"
            raise IngestError(f"No product has the category “{category}”; there are {known}.")
        folder.mkdir(parents=True, exist_ok=True)
        total = None if category else len(catalogue)
        with _published(folder) as unfinished, progress_bar("export", total) as advance:
            tables = _Tables(unfinished, variant, store, catalogue, folder)
            with tables:
                for window in batched(_in_category(catalogue.entries(), category), WINDOW):
                    tables.write(window)
                    advance(len(window))
        figures = {**tables.counts, "folder": str(folder.resolve())}
        if damage := catalogue.damage():
            figures["damaged"] = damage
        return figures


def _in_category(entries: Iterable[Entry], category: str) -> Iterator[Entry]:
    for entry in entries:
        if not category or category in entry.product.category_names():
            yield entry


class _Tables(Closing):
    """The three files, open for writing.

    Attributes:
        counts: `products` and `vectors` that were written, and `embedded` pictures beside them.
    """

    def __init__(
        self, folder: Path, variant: Variant, store: Store, catalogue: Catalogue, beside: Path
    ) -> None:
        self.counts: Figures = {"products": 0, "vectors": 0, "embedded": 0}
        self._catalogue = catalogue
        self._copies = EmbeddedPictures(beside)
        self._variant, self._store = variant, store
        collection = store.collection(variant.name)
        self._vector_schema = pa.schema(
            [("id", pa.string())]
            + [
                (name, pa.list_(pa.float32(), collection.dim_of(name)))
                for name in collection.vectors
            ]
        )
        with ExitStack() as stack:
            # Python's files, since Arrow's own errors lack the number and the file's name.
            files = [stack.enter_context((folder / name).open("wb")) for name in FILES]
            for file in files:
                stack.callback(os.fsync, file.fileno())
            self._csv = stack.enter_context(csv.CSVWriter(files[0], SCHEMA))
            self._products = stack.enter_context(_ParquetFile(files[1], SCHEMA))
            self._vectors = stack.enter_context(_ParquetFile(files[2], self._vector_schema))
            self._seen = stack.enter_context(closing(SeenIds()))  # addresses
            self._open = stack.pop_all()

    def close(self) -> None:
        """Complete the files, and write them through to the disk."""
        self._open.close()

    def write(self, window: list[Entry]) -> None:
        """Write some products and their vectors."""
        rows = [_row(entry, self._variant) for entry in window]
        batch = pa.RecordBatch.from_pylist(rows, SCHEMA)
        self._products.write(batch)
        self._csv.write_batch(_guarded(batch))
        found = self._store.retrieve(self._variant.name, [row["id"] for row in rows], vectors=True)
        points = [found[row["id"]] for row in rows if row["id"] in found]
        ids, *vectors = self._vector_schema
        columns = [pa.array([point.id for point in points], ids.type)]
        columns += [_lists(points, field) for field in vectors]
        self._vectors.write(pa.RecordBatch.from_arrays(columns, schema=self._vector_schema))
        self.counts["products"] += len(rows)
        self.counts["vectors"] += sum(len(point.vectors) for point in points)
        for address in (image for entry in window for image in entry.product.images):
            if is_embedded(address) and self._seen.add(address):
                self._copy_embedded(address)

    def _copy_embedded(self, address: str) -> None:
        """Copy an embedded picture, if it is kept, beside the tables."""
        with suppress(PictureError):  # the ledger has the reason
            self._copies.add(self._catalogue.embedded.read(address))
            self.counts["embedded"] += 1


class _ParquetFile(Closing):
    """A Parquet file, open for writing: batches are held until they make a row group.

    Args:
        file: open.
        schema: of the batches.
    """

    def __init__(self, file: BinaryIO, schema: pa.Schema) -> None:
        self._writer = parquet.ParquetWriter(file, schema)
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0

    def write(self, batch: pa.RecordBatch) -> None:
        """Write some rows."""
        self._held.append(batch)
        self._bytes += batch.nbytes
        if self._bytes >= ROW_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is held, and complete the file."""
        try:
            self._write_group()
        finally:
            self._writer.close()

    def _write_group(self) -> None:
        held, self._held, self._bytes = self._held, [], 0
        if held:
            self._writer.write_table(pa.Table.from_batches(held))


@contextmanager
def _published(folder: Path) -> Iterator[Path]:
    """A folder for unfinished files, each of which replaces the one of its name at the end.

    After an error, or where the process is killed before the end, the earlier files are untouched.

    Raises:
        IngestError: another process exports to the same folder.
    """
    for name in FILES:
        if (folder / name).is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(folder / name))
    with _alone(folder):
        for left in folder.glob(f"{UNFINISHED}*"):  # by a killed process
            shutil.rmtree(left, ignore_errors=True)
        with TemporaryDirectory(prefix=UNFINISHED, dir=folder) as unfinished:
            yield Path(unfinished)
            for name in FILES:
                (Path(unfinished) / name).replace(folder / name)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder.

    Raises:
        IngestError: another process holds it.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(folder, wait=False))
        except BlockingIOError:
            raise IngestError(
                f"Another export is being written to {folder}. Let it finish, and run this again, "
                "or name another --folder."
            ) from None
        yield


def _guarded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose texts are no formulas for a spreadsheet."""
    columns = []
    for column in batch.columns:
        if pa.types.is_string(column.type):
            marked = compute.binary_join_element_wise("'", column, "")
            formula = compute.match_substring_regex(column, f"^{FORMULA.pattern}")
            column = compute.if_else(formula, marked, column)
        columns.append(column)
    mark = SCHEMA.get_field_index(MARK)
    columns[mark] = pa.array([GUARDED] * len(batch), pa.string())
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _row(entry: Entry, variant: Variant) -> dict[str, Any]:
    product = entry.product
    image = next(iter(product.images), "").removeprefix(OUTSIDE)
    return record_of(product) | {
        "image": image.encode("utf-8", "backslashreplace").decode(),  # of a file: any bytes
        "picture": entry.picture,
        "summary": entry.summary,
        "text": variant.template.product_text(product, entry.summary),
        MARK: PLAIN,
    }


def _lists(points: Sequence[Point], field: pa.Field) -> pa.Array:
    """The vectors of one name as a column; null where a point has none."""
    values = np.zeros((len(points), field.type.list_size), np.float32)
    missing = np.ones(len(points), bool)
    for row, point in enumerate(points):
        if field.name in point.vectors:
            values[row], missing[row] = point.vectors[field.name], False
    return pa.FixedSizeListArray.from_arrays(
        pa.array(values.ravel()), type=field.type, mask=pa.array(missing)
    )
