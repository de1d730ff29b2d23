"""Rows of Parquet, in memory that is bounded by bytes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows
from catalog.formats.parquet_pages import Chunk, Page, RowGroup, pages, row_groups

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch
    from pyarrow.parquet import ParquetFile

# A row may hold some pictures as they are.
PICTURES = 4  # times formats.MAX_ROW
# A page is decompressed as a whole, beside its compressed bytes and the dictionary of its column.
MAX_PAGES = 512 * 2**20  # bytes of these three
# Above MIN_BOMB bytes a page must not be many times what it takes in the file.
MIN_BOMB = 64 * 2**20
MAX_RATIO = 20
MAX_NESTED = 64 * 2**20  # values in the lists of a row group; all of them may be one row's
# Rows that are decoded together take up to BATCH bytes.
BATCH = 32 * 2**20
MAX_BATCH = 512  # rows
SMALL = 2**20  # bytes of a batch whose rows are converted together
READ = 2**16  # bytes that are read at a time of a column


def read_parquet(source: Path, data: IO[bytes]) -> Feed:
    """Records of a Parquet file.

    Args:
        source: For messages.
        data: The file; it has a name on disk, since a stream of Python would copy every page.

    Raises:
        CatalogError: The file is damaged, or has too many columns; while its rows are read, a row
            group cannot be read within bounds.
    """
    # here: the import takes a third of a second, and most feeds are not Parquet
    from pyarrow import parquet

    with _errors_of(source, lambda: 0):
        # without pre_buffer and with a buffer, a column chunk is read a page at a time
        file = parquet.ParquetFile(data.name, pre_buffer=False, buffer_size=READ)
        if file.metadata.num_columns > formats.MAX_VALUES:
            raise CatalogError(
                f"{source} has {file.metadata.num_columns:,} columns; {formats.MAX_VALUES:,} is "
                "the most."
            )
        columns = tuple(dict.fromkeys(filter(None, file.schema_arrow.names)))
        try:
            groups = row_groups(data)
        except ValueError as error:
            raise CatalogError(f"{source} is a damaged Parquet file: {error}.") from error
    rows = _rows(source, data, file, groups)
    return Feed(rows, columns, tabular=True, facts={"format": "Parquet"})


def _rows(source: Path, data: IO[bytes], file: "ParquetFile", groups: list[RowGroup]) -> Rows:
    number = 0
    with data, file, _errors_of(source, lambda: number):
        for index, group in enumerate(groups):
            size = _batch_size(source, data, group)
            for batch in file.iter_batches(size, row_groups=[index], use_threads=False):
                for record in _records(batch):
                    number += 1
                    yield number, record


@contextmanager
def _errors_of(source: Path, number: Callable[[], int]) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError, OverflowError) as error:
        if isinstance(error, OSError) and error.errno:  # the disk; Arrow's own have no number
            raise
        reason = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
        raise CatalogError(
            f"{source} cannot be read as Parquet after row {number():,}: {reason}."
        ) from error


def _batch_size(source: Path, data: IO[bytes], group: RowGroup) -> int:
    """How many rows of a row group are decoded together.

    Raises:
        CatalogError: A page of it is too large. The headers of the pages are read for this: the
            sizes of a column that the file states may be others.
    """
    largest = 0.0  # bytes of a row
    for chunk in group.chunks:
        try:
            found = list(pages(data, chunk.start, chunk.end))
        except ValueError as error:
            raise CatalogError(
                f"{source} is damaged in its column {chunk.path!r}: {error}."
            ) from error
        _check(source, chunk, found, group.rows)
        size = sum(page.size for page in found) / max(1, group.rows)
        # a value of a few bytes may stand for another one, however large
        shared = [page.size for page in found if page.dictionary or chunk.delta]
        largest += max([size, *shared])
    return int(min(MAX_BATCH, max(1, BATCH // max(1, largest))))


def _check(source: Path, chunk: Chunk, found: list[Page], rows: int) -> None:
    dictionary = max((page.size for page in found if page.dictionary), default=0)
    for page in found:
        memory = page.size + page.compressed + dictionary
        bomb = page.size > MIN_BOMB and page.size > MAX_RATIO * page.compressed
        if bomb or memory > MAX_PAGES:
            raise CatalogError(
                f"{source} cannot be read within bounds: a page of its column {chunk.path!r} takes "
                f"{page.size:,} bytes, and {page.compressed:,} in the file; write it with smaller "
                "row groups, for example of 50 rows."
            )
    values = sum(page.values for page in found if not page.dictionary)
    if values > max(rows, MAX_NESTED):
        raise CatalogError(
            f"{source} cannot be read within bounds: its column {chunk.path!r} has {values:,} "
            "values in the lists of one row group; write it with smaller row groups."
        )


def _records(batch: "RecordBatch") -> Iterator[Record | str]:
    small = batch.nbytes <= SMALL and sum(map(_values, batch.columns)) <= formats.MAX_VALUES
    records = _converted(batch) if small else None
    # otherwise one by one, so that a damaged or large cell costs its row only
    yield from records or (_record(batch.slice(row, 1)) for row in range(batch.num_rows))


def _record(row: "RecordBatch") -> Record | str:
    """The record of a batch of one row, or the reason why there is none."""
    if row.nbytes > PICTURES * formats.MAX_ROW:
        return "row too long"
    if sum(map(_values, row.columns)) > formats.MAX_VALUES:
        return "too many values"
    records = _converted(row)
    return "unreadable row" if records is None else records[0]


def _converted(batch: "RecordBatch") -> list[Record | str] | None:
    """The records of a batch; None where a cell has no value of Python."""
    import pyarrow

    try:
        return cast(list[Record | str], batch.to_pylist())
    except (pyarrow.ArrowException, ValueError, OverflowError):  # a text that is not UTF-8, a date
        return None


def _values(array: "Array") -> int:
    """How many values an array has, nested ones included."""
    import pyarrow

    if isinstance(array, pyarrow.StructArray):
        return len(array) + sum(map(_values, array.flatten()))
    if isinstance(array, pyarrow.MapArray):  # a list of pairs
        start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
        return len(array) + sum(
            _values(each.slice(start, end - start)) for each in (array.keys, array.items)
        )
    if isinstance(array, pyarrow.ListArray | pyarrow.LargeListArray | pyarrow.FixedSizeListArray):
        return len(array) + _values(array.flatten())
    return len(array)
