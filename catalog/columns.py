"""From a feed's row to the fields of a product."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import values
from catalog.amazon import LINK
from catalog.attribute_cells import AttributeCells
from catalog.category_cells import CategoryCells, Paths
from catalog.cells import Cells, Row, cell_of, remembering, row_size, size
from catalog.column_names import key
from catalog.conventions import OWN_EXPORT
from catalog.exchange import MARK, fields_of
from catalog.formats.archive import Archive
from catalog.matching import STEPS, Matching, Plan
from catalog.picture_cells import KeepPicture, PictureCells
from catalog.price_cells import PriceCells
from catalog.product import Attribute, Product
from catalog.values.currencies import currency_code
from pictures.embedded import EmbeddedPictures, embedded_address, is_embedded
from pictures.errors import PictureError

CACHED_HEADERS = 32  # sets of columns; the rows of a file have a few, whatever its size
# Characters: of a row without its pictures, which may be data: addresses, and of single fields.
MAX_RECORD = 2**20
MAX_FIELD: Mapping[str, int] = {
    "id": 1_000,
    "title": 10_000,
    "brand": 1_000,
    "link": 10_000,
    "parent": 1_000,
    "sku": 1_000,
    "gtin": 1_000,
}
MAX_STEP = 1_000  # characters of a category path's step

SOLD_OUT = "sold_out"  # the opposite of the field in_stock, which comes first where both are there

# Product field → how a cell becomes its value. The other fields have rules of their own.
CONVERSIONS: Mapping[str, Callable[[object], Any]] = {
    "id": values.identifier,
    "rating": remembering(values.number),
    "rating_count": remembering(values.count),
    "link": values.identifier,
    "parent": values.identifier,
    "sku": values.identifier,
    "gtin": values.identifier,
    SOLD_OUT: remembering(lambda cell: _opposite(values.flag(cell))),
    "in_stock": remembering(values.flag),
    "released": remembering(values.date),
    "currency": remembering(lambda cell: _currency(cell)),
}
# Fields that may stand among the attributes, and the keys of their names there.
AMONG_ATTRIBUTES: Mapping[str, frozenset[str]] = {
    "brand": frozenset({"brand", "brandname", "marke", "marque", "marca", "merk", "producent"}),
    "gtin": frozenset({"gtin", "gtin13", "ean", "ean13", "eancode", "upc", "isbn", "barcode"}),
}
DEFAULTS: Mapping[str, Any] = {
    field.name: field.default for field in fields(Product) if field.name != "category"
} | {"id": "", "title": ""}
EMPTY = ("", None, ())
COMPARED = ("price", "list_price", "thumbnails")  # fields whose other columns were looked at

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Reading:
    """How rows with one header are read.

    Attributes:
        plan: Which columns each field is read from.
        single: Fields of one value, their conversion and their columns.
        size: Characters of the header.
    """

    plan: Plan
    single: tuple[tuple[str, Callable[[object], Any], tuple[str, ...]], ...]
    size: int


class ColumnMapping:
    """Reads product fields from rows.

    A field is read from the first of its columns that is not empty; pictures and features from all
    of them. Other columns become attributes.

    Attributes:
        attributes: The attributes, and how many rows have each.
    """

    def __init__(
        self,
        matching: Matching,
        chosen: Mapping[str, Sequence[str]],
        category: str,
        folder: Path,
        *,
        keep_picture: KeepPicture = embedded_address,
        archive: Archive | None = None,
    ) -> None:
        """Make a mapping.

        Args:
            matching: Finds the columns of each field.
            chosen: Field → the columns that a user names, of `chosen_columns.chosen_columns`.
            category: The category of every product of the feed; empty to read it.
            folder: What relative picture paths are relative to.
            keep_picture: Keeps a picture that a row contains and returns its address;
                `EmbeddedPictures.add`, or by default a function that keeps nothing.
            archive: The zip archive of the feed, where pictures are its members.
        """
        self.matching = matching
        self._used: Counter[tuple[str, str]] = Counter()
        self.known: dict[str, None] = {}  # columns, in the order of their first rows
        self._spent: set[str] = set()
        self._category = tuple(filter(None, [values.text(category)]))
        self._folder = folder
        self._language = matching.language
        self._conversions: Mapping[str, Callable[[object], Any]] = {
            **CONVERSIONS,
            "title": self._name,
            "brand": remembering(self._name),
            "description": lambda cell: values.text(cell, self._language),
        }
        self.attributes = AttributeCells(matching)
        self._prices = PriceCells(matching.convention)
        self._categories = CategoryCells(matching)
        self._is_own = matching.convention is OWN_EXPORT and not (chosen or self._category)
        self._pictures = PictureCells(chosen, matching.convention, folder, keep_picture, archive)
        self._of_header = lru_cache(CACHED_HEADERS)(self._reading)

    def plan(self, row: Row) -> Plan:
        """The columns that each field of a row is read from."""
        return self._of_header(tuple(row)).plan

    def _reading(self, header: tuple[str, ...]) -> "_Reading":
        self.known |= dict.fromkeys(header)
        plan = self.matching.plan(header)
        single = tuple(
            ("in_stock" if field == SOLD_OUT else field, convert, plan.fields[field])
            for field, convert in self._conversions.items()
            if plan.fields[field]
        )
        return _Reading(plan, single, sum(map(len, header)))

    def sources(self) -> Counter[tuple[str, str]]:
        """How many rows each field was read from each column or pattern in."""
        found = self._used + self._prices.used
        for field, used in (
            ("images", self._pictures.used),
            ("attributes", self.attributes.used),
        ):
            found.update({(field, column): rows for column, rows in used.items()})
        return found

    def matched(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each field, whether anything was read from them or not."""
        return self.matching.plan(tuple(self.known)).fields

    def unused(self) -> list[str]:
        """The columns with values that nothing was read from."""
        used = {part for _, column in self.sources() for part in _parts(column)}
        used |= self._spent | self._pictures.spent | self.attributes.spent
        matched = self.matched()
        used.update(column for field in COMPARED for column in matched[field])
        convention = self.matching.convention
        structural = convention.structural if convention else frozenset()
        return [
            column
            for column in self.known
            if column
            and column not in used
            and key(column) not in structural
            and not self.matching.is_blank(column)
        ]

    def read(self, row: Row, pictures: Cells = ()) -> Fields | str:
        """The fields of a row, empty where it has none; or the reason why it is no product.

        Args:
            row: The record.
            pictures: Further cells with pictures, of other rows.
        """
        if self._is_own:
            return self._exported(row)
        reading = self._of_header(tuple(row))
        plan = reading.plan
        if reading.size + row_size(row) > MAX_RECORD and (
            reading.size + self._size_without_pictures(row, plan) > MAX_RECORD
        ):
            return "row too long"
        used: set[str] = set()
        read = dict(DEFAULTS)
        for field, convert, columns in reading.single:
            for column in columns:
                cell = row[column] if column in row else cell_of(row, column)
                if cell is not None and cell != "" and (value := convert(cell)) not in EMPTY:
                    used.add(column)
                    self._used[field, column] += 1
                    read[field] = value
                    break
        read["features"] = self._features(row, plan, used)
        read["categories"] = self._category_paths(row, plan, used)
        price, read["list_price"] = self._prices.read(row, plan, read["currency"])
        if price:
            read["price"], read["currency"] = price.amount, price.currency
        read["images"] = self._pictures.read(
            row, plan.fields["images"], plan.fields["thumbnails"], read["id"], pictures
        )
        read["attributes"] = self.attributes.read(row, plan, used)
        for field in AMONG_ATTRIBUTES:
            read[field] = read[field] or self._among(read["attributes"], field)
        # Amazon Reviews 2023 has no link at all.
        if not read["link"] and read["id"] and row.get("parent_asin") == read["id"]:
            read["link"] = LINK.format(read["id"])
            self._used["link", LINK.format("{parent_asin}")] += 1
        return read

    def _size_without_pictures(self, row: Row, plan: Plan) -> int:
        """Characters of a row's cells; pictures may be data: addresses."""
        data = {*plan.fields["images"], *plan.fields["thumbnails"]}
        return sum(size(value) for column, value in row.items() if column not in data)

    def _exported(self, row: Row) -> Fields | str:
        """The fields of a row of Vitrine's own export."""
        try:
            read = fields_of(row)
        except ValueError:
            return "unreadable row"
        read["images"] = [self._beside(address) for address in read["images"]]
        self._used.update((name, name) for name, value in read.items() if value not in EMPTY)
        self.attributes.count(read["attributes"])
        self._spent.add(MARK)
        return read

    def _beside(self, address: str) -> str:
        """A picture's address; one that lies embedded beside the feed is kept first."""
        if is_embedded(address):
            with suppress(PictureError):  # the job of images records why there is none
                return self._pictures.keep(EmbeddedPictures(self._folder).read(address))
        return self._pictures.keep(address)

    def _name(self, cell: object) -> str:
        """A name; of several in a list, the first."""
        cell = values.parse_literal(cell)
        if isinstance(cell, list | tuple):
            return next(iter(values.texts(cell, self._language)), "")
        return values.text(cell, self._language)

    def _features(self, row: Row, plan: Plan, used: set[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for column in plan.fields["features"]:
            cell = cell_of(row, column)
            if cell is None or cell == "":
                continue
            points = [
                point.strip()
                for written in values.texts(cell, self._language)
                for point in written.split("|")
                if point.strip()
            ]
            if points:
                used.add(column)
                self._used["features", column] += 1
                found |= dict.fromkeys(points)
        return tuple(found)

    def _category_paths(self, row: Row, plan: Plan, used: set[str]) -> Paths:
        if self._category:
            return (self._category,)
        paths, columns = self._categories.read(row, plan.fields["category"])
        for column in columns:
            self._used["category", column] += 1
            used.update(_parts(column) if STEPS in column or "." in column else (column,))
        return paths

    def _among(self, attributes: Mapping[str, Attribute], field: str) -> str:
        """A field's value among the attributes; empty if it is not there."""
        wanted = AMONG_ATTRIBUTES[field]
        if field == "brand" and self.matching.convention:
            wanted |= {self.matching.convention.brand_attribute}
        found = (values.text(fact) for name, fact in attributes.items() if key(name) in wanted)
        return next(found, "")


def product_of(read: Fields) -> Product | str:
    """The product of complete fields, or the reason why they are none."""
    for required in ("id", "title"):
        if not read[required]:
            return f"no {required}"
    for field, longest in MAX_FIELD.items():
        if len(read[field]) > longest:
            return f"{field} too long"
    if any(len(step) > MAX_STEP for path in read["categories"] for step in path):
        return "category too long"
    parent = "" if read["parent"] == "0" else read["parent"]  # how databases write "none"
    return Product(**read | {"images": tuple(read["images"]), "parent": parent})


def _parts(column: str) -> list[str]:
    """The columns that a dotted name, a path of steps or a plain name is read from."""
    parts = column.split(STEPS) if STEPS in column else [column]
    return [*parts, *(part.split(".")[0] for part in parts)]


def _opposite(flag: bool | None) -> bool | None:
    return None if flag is None else not flag


def _currency(cell: object) -> str:
    written = values.text(cell)
    if code := currency_code(written):
        return code
    return written.upper() if len(written) == 3 and written.isalpha() else ""
