"""The column mapping: which columns of a feed each product field is read from."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import CatalogError, values
from catalog.amazon import LINK
from catalog.product import Attribute, Product
from pictures.data_address import is_data
from pictures.embedded import embedded_address

# The usual names of each field's column, letters and digits only, best first. "parent" is left out:
# in feeds it is a department as often as an article.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "productid", "itemid", "asin", "sku", "uniqid", "articleid", "parentasin"),
    "title": ("title", "name", "productname", "producttitle", "itemname", "productdisplayname"),
    "category": ("category", "maincategory", "department", "mastercategory", "productcategory",
                 "producttype", "categories"),
    "description": ("description", "productdescription", "longdescription", "shortdescription",
                    "bodyhtml"),
    "features": ("features", "bulletpoints", "bulletpoint", "aboutproduct", "highlights"),
    "attributes": ("details", "attributes", "specifications", "specs", "productdetails",
                "productspecifications"),
    "brand": ("brand", "brandname", "store", "manufacturer", "vendor"),
    "price": ("price", "currentprice", "sellingprice", "saleprice", "discountedprice",
              "discountprice", "finalprice", "retailprice", "actualprice"),
    "rating": ("rating", "averagerating", "ratings", "stars", "overallrating", "productrating"),
    "rating_count": ("ratingcount", "ratingnumber", "noofratings", "ratingscount", "numratings",
                     "reviewcount", "reviewscount", "numreviews", "reviews"),
    "link": ("link", "url", "producturl", "productlink", "permalink", "pageurl"),
    "parent": ("parentasin", "parentid", "parentsku", "itemgroupid"),
    "images": ("image", "imageurl", "imagelink", "imagesrc", "imagepath", "imgurl", "imglink",
               "picture", "pictureurl", "photo", "images", "imageurls", "pictures", "photos",
               "thumbnail"),
}  # fmt: skip

MAX_LISTED = 30  # columns in a sentence
CACHED_HEADERS = 32  # sets of columns; the rows of a file have a few, whatever its size
# Characters: of a row without its pictures, which may be data: addresses, and of single fields.
MAX_RECORD = 2**20
MAX_FIELD: Mapping[str, int] = {
    "id": 1_000,
    "title": 10_000,
    "category": 1_000,
    "brand": 1_000,
    "link": 10_000,
    "parent": 1_000,
}

Row = Mapping[str, Any]
KeepPicture = Callable[[bytes | str], str]


def _department(value: object) -> str:
    """The category: the first step of the first category path."""
    paths = values.category_paths(value)
    return paths[0][0] if paths else ""


def _price(value: object) -> float | None:
    found = values.money(value)
    return found.amount if found else None


# Product field → how a cell becomes its value. Attributes and images have rules of their own.
CONVERSIONS: Mapping[str, Callable[[object], Any]] = {
    "id": values.identifier,
    "title": values.text,
    "category": _department,
    "description": values.text,
    "features": values.texts,
    "brand": values.text,
    "price": _price,
    "rating": values.number,
    "rating_count": values.count,
    "link": values.identifier,
    "parent": values.identifier,
}


class ColumnMapping:
    """Makes products of a feed's rows.

    A field is read from the first of its columns that is not empty. Plain columns that belong to
    no field become attributes.
    """

    def __init__(
        self,
        chosen: Mapping[str, str],
        category: str,
        folder: Path,
        *,
        keep_picture: KeepPicture = embedded_address,
    ) -> None:
        """Make a mapping from the user's choices and the usual names.

        Args:
            chosen: Product field → the column it is read from, instead of the usual names.
            category: The category of every product of the feed; empty to read it.
            folder: What relative picture paths are relative to.
            keep_picture: Keeps a picture that a row contains and returns its address;
                `EmbeddedPictures.add`, or by default a function that keeps nothing.

        Raises:
            CatalogError: A choice names no field of a product, or no column.
        """
        self.chosen = {_field(name): column for name, column in chosen.items()}
        for field, column in self.chosen.items():
            if not column:
                raise CatalogError(
                    f"--field {field}= names no column; write --field {field}=COLUMN."
                )
        self._category = values.text(category)
        self._folder = folder
        self._keep_picture = keep_picture
        self._of_header = lru_cache(CACHED_HEADERS)(self._match)

    def of(self, row: Row) -> Mapping[str, list[str]]:
        """The columns of a row that each product field is read from, best first."""
        return self._of_header(tuple(row))

    def _match(self, header: tuple[str, ...]) -> Mapping[str, list[str]]:
        by_name: dict[str, list[str]] = {}
        for column in header:
            plain = "".join(filter(str.isalnum, column.casefold()))
            by_name.setdefault(plain, []).append(column)
        usual = {
            field: [column for alias in aliases for column in by_name.get(alias, [])]
            for field, aliases in ALIASES.items()
        }
        return usual | {
            field: [column] if column in header else [] for field, column in self.chosen.items()
        }

    def product(self, row: Row) -> Product | str:
        """The product of a row, or the reason why it is none."""
        if sum(map(size, row)) > MAX_RECORD:
            return "row too long"
        columns = self.of(row)
        if sum(size(row[each]) for each in row if each not in columns["images"]) > MAX_RECORD:
            return "row too long"
        used: set[str] = set()

        def first(field: str, convert: Callable[[object], Any]) -> Any:  # noqa: ANN401
            for column in columns[field]:
                value = convert(row[column])
                if value not in ("", None, ()):
                    used.add(column)
                    return value
            return convert(None)

        if self._category:
            columns = {**columns, "category": []}  # a column of that name becomes an attribute
        fields = {field: first(field, convert) for field, convert in CONVERSIONS.items()}
        for required in ("id", "title"):
            if not fields[required]:
                return f"no {required}"
        for field, longest in MAX_FIELD.items():
            if len(fields[field]) > longest:
                return f"{field} too long"
        used.update(columns["images"])
        images = [
            address
            if isinstance(address, str) and not is_data(address)
            else self._keep_picture(address)
            for column in columns["images"]
            for address in values.addresses(row[column], self._folder)
        ]
        attributes = self._attributes(row, columns["attributes"], used)
        fields["category"] = self._category or fields["category"]
        # Amazon Reviews 2023 has some brands among the attributes only, and no link at all.
        fields["brand"] = fields["brand"] or attributes.get("Brand", "")
        if not fields["link"] and values.identifier(row.get("parent_asin")) == fields["id"]:
            fields["link"] = LINK.format(fields["id"])
        return Product(
            **fields,
            attributes=attributes,
            images=tuple(dict.fromkeys(images)),
        )

    def _attributes(self, row: Row, columns: list[str], used: set[str]) -> dict[str, Attribute]:
        named: dict[str, Attribute] = {}
        for column in columns:
            named |= values.attributes(row[column])
        plain = {
            column: item
            for column, item in row.items()
            if column not in used and _is_plain(values.parse_literal(item))
        }
        return values.attributes(plain) | named


def size(value: object) -> int:
    """Characters of a cell, of nested values and their names together."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, Mapping):
        return sum(size(name) + size(item) for name, item in value.items())
    return sum(map(size, value)) if isinstance(value, list | tuple) else 1


def _field(name: str) -> str:
    """The product field that a user names, in any case, with dashes or underscores."""
    field = name.strip().casefold().replace("-", "_")
    field = {"image": "images", "picture": "images"}.get(field, field)
    if field not in ALIASES:
        known = ", ".join(ALIASES)
        raise CatalogError(f"--field {name}=…: a product has no field {name!r}; it has {known}.")
    return field


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) and not isinstance(item, list | tuple) for item in value)
    # a flag belongs to the export, not to the product
    return not isinstance(value, Mapping | bytes | bool)


def list_columns(columns: list[str]) -> str:
    """Columns in a sentence, the first of them if there are many."""
    listed = ", ".join(columns[:MAX_LISTED]) or "none"
    return listed + (", …" if len(columns) > MAX_LISTED else "")
