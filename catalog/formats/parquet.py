"""Rows of Parquet, in memory that is bounded by bytes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows
from catalog.formats.parquet_pages import Page, pages

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch
    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData, ParquetFile

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
    rows = _rows(source, data, file)
    return Feed(rows, columns, tabular=True, facts={"format": "Parquet"})


def _rows(source: Path, data: IO[bytes], file: "ParquetFile") -> Rows:
    number = 0
    with data, file, _errors_of(source, lambda: number):
        for group in range(file.num_row_groups):
            size = _batch_size(source, data, file.metadata, group)
            for batch in file.iter_batches(size, row_groups=[group], use_threads=False):
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


def _batch_size(source: Path, data: IO[bytes], metadata: "FileMetaData", group: int) -> int:
    """How many rows of a row group are decoded together.

    Raises:
        CatalogError: A page of it is too large. The headers of the pages are read for this: the
            sizes of a column that the file states may be others.
    """
    rows = metadata.row_group(group)
    largest = 0.0  # bytes of a row
    for number in range(rows.num_columns):
        chunk = rows.column(number)
        try:
            found = list(pages(data, *_extent(chunk)))
        except ValueError as error:
            raise CatalogError(
                f"{source} is damaged in its column {chunk.path_in_schema}: {error}."
            ) from error
        _check(source, chunk, found, repeated=metadata.schema.column(number).max_repetition_level)
        size = sum(page.size for page in found) / max(1, rows.num_rows)
        # a value of a few bytes may stand for another one, however large
        shared = [page.size for page in found if page.dictionary]
        if any("DELTA" in encoding for encoding in chunk.encodings):
            shared += [page.size for page in found]
        largest += max([size, *shared])
    return int(min(MAX_BATCH, max(1, BATCH // max(1, largest))))


def _extent(chunk: "ColumnChunkMetaData") -> tuple[int, int]:
    """Where the pages of a column chunk begin and end in the file."""
    start = min(filter(None, (chunk.dictionary_page_offset, chunk.data_page_offset)), default=0)
    return start, start + chunk.total_compressed_size


def _check(source: Path, chunk: "ColumnChunkMetaData", found: list[Page], *, repeated: int) -> None:
    dictionary = max((page.size for page in found if page.dictionary), default=0)
    for page in found:
        memory = page.size + page.compressed + dictionary
        bomb = page.size > MIN_BOMB and page.size > MAX_RATIO * page.compressed
        if bomb or memory > MAX_PAGES:
            raise CatalogError(
                f"{source} cannot be read within bounds: a page of its column "
                f"{chunk.path_in_schema} takes {page.size:,} bytes, and {page.compressed:,} in the "
                "file; write it with smaller row groups, for example of 50 rows."
            )
    values = sum(page.values for page in found if not page.dictionary)
    if repeated and values > MAX_NESTED:
        raise CatalogError(
            f"{source} cannot be read within bounds: its column {chunk.path_in_schema} has "
            f"{values:,} values in the lists of one row group; write it with smaller row groups."
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
