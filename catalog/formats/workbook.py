"""Rows of an Excel workbook (.xlsx)."""

import re
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING

from catalog import CatalogError, formats
from catalog.formats import Feed, Rows
from catalog.formats.archive import shown
from catalog.formats.contents import DAMAGE
from catalog.formats.tables import TEMPLATE_LINES, is_template, table_rows

if TYPE_CHECKING:
    from openpyxl.workbook import Workbook

Cells = tuple[object, ...]

CHUNK = 2**20  # bytes
MAX_TEXTS = 256 * 2**20  # bytes of the texts that cells share; all of them are held in memory
MAX_PARTS = 4 * 2**30  # bytes of all parts
# A part above MIN_BOMB bytes must not be many times what it takes in the file.
MIN_BOMB = 64 * 2**20
MAX_RATIO = 200
MIN_HEADER = 2  # cells; a line above with one is the title of the sheet
MAX_ABOVE = 100  # rows above the header
# The end of a row, or what no program writes into a sheet and could hide one.
ROW_END = re.compile(rb"</(?:\w{1,20}:)?row>|<!")
OVERLAP = 32  # bytes; longer than what ROW_END matches
ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!"})


def read_workbook(source: Path, data: IO[bytes]) -> Feed:
    """Records of the first sheet that has a header.

    Raises:
        CatalogError: The workbook is damaged, takes too much memory, or has no sheet with a header.
    """
    # here: the import takes a fifth of a second, and most feeds are no workbooks
    import openpyxl

    warnings.filterwarnings("ignore", module="openpyxl")  # of what it leaves out, such as charts
    with _errors_of(source, lambda: 0):
        _check_parts(source, data)
        workbook = openpyxl.load_workbook(data, read_only=True, data_only=True, keep_links=False)
        name, header, rows = _table(source, workbook)
    names = [str(cell).strip() if cell is not None else "" for cell in header]
    if len(names) > formats.MAX_VALUES:
        raise CatalogError(
            f"{source} has {len(names):,} columns; {formats.MAX_VALUES:,} is the most."
        )
    columns = tuple(dict.fromkeys(filter(None, names)))
    facts: dict[str, str | int] = {"format": "Excel", "sheet": name}
    return Feed(_rows(source, data, names, rows), columns, tabular=True, facts=facts)


def _rows(source: Path, data: IO[bytes], names: list[str], rows: Iterator[Cells]) -> Rows:
    number = 0
    with data, _errors_of(source, lambda: number):
        for number, record in table_rows(names, _bounded(rows)):
            yield number, record


def _bounded(rows: Iterator[Cells]) -> Iterator[Cells | str]:
    for cells in rows:
        if len(cells) > formats.MAX_VALUES:
            yield "too many values"
        elif sum(len(cell) for cell in cells if isinstance(cell, str)) > formats.MAX_ROW:
            yield "row too long"
        else:
            yield cells


def _table(source: Path, workbook: "Workbook") -> tuple[str, Cells, Iterator[Cells]]:
    """The name of the first visible sheet that has a header, the header, and the rows below."""
    for sheet in workbook.worksheets:
        if sheet.sheet_state == "visible":
            sheet.reset_dimensions()  # a program may have stated them too small
            rows = map(_plain, sheet.iter_rows(values_only=True))
            for cells in islice(rows, MAX_ABOVE):
                if is_template(cells[0] if cells else None):
                    for _ in range(TEMPLATE_LINES - 1):
                        next(rows, None)
                elif sum(cell is not None for cell in cells) >= MIN_HEADER:
                    held = (row for row in rows if any(cell is not None for cell in row))
                    return sheet.title, cells, held
    raise CatalogError(f"{source} has no sheet with a header, a row of names of columns.")


def _plain(cells: Cells) -> Cells:
    return tuple(map(_value, cells))


def _value(cell: object) -> object:
    """A cell as JSON could have it; None where it is empty, or an error of a formula."""
    match cell:
        case str():
            return None if not cell.strip() or cell in ERRORS else cell
        case datetime() if cell.time() == time():
            return cell.date().isoformat()
        case date() | time():  # a datetime is a date
            return cell.isoformat()
        case None | int() | float():
            return cell
        case _:
            return str(cell)


def _check_parts(source: Path, data: IO[bytes]) -> None:
    """Refuse a workbook whose parts would take too much memory."""
    with zipfile.ZipFile(data) as archive:
        parts = archive.infolist()
        for part in parts:
            bomb = part.file_size > MIN_BOMB and part.file_size > MAX_RATIO * part.compress_size
            texts = "sharedstrings" in part.filename.casefold() and part.file_size > MAX_TEXTS
            if bomb or texts or sum(each.file_size for each in parts) > MAX_PARTS:
                raise CatalogError(
                    f"{source} cannot be read within bounds: its part {shown(part.filename)} takes "
                    f"{part.file_size:,} bytes; save it as .csv."
                )
        for part in parts:
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                _check_rows(source, archive, part)


def _check_rows(source: Path, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Refuse a sheet with a row of many megabytes, which would be read as a whole."""
    rest, since_row = b"", 0
    with archive.open(part) as data:
        while chunk := data.read(CHUNK):
            text = rest + chunk
            ends = list(ROW_END.finditer(text))
            since_row = len(text) - ends[-1].end() if ends else since_row + len(chunk)
            if since_row > formats.MAX_ROW or any(found[0] == b"<!" for found in ends):
                raise CatalogError(
                    f"{source} cannot be read within bounds: its part {shown(part.filename)} has "
                    "a row of megabytes, or parts of XML that no program writes; save it as .csv."
                )
            rest = text[-OVERLAP:]


@contextmanager
def _errors_of(source: Path, number: Callable[[], int]) -> Iterator[None]:
    try:
        yield
    except (CatalogError, OSError, MemoryError, *DAMAGE):
        raise
    except Exception as error:  # openpyxl checks little: damage raises whatever it hits
        reason = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        raise CatalogError(
            f"{source} cannot be read as an Excel workbook after row {number():,}: {reason}."
        ) from error
