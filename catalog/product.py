"""One item for sale."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Product:
    """One item for sale.

    Attributes:
        id: The shop's key, unique in a catalogue, never empty.
        title: Its name, never empty.
        category: The shop department.
        description: Running text.
        features: Bullet points.
        details: Other attributes by name, such as colour or material.
        brand: Who makes it.
        price: In the shop's own currency.
        rating: Mean of its ratings, on the shop's own scale.
        rating_count: How many ratings.
        link: Its page in the shop.
        parent: The id of the article that it is a variant of.
        images: Addresses of its pictures, best first: http(s), `data:`, or an absolute local path.
    """

    id: str
    title: str
    category: str = ""
    description: str = ""
    features: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    brand: str = ""
    price: float | None = None
    rating: float | None = None
    rating_count: int | None = None
    link: str = ""
    parent: str = ""
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.id or not self.title:
            raise ValueError(f"a product needs an id and a title: {self.id!r}, {self.title!r}")
