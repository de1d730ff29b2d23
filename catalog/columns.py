"""From a feed's row to the fields of a product."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import CatalogError, values
from catalog.amazon import LINK
from catalog.column_names import key, readable
from catalog.conventions import BRAND, OWN_EXPORT, Convention
from catalog.exchange import MARK, fields_of
from catalog.facts import named_facts
from catalog.matching import STEPS, Matching, Plan, Row
from catalog.patterns import Pattern, find_pattern
from catalog.product import Attribute, Product
from pictures.data_address import is_data
from pictures.embedded import EmbeddedPictures, embedded_address, is_embedded
from pictures.errors import PictureError

FIELDS = ("id", "title", "category", "description", "features", "attributes", "brand", "price",
          "list_price", "currency", "rating", "rating_count", "link", "parent", "images", "sku",
          "gtin", "in_stock", "released")  # fmt: skip
SYNONYMS = {"image": "images", "picture": "images", "pictures": "images", "details": "attributes",
            "categories": "category"}  # fmt: skip

MAX_LISTED = 30  # columns in a sentence
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
MAX_ATTRIBUTES = 20_000  # names that are counted
MAX_STEP = 1_000  # characters of a category path's step
DEFAULT_OPTION = "default title"  # how Shopify names the only variant of an article

# Product field → how a cell becomes its value. The other fields have rules of their own.
CONVERSIONS: Mapping[str, Callable[[object], Any]] = {
    "id": values.identifier,
    "rating": values.number,
    "rating_count": values.count,
    "link": values.identifier,
    "parent": values.identifier,
    "sku": values.identifier,
    "gtin": values.identifier,
    "in_stock": values.flag,
    "released": values.date,
}
EMPTY = ("", None, ())
COMPARED = ("price", "list_price", "thumbnails")  # fields whose other columns were looked at

Fields = dict[str, Any]
Cells = Sequence[tuple[str, object]]  # column and value
KeepPicture = Callable[[bytes | str], str]


def chosen_columns(chosen: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """The columns that a user names for product fields.

    Args:
        chosen: A field, in any case and with dashes or underscores, → columns, best first.

    Raises:
        CatalogError: No such field, or no column.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, columns in chosen.items():
        field = name.strip().casefold().replace("-", "_")
        field = SYNONYMS.get(field, field)
        if field not in FIELDS:
            raise CatalogError(
                f"--field {name}=…: a product has no field {name!r}; it has {', '.join(FIELDS)}."
            )
        if not columns or not all(columns):
            raise CatalogError(f"--field {field}= names no column; write --field {field}=COLUMN.")
        found[field] = (*found.get(field, ()), *columns)
    return found


