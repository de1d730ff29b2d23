"""Rows of Parquet."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from catalog import CatalogError, formats
from catalog.formats import Feed, Record, Rows

if TYPE_CHECKING:
    from pyarrow import Array, RecordBatch
    from pyarrow.parquet import FileMetaData, ParquetFile

# Rows that are decoded together. A few bytes of a dictionary-encoded column may be a large value in
# every one of them.
BATCH = 8
# Parquet is decompressed a page at a time, and a page may be a whole column of a row group: above
# MAX_PAGE bytes that must not be many times the compressed ones.
MAX_PAGE = 64 * 2**20
MAX_RATIO = 20


def read_parquet(source: Path, data: IO[bytes]) -> Feed:
    """Records of a Parquet file, a batch at a time."""
    # here: the import takes a third of a second, and most feeds are not Parquet
    from pyarrow import parquet

    with _errors_of(source, lambda: 0):
        file = parquet.ParquetFile(data)
        _check_pages(source, file.metadata)
        columns = tuple(dict.fromkeys(filter(None, file.schema_arrow.names)))
    return Feed(_rows(source, file), columns, tabular=True, facts={"format": "Parquet"})


def _rows(source: Path, file: "ParquetFile") -> Rows:
    number = 0
    with _errors_of(source, lambda: number):
        for batch in file.iter_batches(BATCH):
            for row in range(batch.num_rows):
                number += 1
                yield number, _record(batch.slice(row, 1))


@contextmanager
def _errors_of(source: Path, number: Callable[[], int]) -> Iterator[None]:
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, UnicodeDecodeError, OverflowError) as error:
        raise CatalogError(
            f"{source} cannot be read as Parquet after row {number():,}: "
            f"{str(error).splitlines()[0].rstrip('.')}."
        ) from error


def _check_pages(source: Path, metadata: "FileMetaData") -> None:
    """Reject a file with columns that decompress to many times their size."""
    if metadata.num_columns > formats.MAX_VALUES:
        raise CatalogError(
            f"{source} has {metadata.num_columns:,} columns; {formats.MAX_VALUES:,} is the most."
        )
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            size = column.total_uncompressed_size
            if size > MAX_PAGE and size > MAX_RATIO * column.total_compressed_size:
                raise CatalogError(
                    f"{source} cannot be read within bounds: its column {column.path_in_schema} "
                    f"takes {size:,} bytes, {size // max(1, column.total_compressed_size)} times "
                    "those in the file; write it with smaller row groups."
                )


def _record(row: "RecordBatch") -> Record | str:
    """The record of a batch of one row, or the reason why there is none."""
    import pyarrow

    if row.nbytes > formats.MAX_ROW:
        return "row too long"
    if sum(map(_values, row.columns)) > formats.MAX_VALUES:
        return "too many values"
    try:
        (record,) = row.to_pylist()
    except (pyarrow.ArrowException, ValueError, OverflowError):  # a text that is not UTF-8, a date
        return "unreadable row"
    return cast(Record, record)


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
