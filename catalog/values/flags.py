"""Yes or no: availability, and other flags."""

import re
from collections.abc import Mapping

from catalog.values.literals import parse_literal
from catalog.values.running_text import text

# Letters only, in lower case: "in stock", "in_stock" and "https://schema.org/InStock" are one. What
# can be ordered now is available, although it is delivered later.
YES = frozenset({
    "y", "yes", "true", "on", "ja", "oui", "si", "sí", "sì", "tak", "да",
    "instock", "available", "availablenow", "availablefororder", "active", "limitedavailability",
    "limitedstock", "lowstock", "onlineonly", "instoreonly", "madetoorder", "buyable",
    "preorder", "presale", "backorder", "onbackorder", "availableforpreorder",
    "auflager", "lieferbar", "verfügbar", "vorrätig", "sofortlieferbar", "aufbestellung",
    "enstock", "disponible", "disponibile", "surcommande",
})  # fmt: skip
NO = frozenset({
    "n", "no", "false", "off", "nein", "non", "nie", "нет",
    "outofstock", "soldout", "unavailable", "notavailable", "currentlyunavailable", "notinstock",
    "discontinued", "inactive", "outofprint", "reserved",
    "nichtauflager", "ausverkauft", "nichtverfügbar", "nichtlieferbar", "vergriffen",
    "rupturedestock", "épuisé", "indisponible", "horsstock", "agotado", "sinstock",
    "nodisponible", "nondisponibile", "esaurito",
})  # fmt: skip
ADDRESS = re.compile(r"^https?://\S*[/#]")  # of a term: https://schema.org/InStock
QUANTITY = re.compile(r"-?\d{1,15}(?:,\d{3})*(?:\.\d+)?")
NOT_A_LETTER = re.compile(r"[\W\d_]+")
LEFT = re.compile(
    r"(\d+) (?:\w+ )?(?:left|in stock|available|auf lager|verfügbar|en stock)", re.IGNORECASE
)

# Under these names an object holds its availability.
KEYS = ("availability", "stock_status", "status", "in_stock", "inStock", "is_in_stock", "isOnStock",
        "available", "value", "quantity", "qty", "stock", "availableQuantity", "@id",
        "name")  # fmt: skip


def flag(value: object) -> bool | None:
    """Yes or no; None where the cell has neither.

    A quantity is yes above 0. What can be ordered in advance ("preorder", "backorder") is yes: a
    customer can buy it now.
    """
    value = parse_literal(value)
    match value:
        case bool():
            return value
        case Mapping():
            parts = (flag(value.get(key)) for key in KEYS)
            return next((part for part in parts if part is not None), None)
        case list() | tuple():  # of offers: one that can be bought is enough
            return max((part for part in map(flag, value) if part is not None), default=None)
    written = ADDRESS.sub("", text(value))
    if QUANTITY.fullmatch(written):
        return float(written.replace(",", "")) > 0
    word = NOT_A_LETTER.sub("", written).casefold()
    if word in YES or word in NO:
        return word in YES
    left = LEFT.search(written)
    return int(left[1]) > 0 if left else None