class ColumnMapping:
    """Reads product fields from rows.

    A field is read from the first of its columns that is not empty; pictures and features from all
    of them. Other columns become attributes.

    Attributes:
        used: How many rows each field was read from each column in.
        attributes: How many rows each attribute has a value in.
    """

    def __init__(
        self,
        matching: Matching,
        chosen: Mapping[str, Sequence[str]],
        category: str,
        folder: Path,
        *,
        keep_picture: KeepPicture = embedded_address,
    ) -> None:
        """Make a mapping.

        Args:
            matching: Finds the columns of each field.
            chosen: Field → the columns that a user names, of `chosen_columns`.
            category: The category of every product of the feed; empty to read it.
            folder: What relative picture paths are relative to.
            keep_picture: Keeps a picture that a row contains and returns its address;
                `EmbeddedPictures.add`, or by default a function that keeps nothing.
        """
        self.matching = matching
        self.used: Counter[tuple[str, str]] = Counter()
        self.attributes: Counter[str] = Counter()
        self.known: dict[str, None] = {}  # columns, in the order of their first rows
        self._spent: set[str] = set()
        self._category = tuple(filter(None, [values.text(category)]))
        self._folder = folder
        self._keep_picture = keep_picture
        self._language = matching.language
        self._is_own = matching.convention is OWN_EXPORT and not (chosen or self._category)
        self._patterns_chosen = "images" in chosen
        self._patterns = _patterns(chosen, matching.convention, self._folder)
        self._of_header = lru_cache(CACHED_HEADERS)(self._plan)

    def plan(self, row: Row) -> Plan:
        """The columns that each field of a row is read from."""
        return self._of_header(tuple(row))

    def _plan(self, header: tuple[str, ...]) -> Plan:
        self.known |= dict.fromkeys(header)
        return self.matching.plan(header)

    def matched(self) -> Mapping[str, tuple[str, ...]]:
        """The columns of each field, whether anything was read from them or not."""
        return self.matching.plan(tuple(self.known)).fields

    def unused(self) -> list[str]:
        """The columns with values that nothing was read from."""
        used = {part for _, column in self.used for part in _parts(column)} | self._spent
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
        if sum(map(size, row)) > MAX_RECORD:
            return "row too long"
        if self._is_own:
            return self._exported(row)
        plan = self.plan(row)
        data = {*plan.fields["images"], *plan.fields["thumbnails"]}
        if sum(size(value) for column, value in row.items() if column not in data) > MAX_RECORD:
            return "row too long"
        used: set[str] = set()
        read = {
            field: self._first(row, plan, field, convert, used)
            for field, convert in CONVERSIONS.items()
        }
        for field, convert in (
            ("title", self._name),
            ("brand", self._name),
            ("description", lambda cell: values.text(cell, self._language)),
        ):
            read[field] = self._first(row, plan, field, convert, used)
        read["features"] = self._features(row, plan, used)
        read["categories"] = self._category_paths(row, plan, used)
        read |= self._prices(row, plan, used)
        read["images"] = self._images(row, plan, read["id"], pictures)
        read["attributes"] = self._attributes(row, plan, used)
        read["brand"] = read["brand"] or self._brand_among(read["attributes"])
        # Amazon Reviews 2023 has no link at all.
        if not read["link"] and read["id"] and row.get("parent_asin") == read["id"]:
            read["link"] = LINK.format(read["id"])
            self.used["link", LINK.format("{parent_asin}")] += 1
        return read

    def _exported(self, row: Row) -> Fields | str:
        """The fields of a row of Vitrine's own export."""
        try:
            read = fields_of(row)
        except ValueError:
            return "unreadable row"
        read["images"] = [self._beside(address) for address in read["images"]]
        self.used.update((name, name) for name, value in read.items() if value not in EMPTY)
        self.attributes.update(read["attributes"].keys())
        self._spent.add(MARK)
        return read

    def _beside(self, address: str) -> str:
        """A picture's address; one that lies embedded beside the feed is kept first."""
        if is_embedded(address):
            with suppress(PictureError):  # the job of images records why there is none
                return self._keep_picture(EmbeddedPictures(self._folder).read(address))
        return self._kept(address)

    def _first(
        self,
        row: Row,
        plan: Plan,
        field: str,
        convert: Callable[[object], Any],
        used: set[str],
    ) -> Any:  # noqa: ANN401
        for column in plan.fields[field]:
            cell = _cell(row, column)
            if cell is None or cell == "":
                continue
            value = convert(cell)
            if value not in EMPTY:
                used.add(column)
                self.used[field, column] += 1
                return value
        return convert(None)

    def _name(self, cell: object) -> str:
        """A name; of several in a list, the first."""
        cell = values.parse_literal(cell)
        if isinstance(cell, list | tuple):
            return next(iter(values.texts(cell, self._language)), "")
        return values.text(cell, self._language)

    def _features(self, row: Row, plan: Plan, used: set[str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for column in plan.fields["features"]:
            points = [
                point.strip()
                for written in values.texts(_cell(row, column), self._language)
                for point in written.split("|")
                if point.strip()
            ]
            if points:
                used.add(column)
                self.used["features", column] += 1
                found |= dict.fromkeys(points)
        return tuple(found)

    def _category_paths(self, row: Row, plan: Plan, used: set[str]) -> tuple[tuple[str, ...], ...]:
        if self._category:
            return (self._category,)
        found: tuple[tuple[str, ...], ...] = ()
        for column in plan.fields["category"]:
            if len(found) == 1 and len(found[0]) > 1:
                break
            paths = (
                self._path_of_steps(row, column)
                if STEPS in column and column not in row
                else self._paths(column, _cell(row, column))
            )
            # a department, and in another column the whole path
            if paths and (not found or paths[0][: len(found[0])] == found[0] != paths[0]):
                found = paths
                used.update(_parts(column))
                self.used["category", column] += 1
        return found

    def _path_of_steps(self, row: Row, columns: str) -> tuple[tuple[str, ...], ...]:
        steps: tuple[str, ...] = ()
        for column in columns.split(STEPS):
            for path in self._paths(column, _cell(row, column))[:1]:
                steps = path if path[: len(steps)] == steps else steps + path
        return (steps,) if steps else ()

    def _paths(self, column: str, cell: object) -> tuple[tuple[str, ...], ...]:
        """The category paths of a cell, without those that another of them begins with."""
        if cell is None or cell == "":
            return ()
        convention = self.matching.convention
        lists = convention.category_lists if convention else ""
        steps = convention.category_steps if convention else ""
        slash = True if steps == "/" else self.matching.has_slash_paths(column)
        cell = values.parse_literal(cell)
        if steps == "," and isinstance(cell, str):
            cell = cell.split(",")
        items = cell if lists == "[]" and isinstance(cell, list) else [cell]
        paths = [
            path
            for item in items
            for path in values.category_paths(
                item, self._language, separator=lists.strip("[]"), slash=slash
            )
        ]
        return tuple(
            path
            for path in dict.fromkeys(paths)
            if not any(other != path and other[: len(path)] == path for other in paths)
        )

    def _prices(self, row: Row, plan: Plan, used: set[str]) -> Fields:
        """The lowest of what a product may cost, the currency, and the price before a reduction."""
        amounts = []
        for column in plan.fields["price"]:
            cell = _cell(row, column)
            found = None if cell is None or cell == "" else values.money(cell)
            if found is not None:
                amounts.append((column, found))
        chosen = next((each for each in amounts if each[1].amount > 0), next(iter(amounts), None))
        currency = self._first(row, plan, "currency", _currency, used)
        if chosen is None:
            return {"price": None, "list_price": None, "currency": currency}
        column, money = chosen
        self.used["price", column] += 1
        higher = None
        for other in plan.fields["list_price"]:
            cell = None if other == column else _cell(row, other)
            found = None if cell is None or cell == "" else values.money(cell)
            if found is not None and found.amount > money.amount:
                higher = found.amount
                self.used["list_price", other] += 1
                break
        divisor = self._minor_units(row)
        return {
            "price": money.amount / divisor,
            "list_price": None if higher is None else higher / divisor,
            "currency": money.currency or currency,
        }

    def _minor_units(self, row: Row) -> int:
        convention = self.matching.convention
        if convention is None or not convention.minor_units:
            return 1
        digits = values.count(_cell(row, convention.minor_units))
        return 10 ** min(digits or 0, 4)

    def _images(self, row: Row, plan: Plan, identity: str, cells: Cells) -> list[str]:
        found: list[str | bytes] = []
        for column, cell in [*((each, _cell(row, each)) for each in plan.fields["images"]), *cells]:
            if cell is None or cell == "":
                continue
            located = values.addresses(cell, self._folder)
            if located:
                self.used["images", column] += 1
                found += located
        if self._patterns_chosen or not found:
            found += self._by_pattern(row, identity)
        if not found:
            for column in plan.fields["thumbnails"]:
                located = values.addresses(_cell(row, column), self._folder)
                if located:
                    self.used["images", column] += 1
                    found += located
                    break
        return list(dict.fromkeys(map(self._kept, found)))

    def _by_pattern(self, row: Row, identity: str) -> list[str | bytes]:
        def cell(column: str) -> object:
            value = _cell(row, column)
            return identity if value is None and column == "id" else value

        found: list[str | bytes] = []
        for pattern in self._patterns:
            written = pattern.addresses(cell)
            if written:
                self.used["images", pattern.written] += 1
                self._spent.update(pattern.columns)
                found += values.addresses(written, self._folder)
        return found

    def _brand_among(self, attributes: Mapping[str, Attribute]) -> str:
        convention = self.matching.convention
        wanted = convention.brand_attribute if convention else BRAND
        return next(
            (values.text(fact) for name, fact in attributes.items() if name.casefold() == wanted),
            "",
        )

    def _kept(self, picture: str | bytes) -> str:
        """A picture's address; one inside the row is kept first."""
        if isinstance(picture, str) and not is_data(picture):
            return picture
        return self._keep_picture(picture)

    def _attributes(self, row: Row, plan: Plan, used: set[str]) -> dict[str, Attribute]:
        found: dict[str, Attribute] = {}
        for name_column, value_column in plan.pairs:
            name = values.text(row.get(name_column), self._language)
            fact = values.attribute(row.get(value_column), self._language)
            if name and fact is not None and str(fact).casefold() != DEFAULT_OPTION:
                found.setdefault(readable(name), fact)
                self._spent |= {name_column, value_column}
        for column in plan.fields["attributes"]:
            named = named_facts(_cell(row, column), self._language)
            if named:
                used.add(column)
                self.used["attributes", column] += 1
                found |= {readable(name): fact for name, fact in named.items()}
        for column in plan.others:
            value = row[column]
            if column in used or value is None or value == "":
                continue
            for name, fact in self._facts(column, value):
                if name not in found:
                    found[name] = fact
                    self._spent.add(column)
        if len(self.attributes) < MAX_ATTRIBUTES:
            self.attributes.update(found.keys())
        else:
            self.attributes.update(found.keys() & self.attributes.keys())
        return found

    def _facts(self, column: str, value: object) -> list[tuple[str, Attribute]]:
        """What a further column says: a fact, or the facts of an object."""
        if isinstance(value, bytes):
            return []
        items = value if isinstance(value, list | tuple) else ()
        if not all(VALUED & item.keys() for item in items if isinstance(item, Mapping)):
            return []
        if isinstance(value, Mapping) and not VALUED & value.keys() and not values.languages(value):
            return [
                (f"{readable(column)} {readable(name)}", fact)
                for name, item in value.items()
                if not isinstance(item, list | tuple)
                for fact in [values.attribute(item, self._language)]
                if fact is not None
            ]
        fact = values.attribute(value, self._language)
        return [] if fact is None else [(readable(column), fact)]


VALUED = frozenset({"value", "name", "label", "@value"})  # objects that stand for one value


def product_of(fields: Fields) -> Product | str:
    """The product of complete fields, or the reason why they are none."""
    for required in ("id", "title"):
        if not fields[required]:
            return f"no {required}"
    for field, longest in MAX_FIELD.items():
        if len(fields[field]) > longest:
            return f"{field} too long"
    if fields["parent"] == "0":  # how databases write "none"
        fields = {**fields, "parent": ""}
    if any(len(step) > MAX_STEP for path in fields["categories"] for step in path):
        return "category too long"
    return Product(**fields | {"images": tuple(fields["images"])})


def size(value: object) -> int:
    """Characters of a cell, of nested values and their names together."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(size(name) + size(item) for name, item in value.items())
    return sum(map(size, value)) if isinstance(value, list | tuple) else 1


def list_columns(columns: Sequence[str]) -> str:
    """Columns in a sentence, the first of them if there are many."""
    listed = ", ".join(columns[:MAX_LISTED]) or "none"
    return listed + (", …" if len(columns) > MAX_LISTED else "")


def _cell(row: Row, column: str) -> object:
    """A cell; of a dotted name the value inside an object, or inside a list's first object."""
    if column in row or "." not in column:
        return row.get(column)
    first, _, inner = column.partition(".")
    value = values.parse_literal(row.get(first))
    if isinstance(value, list | tuple):
        value = next((item for item in value if isinstance(item, Mapping)), None)
    return _cell(value, inner) if isinstance(value, Mapping) else None


def _parts(column: str) -> list[str]:
    """The columns that a dotted name, a path of steps or a plain name is read from."""
    parts = column.split(STEPS) if STEPS in column else [column]
    return [*parts, *(part.split(".")[0] for part in parts)]


def _currency(cell: object) -> str:
    written = values.text(cell).upper()
    return written if len(written) == 3 and written.isalpha() else ""


def _patterns(
    chosen: Mapping[str, Sequence[str]], convention: Convention | None, folder: Path
) -> list[Pattern]:
    if "images" in chosen:
        written = chosen["images"]
    elif convention:
        written = [
            each
            for each in convention.pictures
            if "://" in each or (folder / each.partition("{")[0]).is_dir()
        ]
    else:
        written = []
    return [pattern for each in written if (pattern := find_pattern(each))]
