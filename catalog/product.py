"""One item for sale."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Attribute = str | float | bool  # a fact's value


@dataclass(frozen=True, slots=True)
class Product:
    """One item for sale.

    Attributes:
        id: The shop's key, unique in a catalogue, never empty.
        title: Its name, never empty.
        category: The department: the first step of the first category path.
        description: Running text.
        features: Bullet points.
        attributes: Other facts by name, such as colour or material: text, number or yes/no.
        brand: Who makes it.
        price: What it costs now, in `currency`.
        rating: Mean of its ratings, on the shop's own scale.
        rating_count: How many ratings.
        link: Its page in the shop.
        parent: The article that it is a variant of, shared by all its variants.
        images: Addresses of its pictures, best first: http(s), `embedded:` (see
            `pictures.embedded`), or an absolute local path.
        sku: The shop's stock-keeping unit.
        gtin: The trade item number: EAN, UPC, ISBN.
        currency: ISO 4217 code; empty where the feed does not say it.
        list_price: The price before a reduction.
        categories: Every category path, each as its steps from the department down.
        in_stock: Whether it can be bought now.
        released: ISO 8601 date.
    """

    id: str
    title: str
    category: str = ""
    description: str = ""
    features: tuple[str, ...] = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    brand: str = ""
    price: float | None = None
    rating: float | None = None
    rating_count: int | None = None
    link: str = ""
    parent: str = ""
    images: tuple[str, ...] = ()
    sku: str = ""
    gtin: str = ""
    currency: str = ""
    list_price: float | None = None
    categories: tuple[tuple[str, ...], ...] = ()
    in_stock: bool | None = None
    released: str = ""

    def category_names(self) -> list[str]:
        """What the product is filtered by: each step of its category paths, and each path to it.

        Of the path Kitchen, Kettles these are "Kitchen", "Kettles" and "Kitchen > Kettles".
        """
        steps = [step for path in self.categories for step in path]
        paths = [
            " > ".join(path[:end]) for path in self.categories for end in range(2, len(path) + 1)
        ]
        return list(dict.fromkeys(steps + paths))

    def __post_init__(self) -> None:
        if not self.id or not self.title:
            raise ValueError(f"a product needs an id and a title: {self.id!r}, {self.title!r}")
        # either of the two gives the other
        if self.category and not self.categories:
            object.__setattr__(self, "categories", ((self.category,),))
        elif self.categories and not self.category:
            object.__setattr__(self, "category", self.categories[0][0])
