"""The attributes of a catalogue's products: which there are, and which are filters."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from catalog import CatalogError
from catalog.database import Database

# A filter is worth its place where people can choose (2 values), can look through the choices
# (200), and do not lose nearly all products by choosing (a tenth has one).
MIN_VALUES = 2
MAX_VALUES = 200
MIN_SHARE = 0.1
MAX_NAMED = 30  # attributes in a sentence

# An attribute is of one type where all its values are; else it is text.
SUMMARIES = """
SELECT name, MIN(kind), MAX(kind), COUNT(DISTINCT value), COUNT(*) FROM (
    SELECT each.key AS name,
        CASE each.type WHEN 'integer' THEN 'number' WHEN 'real' THEN 'number'
            WHEN 'true' THEN 'yes/no' WHEN 'false' THEN 'yes/no' ELSE 'text' END AS kind,
        CASE each.type WHEN 'true' THEN 'yes' WHEN 'false' THEN 'no' ELSE each.atom END AS value
    FROM product, json_each(product.details) AS each WHERE json_valid(product.details)
) GROUP BY name ORDER BY COUNT(*) DESC, name
"""


@dataclass(frozen=True, slots=True)
class AttributeSummary:
    """What the products' values of one attribute are.

    Attributes:
        name: Its name.
        kind: Of all its values; text where they are of several kinds.
        values: How many different ones there are.
        products: How many products have one.
        share: Of all products, 0 to 1.
    """

    name: str
    kind: Literal["text", "number", "yes/no"]
    values: int
    products: int
    share: float


class Attributes(Database):
    """The attributes in a catalogue's file."""

    def attributes(self) -> list[AttributeSummary]:
        """Every attribute, those of most products first; one pass over all products."""
        ((total,),) = self._select("SELECT COUNT(*) FROM product")
        return [
            AttributeSummary(
                name, least if least == most else "text", values, products, products / total
            )
            for name, least, most, values, products in self._select(SUMMARIES)
        ]

    def filters(self) -> list[AttributeSummary]:
        """The attributes to filter by: those that were set, else those worth their place."""
        found = self.attributes()
        chosen = self.chosen_filters()
        if chosen is not None:
            by_name = {each.name: each for each in found}
            return [by_name[name] for name in chosen if name in by_name]
        return [
            each
            for each in found
            if MIN_VALUES <= each.values <= MAX_VALUES and each.share >= MIN_SHARE
        ]

    def chosen_filters(self) -> list[str] | None:
        """The names that were set; None where none were."""
        kept = self._select("SELECT value FROM setting WHERE name = 'filters'")
        return list(json.loads(kept[0][0])) if kept else None

    def choose_filters(self, names: Sequence[str]) -> None:
        """Set the attributes to filter by; without a name, those worth their place.

        Args:
            names: Of attributes, in any case.

        Raises:
            CatalogError: No product has one of them.
        """
        known = {each.name.casefold(): each.name for each in self.attributes()} if names else {}
        for name in names:
            if name.casefold() not in known:
                listed = ", ".join(list(known.values())[:MAX_NAMED]) or "none"
                more = ", …" if len(known) > MAX_NAMED else ""
                raise CatalogError(
                    f"No product has an attribute {name!r} to filter by; there are {listed}{more}."
                )
        chosen = list(dict.fromkeys(known[name.casefold()] for name in names))
        with self._transaction() as connection:
            connection.execute("DELETE FROM setting WHERE name = 'filters'")
            if chosen:
                connection.execute(
                    "INSERT INTO setting VALUES ('filters', ?)", (json.dumps(chosen),)
                )
