"""Opening a product file: its format, and its rows."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from catalog import CatalogError
from catalog.amazon import hub_category, open_category
from catalog.formats import Feed, Rows
from catalog.formats.delimited import read_csv
from catalog.formats.json_rows import read_json
from catalog.formats.parquet import read_parquet

FORMATS: dict[str, Callable[[Path, IO[bytes]], Feed]] = {
    ".jsonl": read_json,
    ".ndjson": read_json,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".parquet": read_parquet,
}


def open_feed(source: Path) -> Feed:
    """Open a product file.

    Args:
        source: .jsonl, .ndjson, .json (JSON Lines), .csv, .tsv or .parquet, each also as .gz;
            or a category of Amazon Reviews 2023 on the hub, as amazon:All_Beauty.

    Raises:
        CatalogError: At once when the file is missing, empty or of no known format; while the
            rows are read when it is damaged further on.
    """
    if category := hub_category(source):
        data = open_category(category)
        feed = read_json(source, data)
    else:
        read = _format(source)
        with _errors_of(source):
            if source.is_dir():
                raise CatalogError(f"{source} is a folder; name a file of products inside it.")
            if source.stat().st_size == 0:
                raise CatalogError(f"{source} is empty: there are no products in it.")
            zipped = source.name.endswith(".gz")
            data = cast(IO[bytes], gzip.open(source) if zipped else source.open("rb"))  # noqa: SIM115
            feed = read(source, data)
    feed.rows = _closing(source, data, feed.rows)
    return feed


def _format(source: Path) -> Callable[[Path, IO[bytes]], Feed]:
    suffix = Path(source.name.removesuffix(".gz")).suffix.casefold()
    if suffix not in FORMATS:
        raise CatalogError(
            f"{source} is of no format known by its name: product files end in "
            f"{', '.join(FORMATS)}, each also with .gz."
        )
    return FORMATS[suffix]


def _closing(source: Path, data: IO[bytes], rows: Rows) -> Rows:
    with data, _errors_of(source):
        yield from rows


@contextmanager
def _errors_of(source: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise CatalogError(f"There is no file {source}.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CatalogError(
            f"{source} is incomplete: its gzip data is damaged or cut off; download it again."
        ) from error
    except OSError as error:
        raise CatalogError(f"{source} cannot be read: {error.strerror or error}.") from error
