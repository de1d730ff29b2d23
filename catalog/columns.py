"""What the columns of a product file mean."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from catalog import values
from catalog.amazon import LINK
from catalog.errors import ReaderError
from catalog.product import Product

# The usual names of each field's column, letters and digits only, best first. "parent" is not among
# its own: in shops it names a department as often as an article.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "productid", "itemid", "asin", "sku", "uniqid", "articleid", "parentasin"),
    "title": ("title", "name", "productname", "producttitle", "itemname", "productdisplayname"),
    "category": ("category", "maincategory", "department", "mastercategory", "productcategory",
                 "producttype", "categories"),
    "description": ("description", "productdescription", "longdescription", "shortdescription",
                    "bodyhtml"),
    "features": ("features", "bulletpoints", "bulletpoint", "aboutproduct", "highlights"),
    "details": ("details", "attributes", "specifications", "specs", "productdetails",
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

MAX_NAMED = 30  # columns that a sentence lists
SHAPES = 256  # sets of keys remembered; the rows of a file have a few, whatever its size

Row = Mapping[str, Any]


class Columns:
    """Makes products of a file's rows.

    A field takes the first of its columns that holds something. Details gather what is left:
    plain columns that are no field's.
    """

    def __init__(self, chosen: Mapping[str, str], category: str, folder: Path) -> None:
        """Take the user's choices.

        Args:
            chosen: Product field → the column it is read from, instead of the usual names.
            category: The category of every product of the file; empty to read it.
            folder: Where relative picture paths start.

        Raises:
            ReaderError: A choice names no field of a product, or no column.
        """
        self.chosen = {_field(name): column for name, column in chosen.items()}
        for field, column in self.chosen.items():
            if not column:
                raise ReaderError(
                    f"--field {field}= names no column; write --field {field}=COLUMN."
                )
        self._category = values.text(category)
        self._folder = folder
        self._of_shape: Callable[[tuple[str, ...]], Mapping[str, list[str]]] = lru_cache(SHAPES)(
            self._match
        )

    def of(self, row: Row) -> Mapping[str, list[str]]:
        """The columns of a row that each product field is read from, best first."""
        return self._of_shape(tuple(row))

    def _match(self, shape: tuple[str, ...]) -> Mapping[str, list[str]]:
        by_name: dict[str, list[str]] = {}
        for column in shape:
            letters = "".join(filter(str.isalnum, column.casefold()))
            by_name.setdefault(letters, []).append(column)
        usual = {
            field: [column for alias in aliases for column in by_name.get(alias, [])]
            for field, aliases in ALIASES.items()
        }
        return usual | {
            field: [column] if column in shape else [] for field, column in self.chosen.items()
        }

    def product(self, row: Row) -> Product | str:
        """Make a product of a row, or say in a few words why it is none."""
        columns = self.of(row)
        used: set[str] = set()

        def first(field: str, clean: Callable[[object], Any]) -> Any:  # noqa: ANN401
            for column in columns[field]:
                cleaned = clean(row[column])
                if cleaned not in ("", None, ()):
                    used.add(column)
                    return cleaned
            return clean(None)

        identity = first("id", values.key)
        if not identity:
            return "no id"
        title = first("title", values.text)
        if not title:
            return "no title"
        fields = {
            "brand": first("brand", values.text),
            "description": first("description", _running),
            "category": self._category or first("category", _department),
            "features": first("features", values.texts),
            "price": first("price", values.number),
            "rating": first("rating", values.number),
            "rating_count": first("rating_count", values.count),
            "link": first("link", values.key),
            "parent": first("parent", values.key),
        }
        used.update(columns["images"])
        images = [
            address
            for column in columns["images"]
            for address in values.addresses(row[column], self._folder)
        ]
        details = self._details(row, columns["details"], used)
        # Amazon Reviews 2023 tells some brands among the details only, and no link at all.
        fields["brand"] = fields["brand"] or details.get("Brand", "")
        if not fields["link"] and values.key(row.get("parent_asin")) == identity:
            fields["link"] = LINK.format(identity)
        return Product(
            id=identity,
            title=title,
            **fields,
            details=details,
            images=tuple(dict.fromkeys(images)),
        )

    def _details(self, row: Row, columns: list[str], used: set[str]) -> dict[str, str]:
        named: dict[str, str] = {}
        for column in columns:
            named |= values.facts(row[column])
        plain = {
            column: item
            for column, item in row.items()
            if column not in used and _is_plain(values.unpacked(item))
        }
        return values.facts(plain) | named


def _field(name: str) -> str:
    """The product field that a user means, whatever the case and the dashes."""
    field = name.strip().casefold().replace("-", "_")
    field = {"image": "images", "picture": "images"}.get(field, field)
    if field not in ALIASES:
        known = ", ".join(ALIASES)
        raise ReaderError(f"--field {name}=…: a product has no field {name!r}; it has {known}.")
    return field


def _running(value: object) -> str:
    """Text that an export may have written as a list: Amazon's descriptions are."""
    return values.text(values.unpacked(value))


def _department(value: object) -> str:
    """The category; of a path of categories the first, which is the department."""
    value = values.unpacked(value)
    return next(iter(values.texts(value)), "")


def _is_plain(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_plain(item) and not isinstance(item, list | tuple) for item in value)
    return not isinstance(value, Mapping | bytes | bool)  # a flag is the export's, not the shop's


def named(columns: list[str]) -> str:
    """Columns for a sentence, the first of them if there are many."""
    listed = ", ".join(columns[:MAX_NAMED]) or "none"
    return listed + (", …" if len(columns) > MAX_NAMED else "")
