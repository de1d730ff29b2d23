"""Reading feeds of every format: rows a second and memory, beside another checkout."""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any
from xml.sax.saxutils import escape

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scale import rows
from vitrine.command import Json

ROOT = Path(__file__).parent.parent
# Rows of a file, as a share of --n: formats that are read more slowly have fewer.
SHARES = {"csv": 1.0, "jsonl": 0.2, "json": 0.2, "parquet": 0.2, "xml": 0.1, "xlsx": 0.02}
# Reads a file to its end. Earlier versions had the reader in another module. The peak of a process
# is Linux's own figure (getrusage has that of its parent, too).
READ = r"""
import json, re, sys, time
from pathlib import Path
try:
    from catalog.readers import DroppedRow, read_products
except ImportError:
    from catalog.feed import DroppedRow, read_products
started = time.perf_counter()
kept = sum(not isinstance(row, DroppedRow) for row in read_products(Path(sys.argv[1])))
seconds = time.perf_counter() - started
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps({"kept": kept, "seconds": seconds, "peak_mb": round(peak)}))
"""


@dataclass(frozen=True)
class Reading:
    """A file read by one checkout.

    Attributes:
        file: Its format, by suffix.
        checkout: "this", or the folder of the other.
        rows: Of the file.
        kept: Products read; None where the checkout does not read the file.
        per_second: Rows.
        peak_mb: Resident memory of the process at its most.
    """

    file: str
    checkout: str
    rows: int
    kept: int | None = None
    per_second: int | None = None
    peak_mb: int | None = None


def _read(path: Path, folder: Path, count: int) -> Reading:
    ran = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )
    checkout = "this" if folder == ROOT else str(folder)
    if ran.returncode:
        return Reading(path.suffix[1:], checkout, count)
    read = json.loads(ran.stdout)
    speed = round(count / read["seconds"])
    return Reading(path.suffix[1:], checkout, count, read["kept"], speed, read["peak_mb"])


def _write(path: Path, products: Iterator[dict[str, Any]]) -> None:
    """A file of the format that its suffix names; titles contain commas."""
    with path.open("w", encoding="utf-8", newline="") as out:
        match path.suffix:
            case ".csv":
                table = csv.writer(out)
                for number, product in enumerate(products):
                    if not number:
                        table.writerow(product)
                    table.writerow(product.values())
            case ".jsonl":
                out.writelines(f"{json.dumps(product)}\n" for product in products)
            case ".json":
                out.write("[")
                for number, product in enumerate(products):
                    out.write(f"{', ' if number else ''}{json.dumps(product)}")
                out.write("]")
            case ".xml":
                out.write("<products>")
                for product in products:
                    cells = (f"<{n}>{escape(str(cell))}</{n}>" for n, cell in product.items())
                    out.write(f"<product>{''.join(cells)}</product>")
                out.write("</products>")


def _write_table(path: Path, products: list[dict[str, Any]]) -> None:
    """A file of columns: Parquet or Excel."""
    if path.suffix == ".parquet":
        import pyarrow
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(products), path)
        return
    import openpyxl

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("products")
    sheet.append(list(products[0]))
    for product in products:
        sheet.append(list(product.values()))
    book.save(path)


def command(
    n: Annotated[int, typer.Option(min=100, help="Rows of the CSV file; others have fewer.")] = (
        1_000_000
    ),
    other: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Another checkout to read the same."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Reading feeds of every format: rows a second and memory of a process of its own."""
    readings = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix, share in SHARES.items():
            path = Path(folder) / f"products.{suffix}"
            count = max(100, round(n * share))
            products = rows(count, pictures=False)
            if suffix in ("parquet", "xlsx"):
                _write_table(path, list(products))
            else:
                _write(path, products)
            for checkout in filter(None, (ROOT, other and other.resolve())):
                readings.append(_read(path, checkout, count))
            path.unlink()
    table = Table("file", "checkout", "rows", "products", "rows/s", "peak MB")
    for each in readings:
        table.add_row(
            *("not read" if cell is None else f"{cell}" for cell in asdict(each).values())
        )
    Console(stderr=as_json).print(table)
    if as_json:
        typer.echo(json.dumps({"readings": [asdict(each) for each in readings]}))
