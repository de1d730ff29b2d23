"""What was understood of a feed."""

from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Any

from catalog.product import Product

# Fields that a shop misses where its products lack them, and the fields of a report, in its order.
WANTED = ("images", "price", "brand", "category")
SHOWN = ("id", "title", *WANTED, "list_price", "currency", "description", "features", "sku", "gtin",
         "in_stock", "rating", "rating_count", "released", "link", "parent")  # fmt: skip
SHOWN_OF = attrgetter(*SHOWN)
EMPTY = frozenset({"", None, ()})
MAX_ATTRIBUTES = 1_000  # names that JSON lists


@dataclass(slots=True)
class Report:
    """What was understood of a feed.

    Attributes:
        file: Facts about the file, by name.
        convention: How it was read, as "a Shopify export"; empty where only names of columns were
            matched.
        language: Of language-tagged texts; empty where there are none.
        fields: Product field → column or pattern → how many rows it was read from there; 0 for
            a column that is there and blank.
        attributes: Attribute → how many products have it, the commonest first.
        attribute_types: Attribute → text, number or yes/no: of all its values, else text.
        unused: Columns with values that nothing was read from.
        products: How many there are.
        deep: How many products have a category path of more than one step.
        merged: Rows that only add to other rows' products.
        skipped: Rows of things that are not for sale, by reason.
    """

    file: dict[str, str | int] = field(default_factory=dict)
    convention: str = ""
    language: str = ""
    fields: dict[str, dict[str, int]] = field(default_factory=dict)
    attributes: dict[str, int] = field(default_factory=dict)
    attribute_types: dict[str, str] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)
    products: int = 0
    deep: int = 0
    merged: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    _shapes: Counter[tuple[bool, ...]] = field(default_factory=Counter)

    def count(self, product: Product) -> None:
        """Count a product and the fields it has."""
        self.products += 1
        self._shapes[tuple(map(EMPTY.__contains__, SHOWN_OF(product)))] += 1
        self.deep += any(len(path) > 1 for path in product.categories)

    @property
    def filled(self) -> Counter[str]:
        """Field → how many products have it."""
        found: Counter[str] = Counter()
        for empty, products in self._shapes.items():
            filled = (name for name, each in zip(SHOWN, empty, strict=True) if not each)
            found.update(dict.fromkeys(filled, products))
        return found

    def without(self) -> dict[str, int]:
        """How many products lack a picture, price, brand and category."""
        filled = self.filled
        return {name: self.products - filled[name] for name in WANTED}

    def as_json(self) -> dict[str, Any]:
        """The report as JSON holds it."""
        filled = self.filled
        listed = dict(islice(self.attributes.items(), MAX_ATTRIBUTES))
        return {
            "file": self.file,
            "convention": self.convention or None,
            "language": self.language or None,
            "fields": {
                name: {"columns": self.fields.get(name, {}), "products": filled[name]}
                for name in SHOWN
            },
            "attributes": listed,
            "attribute_types": {name: self.attribute_types[name] for name in listed},
            "attribute_names": len(self.attributes),
            "unused": self.unused,
            "products": self.products,
            "deep_categories": self.deep,
            "without": self.without(),
        }
