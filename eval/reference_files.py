"""The reference system's query files: Excel, a row for each of a query's five products.

Columns: Queries, Product_link, Product_title, Image_link, Product_description. Its evaluation
searches with the text and the picture of the first of the five, which is one of the relevant
products: a leak. Here a query is its text, and the picture is added only on demand.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalog.catalogue import Catalogue
from catalog.product import Product
from eval import EvalError
from eval.groups import normalize_title
from eval.queries import LabelledQuery, QuerySet
from vitrine.command import describe
from vitrine.text import fold

COLUMNS = ("Queries", "Product_link", "Product_title", "Image_link", "Product_description")
# The ASIN in Amazon's addresses: ordinary links, older ones, and the phone site's.
_ASIN = re.compile(r"/(?:dp|gp/product|gp/aw/d)/([A-Z0-9]{10})(?![A-Z0-9])")


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """One of the products that were found for a query."""

    query: str
    link: str
    title: str
    picture: str
    description: str

    @property
    def asin(self) -> str:
        """Amazon's id of the product, or nothing where the link has none."""
        found = _ASIN.search(self.link)
        return found[1] if found else ""


def read_reference(path: Path, catalogue: Catalogue, *, with_pictures: bool = False) -> QuerySet:
    """The file's queries, their products matched to a catalogue by ASIN, else by title.

    Args:
        path: the Excel file.
        catalogue: whose product ids the qrels will hold.
        with_pictures: search with the first product's picture too, as the reference does; it is
            one of the relevant products.

    Raises:
        EvalError: it is no such file.
    """
    rows = list(read_rows(path))
    known = catalogue.get({row.asin for row in rows if row.asin})
    titles = {
        normalize_title(row.title)
        for row in rows
        if row.asin not in known and normalize_title(row.title)
    }
    by_title: dict[str, str] = {}
    if titles:
        for product in catalogue.products():
            title = normalize_title(product.title)
            if title in titles:
                by_title.setdefault(title, product.id)
    matched = {
        row: row.asin if row.asin in known else by_title.get(normalize_title(row.title), "")
        for row in rows
    }
    by_asin = sum(row.asin in known for row in rows)
    found = sum(bool(matched[row]) for row in rows)
    counts = {
        "found_by_asin": by_asin,
        "found_by_title": found - by_asin,
        "not_found": len(rows) - found,
    }
    return _query_set(path, matched, counts, with_pictures)


def as_catalogue(path: Path, category: str = "") -> tuple[list[Product], QuerySet]:
    """The file's own products as a catalogue, and its queries on them.

    A product without an ASIN in its link gets its normalized title for an id.

    Raises:
        EvalError: it is no such file.
    """
    rows = list(read_rows(path))
    products: dict[str, Product] = {}
    for row in rows:
        name = row.asin or normalize_title(row.title)
        products.setdefault(
            name,
            Product(
                id=name,
                title=row.title,
                category=category,
                description=row.description,
                link=row.link,
                images=(row.picture,) if row.picture else (),
            ),
        )
    matched = {row: row.asin or normalize_title(row.title) for row in rows}
    return list(products.values()), _query_set(path, matched, {}, with_pictures=False)


def read_rows(path: Path) -> Iterator[ReferenceRow]:
    """The rows that name a query and a product.

    Raises:
        EvalError: not an Excel file, or its columns are others.
    """
    import openpyxl  # only Excel files need it

    try:
        with closing(openpyxl.load_workbook(path, read_only=True, data_only=True)) as book:
            yield from _read_sheet(book.worksheets[0].iter_rows(values_only=True), path)
    except EvalError:
        raise
    except FileNotFoundError:
        raise EvalError(f"There is no file {path}.") from None
    except OSError as error:
        raise EvalError(f"{path} cannot be read: {describe(error)}.") from None
    # openpyxl parses a damaged sheet without checks: KeyError, IndexError, ParseError and others.
    except Exception as error:  # noqa: BLE001
        raise EvalError(
            f"{path} is not an Excel file that can be read ({type(error).__name__}: {error}): "
            "save it anew as .xlsx."
        ) from None


def _read_sheet(cells: Iterator[tuple[Any, ...]], path: Path) -> Iterator[ReferenceRow]:
    header = [str(cell or "").strip() for cell in next(cells, ())]
    missing = [column for column in COLUMNS[:3] if column not in header]
    if missing:
        raise EvalError(
            f"{path} is not one of the reference's query files: "
            f"its first sheet has no column {', '.join(missing)}."
        )
    columns = [header.index(column) if column in header else -1 for column in COLUMNS]
    found = 0
    for row in cells:
        values = [fold(str(row[at] or "")) if 0 <= at < len(row) else "" for at in columns]
        if values[0] and values[2]:
            found += 1
            yield ReferenceRow(*values)
    if not found:
        raise EvalError(f"{path} has no row with a query and a product.")


def _query_set(
    path: Path, matched: dict[ReferenceRow, str], counts: dict[str, int], with_pictures: bool
) -> QuerySet:
    relevant: dict[str, dict[str, int]] = {}
    pictures: dict[str, str] = {}
    for row, product in matched.items():
        grades = relevant.setdefault(row.query, {})
        pictures.setdefault(row.query, row.picture)
        if product:
            grades[product] = 1
    queries = tuple(
        LabelledQuery(
            id=str(number),
            text=text,
            picture=pictures[text] if with_pictures else "",
            relevant=grades,
            kind="found on Amazon",
        )
        for number, (text, grades) in enumerate(relevant.items(), start=1)
    )
    return QuerySet(path.stem, queries, counts)
