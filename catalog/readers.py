"""The products of a feed, in bounded memory.

A row that is no product becomes a `DroppedRow` with one reason of a closed list; a file that cannot
be read at all is a `CatalogError`:

    unreadable row    broken JSON, a CSV record with a quote out of place, wrong bytes
    row too long      a row above the cap on bytes, of the file or without its pictures
    too many values   nested ones included
    title too long    or id, category, brand, link, parent, sku, gtin
    not an object     JSON, but a list, a number, a text
    too many cells    a CSV record with more cells than the header
    no id, no title   required fields
    repeated id       an earlier row of the same file has it
    unexpected NAME   an exception that nothing foresees

Rows that only add to another row's product, such as a further picture of it, are counted as merged;
rows of things that are not for sale, such as drafts, as skipped.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

from catalog import CatalogError
from catalog.articles import Piece, Referred, RowGroups, single_rows
from catalog.cells import Cells, size
from catalog.chosen_columns import (
    check_chosen,
    chosen_columns,
    list_columns,
    missing_columns,
)
from catalog.column_names import key
from catalog.columns import ColumnMapping, Fields, product_of
from catalog.formats import Feed, Record, Rows
from catalog.formats.opening import open_feed
from catalog.matching import Matching
from catalog.nested_variants import nested_variants
from catalog.picture_cells import KeepPicture
from catalog.product import Product
from catalog.report import SHOWN, Report
from catalog.seen_ids import SeenIds
from catalog.wrappers import find_wrappers, unwrap
from pictures.embedded import embedded_address
from vitrine import VitrineError

# Rows that are looked at before the first is read: what columns hold, what a file is.
PEEKED = 200
PEEKED_SIZE = 32 * 2**20  # characters; the rest is not read ahead


@dataclass(frozen=True, slots=True)
class DroppedRow:
    """A row that is no product: its number from 1, and the reason."""

    row: int
    reason: str


def picture_folder(source: Path) -> str:
    """The folder of a feed, absolute: what the paths of its pictures start from."""
    return os.path.normpath(source.parent.absolute())


def read_products(
    source: Path,
    *,
    fields: Mapping[str, str | Sequence[str]] | None = None,
    category: str = "",
    category_field: str = "",
    keep_picture: KeepPicture = embedded_address,
    language: str = "",
    limit: int | None = None,
) -> "ProductReader":
    """Read the products of one file.

    Args:
        source: A file of a format of `catalog.formats`; or a category of Amazon Reviews 2023,
            streamed from the hub, as amazon:All_Beauty.
        fields: Product field → the columns it is read from, best first, or patterns of pictures
            (`catalog.patterns`); the other fields are found by convention
            (`catalog.conventions`) and by the usual names (`catalog.column_names`).
        category: The category of every product of the file.
        category_field: The column that the category is read from.
        keep_picture: Keeps a picture that a row contains and returns its address;
            `EmbeddedPictures.add`, or by default a function that keeps nothing.
        language: Which texts to take where there are several languages, as "de".
        limit: Read so many rows and no more.

    Returns:
        An iterator over products and dropped rows. Relative picture paths start from the file's
        folder.

    Raises:
        CatalogError: The file is missing, empty, of no known format, or has no column for ids or
            titles, or an option is wrong; also while iterating, when it is damaged further on or
            has no column of a chosen name.
    """
    chosen = {
        name: (columns,) if isinstance(columns, str) else tuple(columns)
        for name, columns in (fields or {}).items()
    }
    if category_field:
        if category or "category" in chosen:
            raise CatalogError(
                "The category is given twice: use one of --category, --category-field and "
                "--field category=…."
            )
        chosen["category"] = (category_field,)
    return ProductReader(source, chosen_columns(chosen), category, keep_picture, language, limit)


class ProductReader:
    """An iterator over the products and dropped rows of one file.

    Attributes:
        report: What was understood so far; complete when the rows are exhausted.
    """

    def __init__(
        self,
        source: Path,
        chosen: Mapping[str, Sequence[str]],
        category: str,
        keep_picture: KeepPicture,
        language: str,
        limit: int | None,
    ) -> None:
        """Open the file and look at its first rows.

        Raises:
            CatalogError: As `read_products`.
        """
        self._source = source
        self._chosen = chosen
        feed = open_feed(source)
        head = _peek(feed.rows, PEEKED)
        if not head:
            raise CatalogError(f"{source} has no rows: there are no products in it.")
        wrappers = find_wrappers([record for _, record in head if isinstance(record, dict)])
        head = [(row, unwrap(record, wrappers)) for row, record in head]
        rest = ((row, unwrap(record, wrappers)) for row, record in feed.rows)
        records = [record for _, record in head if isinstance(record, dict)]
        matching = Matching(chosen, language, records)
        self._convention = matching.convention
        self._archive = feed.archive
        self._columns = ColumnMapping(
            matching,
            chosen,
            category,
            Path(picture_folder(source)),
            keep_picture=keep_picture,
            archive=feed.archive,
        )
        self._known = list(dict.fromkeys(chain(feed.columns, chain.from_iterable(records))))
        self._check(feed, head, records)
        self._report = Report(
            file=feed.facts,
            convention=self._convention.name if self._convention else "",
            language=matching.language,
        )
        self._items = self._read(islice(chain(head, rest), limit))

    def __iter__(self) -> "ProductReader":
        return self

    def __next__(self) -> Product | DroppedRow:
        return next(self._items)

    @property
    def report(self) -> Report:
        """What was understood so far."""
        report = self._report
        if self._archive and self._archive.pictures:
            report.file["pictures read"] = self._archive.read
        report.fields = {name: {} for name in SHOWN}
        for (name, column), count in self._columns.sources().most_common():
            report.fields.setdefault(name, {})[column] = count
        for name, columns in self._columns.matched().items():
            if not report.fields.get(name):
                report.fields[name] = dict.fromkeys(columns, 0)
        report.attributes = dict(self._columns.attributes.counts().most_common())
        report.attribute_types = self._columns.attributes.kinds()
        report.unused = self._columns.unused()
        return report

    def _check(
        self, feed: Feed, head: Sequence[tuple[int, Record | str]], records: Sequence[Record]
    ) -> None:
        """Reject a file whose first rows have no column for a required field."""
        if not records:
            if len(head) == PEEKED and not feed.tabular:
                raise CatalogError(
                    f"None of the first {PEEKED} rows of {self._source} is a JSON object."
                )
            return
        if feed.tabular:
            self._check_chosen(missing_columns(self._chosen, self._known))
        pieces = [piece.record for piece in self._pieces(iter(head))]
        plans = [self._columns.plan(record) for record in pieces if isinstance(record, dict)]
        for field in ("id", "title"):
            if not any(plan.fields[field] for plan in plans):
                raise CatalogError(
                    f"{self._source} has no column for the {field}; name it with "
                    f"--field {field}=COLUMN. Its columns: {list_columns(self._known)}."
                )

    def _check_chosen(self, missing: set[str]) -> None:
        check_chosen(self._chosen, missing, str(self._source), list_columns(self._known))

    def _pieces(self, rows: Rows) -> Iterator[Piece]:
        convention = self._convention
        if convention and convention.rows:
            return RowGroups(convention.rows, self._known).pieces(rows)
        if convention and convention.variants:
            by_key = {key(column): column for column in reversed(self._known)}
            columns = [by_key[name] for name in convention.variants.split() if name in by_key]
            return nested_variants(rows, columns, whole=convention.whole_variants)
        return single_rows(rows)

    def _read(self, rows: Rows) -> Iterator[Product | DroppedRow]:
        missing = missing_columns(self._chosen, ())
        with ExitStack() as stack:
            if self._archive:
                stack.enter_context(closing(self._archive))
            self._seen = stack.enter_context(closing(SeenIds()))
            self._article: tuple[int, set[str]] = (0, set())
            references = self._convention.references if self._convention else None
            referred = Referred(references, self._known) if references else None
            if referred:
                stack.enter_context(closing(referred))
            for piece in self._pieces(rows):
                record = piece.record
                if isinstance(record, dict) and missing:
                    missing &= missing_columns(self._chosen, record)
                if record is None:
                    self._report.merged += 1
                    continue
                fields = self._fields(piece)
                if fields is None:
                    continue
                if isinstance(fields, str):
                    yield DroppedRow(piece.row, fields)
                elif referred and isinstance(record, dict):
                    for row, complete in referred.join(piece.row, record, fields):
                        yield from self._finish(Piece(row, None, row), complete)
                else:
                    yield from self._finish(piece, fields)
            if referred:
                for row, complete in referred.rest():
                    yield from self._finish(Piece(row, None, row), complete)
                self._report.merged += referred.articles
        self._check_chosen(missing)

    def _fields(self, piece: Piece) -> Fields | str | None:
        """The fields of a piece, the reason why it is dropped, or None where it is skipped."""
        record = piece.record
        if not isinstance(record, dict):
            return record
        try:
            if reason := self._convention.unsold(record) if self._convention else "":
                self._report.skipped[reason] += 1
                return None
            fields = self._columns.read(record, self._pictures(piece))
        except RecursionError:  # lists nested hundreds deep
            return "unreadable row"
        except VitrineError:  # a picture cannot be kept, or the archive is too large
            raise
        except Exception as error:  # noqa: BLE001 - one row is dropped, not the file
            return f"unexpected {type(error).__name__}"
        if isinstance(fields, str):
            return fields
        if piece.parent and "parent" not in self._chosen:
            fields["parent"] = piece.parent
        if "id" in self._chosen:
            piece.fallback = ""
        fields["id"] = fields["id"] or piece.fallback
        return fields

    def _pictures(self, piece: Piece) -> Cells:
        """The pictures of the article, unless other columns were chosen for them."""
        chosen = self._chosen.get("images")
        return [cell for cell in piece.pictures if chosen is None or cell[0] in chosen]

    def _finish(self, piece: Piece, fields: Fields) -> Iterator[Product | DroppedRow]:
        """The product of complete fields, if no earlier one has its id."""
        product = product_of(fields)
        if isinstance(product, str):
            yield DroppedRow(piece.row, product)
            return
        article, ids = self._article
        if article != piece.article:
            ids = set()
            self._article = (piece.article, ids)
        if product.id in ids and piece.fallback in ("", product.id):
            self._report.merged += 1  # a variant that the shop does not tell apart
            return
        if not self._seen.add(product.id):
            product = product_of({**fields, "id": piece.fallback})
            if isinstance(product, str) or not self._seen.add(product.id):
                yield DroppedRow(piece.row, "repeated id")
                return
        ids.add(product.id)
        self._report.count(product)
        yield product


def _peek(rows: Rows, count: int) -> list[tuple[int, Record | str]]:
    """The first rows, as many as `count` or as `PEEKED_SIZE` holds."""
    head = []
    total = 0
    for number, record in islice(rows, count):
        head.append((number, record))
        total += size(record)
        if total > PEEKED_SIZE:
            break
    return head
