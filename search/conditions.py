"""Conditions as a collection has them: with its names, values and units, in one currency.

What is typed is in any case and any unit; what the store compares is not.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace

from qdrant.filters import DATE_FIELDS
from qdrant.layout import MAX_RESULTS
from qdrant.model import Filters, Range, Where
from search.attributes import Attributes
from search.bounds import BETWEEN, as_dates, check_ascending, read_number, read_range
from search.quantities import convert, unit_in_name, unit_of
from search.query import QueryError
from search.where import folded

NO_VALUE = ""  # that no product has


def needs_attributes(filters: Filters) -> bool:
    """Whether filters mean something other in one collection than in another."""
    bounds = (filters.price_min, filters.price_max, filters.in_stock)
    return bool(filters.where) or any(bound is not None for bound in bounds)


class Conditions:
    """Brings conditions to one collection.

    Args:
        attributes: of the collection.
    """

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes

    def resolve(self, filters: Filters) -> Filters:
        """Filters whose conditions have the names and values of the collection.

        Raises:
            QueryError: an attribute or value that no product has, or a bound that is none.
        """
        where = [each for written in filters.where for each in self._resolved(written)]
        if filters.in_stock is not None:
            self._attributes.check_age("stock")
            if not self._attributes.values.get("stock"):
                raise QueryError("Of no product is it known whether it is in stock.")
        return replace(filters, where=(*where, *self._one_currency(filters, where)))

    def _resolved(self, where: Where) -> list[Where]:
        name = self._attributes.name_of(where.name)
        where = replace(where, name=name)
        if name in DATE_FIELDS:
            return [as_dates(where)]
        if name in self._attributes.numbers:
            return self._as_numbers(where)
        if name in self._attributes.quantities:
            return [self._as_quantities(where)]
        if where.ranges:
            raise self._attributes.not_a_number(name)
        return [replace(where, values=self._spelled(name, where.values))]

    def _spelled(self, name: str, written: Sequence[str]) -> tuple[str, ...]:
        """Values as the products have them."""
        from catalog.values.flags import flag  # 0.04 s, which a search without conditions saves

        known = self._attributes.values.get(name, {})
        if name == "category":
            written = [re.sub(r"\s*>\s*", " > ", value) for value in written]
        by_folded: dict[str, list[str]] = defaultdict(list)
        for value in known:
            by_folded[folded(value)].append(value)
        found: list[str] = []
        for value in written:
            answer = flag(value) if known.keys() <= {"yes", "no"} else None
            wanted = value if answer is None else ("no", "yes")[answer]
            same = by_folded.get(folded(wanted), [])
            if not same and self._attributes.has_all(name):
                if ".." in value:
                    raise self._attributes.not_a_number(name)
                raise self._attributes.no_such_value(name, value, known)
            found += [wanted] if wanted in known else same or [wanted]
        return tuple(dict.fromkeys(found))

    def _as_numbers(self, where: Where) -> list[Where]:
        """A condition with numbers in place of texts, and one on the currency of its prices."""
        ranges, currencies = self._ranges(
            where.name, (*where.ranges, *map(read_range, where.values))
        )
        currency = [Where("currency", currencies)] if currencies else []
        return [replace(where, values=(), ranges=ranges), *currency]

    def _as_quantities(self, where: Where) -> Where:
        """A condition with all values whose numbers pass, in place of bounds and numbers.

        The products have their numbers in several units, and the engine counts them as texts.
        """
        name, known = where.name, self._attributes.values[where.name]
        quantities = self._attributes.quantities[name]
        between = [v for v in where.values if v not in known and BETWEEN.fullmatch(v)]
        ranges, _ = self._ranges(name, (*where.ranges, *map(read_range, between)))
        if ranges and not self._attributes.whole:
            raise QueryError(
                f"“{name}” has numbers with units, and the attributes to filter by have more than "
                f"{MAX_RESULTS:,} different values, too many to compare: "
                "`vitrine ingest products FILE --filters NAMES` leaves some out."
            )
        found = quantities.within(ranges)
        texts = []
        for value in where.values:
            same = [*quantities.equal(value)]
            if value in known:
                same.append(value)
            found += same
            if not same and value != NO_VALUE and value not in between:
                texts.append(value)
        found += self._spelled(name, texts)
        return replace(where, values=tuple(dict.fromkeys(found)) or (NO_VALUE,), ranges=())

    def _ranges(
        self, name: str, written: Iterable[Range]
    ) -> tuple[tuple[Range, ...], tuple[str, ...]]:
        """Ranges with numbers in place of texts, and the currencies that they name."""
        from catalog.values.currencies import currency_code  # as `flag`

        currencies: set[str] = set()

        def number(bound: float | str) -> float:
            amount, unit = read_number(name, bound)
            if unit and name in ("price", "list_price") and (code := currency_code(unit)):
                currencies.add(code)
            elif unit:
                amount = self._converted(name, amount, unit)
            return amount

        ranges = tuple(
            Range(*(None if bound is None else number(bound) for bound in astuple(each)))
            for each in written
        )
        check_ascending(name, ranges)
        return ranges, tuple(sorted(currencies))

    def _converted(self, name: str, amount: float, unit: str) -> float:
        """An amount in the attribute's own unit: of its values, or in its name."""
        quantities = self._attributes.quantities.get(name)
        own = quantities.unit if quantities else unit_in_name(name)
        converted = convert(amount, unit_of(unit), own) if own else None
        if converted is not None:
            return converted
        if folded(unit) in re.split(r"[^\w%°]+", folded(name)):
            return amount
        if own:
            raise QueryError(
                f"The numbers of “{name}” are in {own.symbol}, and “{unit}” is no unit of that "
                f"kind: write it as {name}<{amount:g} {own.symbol}."
            )
        raise QueryError(
            f"The numbers of “{name}” have no unit “{unit}”: leave it out, as in {name}<{amount:g}."
        )

    def _one_currency(self, filters: Filters, where: Sequence[Where]) -> list[Where]:
        """A condition that excludes prices of other currencies than the commonest.

        An amount says nothing of prices in another currency. It is left out where the shop has one
        currency, where no price is bounded, and where a currency is named.
        """
        named = {each.name for each in where}
        bounded = {"price", "list_price"} & named or (filters.price_min, filters.price_max) != (
            None,
            None,
        )
        if not bounded or "currency" in named or len(self._attributes.currencies) < 2:
            return []
        return [Where("currency", tuple(self._attributes.currencies[1:]), negated=True)]
