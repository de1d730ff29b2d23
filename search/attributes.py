"""The attributes that a collection's products have, and conditions brought to them."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import cached_property

from rapidfuzz import process

from qdrant.filters import DATE_FIELDS, FIELDS, NUMBER_FIELDS, TEXT_FIELDS
from qdrant.layout import MAX_RESULTS
from qdrant.model import ATTRIBUTES, Collection, Filters, Range, Where
from qdrant.store import Store
from search.bounds import (
    BETWEEN,
    as_dates,
    check_ascending,
    read_number,
    read_range,
)
from search.quantities import Quantities, convert, number_in, unit_in_name, unit_of
from search.query import QueryError
from search.where import folded

LONGEST_LIST = 200  # characters of the names in a command
NEAREST = 5  # names or values in an error
LEAST_LIKENESS = 60  # of a name or value that is offered for another, 0 to 100
OLD_FIELDS = ("brand", "category", "price", "rating")  # with an index in every collection
# What fields are called, too.
OTHER_NAMES = {"in stock": "stock", "categories": "category", "release date": "released"}

NO_VALUE = ""  # that no product has

Counts = Mapping[str, int]  # products by value


@dataclass(frozen=True)
class Attributes:
    """The attributes and fields of a collection's products, with their values.

    Attributes:
        collection: whose they are.
        values: number of products by value, by name: of attributes, and of the fields in
            `TEXT_FIELDS`.
        whole: whether `values` has every value of every attribute.
        others: gives the names of attributes that products have and that are not among the
            filters; called for an error alone.
    """

    collection: Collection
    values: Mapping[str, Counts]
    whole: bool
    others: Callable[[], Iterable[str]] = field(default=tuple)

    @classmethod
    def read(
        cls, store: Store, collection: Collection, others: Callable[[], Iterable[str]]
    ) -> "Attributes":
        """Those of a collection, counted by the engine in a few requests."""
        name = collection.variant
        new = collection.payload >= ATTRIBUTES
        facets = store.facet(name, "facets", limit=MAX_RESULTS) if new else {}
        counted = {
            label: store.facet(name, stored, limit=MAX_RESULTS)
            for label, stored in TEXT_FIELDS.items()
            if new or label == "brand"
        }
        return cls(collection, group_facets(facets) | counted, len(facets) < MAX_RESULTS, others)

    @property
    def numbers(self) -> frozenset[str]:
        """Names of the attributes and fields that are numbers."""
        return frozenset((*self.collection.numbers, *NUMBER_FIELDS))

    @cached_property
    def quantities(self) -> Mapping[str, Quantities]:
        """The attributes whose values are numbers with units of one kind."""
        texts = self.values.keys() - self.numbers - set(FIELDS)
        found = {name: Quantities.read(self.values[name]) for name in texts}
        return {name: quantities for name, quantities in found.items() if quantities}

    def unit_of(self, name: str) -> str:
        """The unit that an attribute's numbers are in; empty where they have none."""
        return self.quantities[name].unit.symbol if name in self.quantities else ""

    def number_of(self, name: str, value: str) -> float | None:
        """The number of an attribute's value, in the attribute's unit; None where it is text."""
        if name in self.numbers:
            return float(value)
        quantities = self.quantities.get(name)
        return number_in(quantities.unit, value) if quantities else None

    @property
    def currencies(self) -> list[str]:
        """Currencies of the prices, the most frequent first."""
        return list(self.values.get("currency", ()))

    def resolve(self, filters: Filters) -> Filters:
        """Filters whose conditions have the names and values of the collection.

        Raises:
            QueryError: an attribute or value that no product has, or a bound that is none.
        """
        where = [each for written in filters.where for each in self._resolved(written)]
        if filters.in_stock is not None:
            self._check_age("stock")
            if not self.values.get("stock"):
                raise QueryError("Of no product is it known whether it is in stock.")
        return replace(filters, where=(*where, *self._one_currency(filters, where)))

    def name_of(self, written: str) -> str:
        """The attribute or field of that name; fields come first.

        Raises:
            QueryError: there is none.
        """
        key = folded(written)
        name = OTHER_NAMES.get(key, key.replace(" ", "_"))
        if name not in FIELDS:
            found = self._names.get(key)
            if found is None:
                raise self._no_such_name(written)
            name = written if written in self.values else found
        self._check_age(name)
        return name

    @cached_property
    def _names(self) -> Mapping[str, str]:
        """Attributes by folded name; of several, the one that most products have."""
        named: dict[str, Counts] = {name: {} for name in self.collection.numbers}
        named |= self.values
        fewest_first = sorted(named, key=lambda name: sum(named[name].values()))
        return {folded(name): name for name in fewest_first if name not in FIELDS}

    @property
    def _most_frequent(self) -> list[str]:
        """The attributes, those of most products first."""
        return list(self._names.values())[::-1]

    def _resolved(self, where: Where) -> list[Where]:
        name = self.name_of(where.name)
        where = replace(where, name=name)
        if name in DATE_FIELDS:
            return [as_dates(where)]
        if name in self.numbers:
            return self._as_numbers(where)
        if name in self.quantities:
            return [self._as_quantities(where)]
        if where.ranges:
            raise self._not_a_number(name)
        return [replace(where, values=self._spelled(name, where.values))]

    def _spelled(self, name: str, written: Sequence[str]) -> tuple[str, ...]:
        """Values as the products have them."""
        from catalog.values.flags import flag  # 0.04 s, which a search without conditions saves

        known = self.values.get(name, {})
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
            if not same and self._has_all(name):
                if ".." in value:
                    raise self._not_a_number(name)
                raise self._no_such_value(name, value, known)
            found += [wanted] if wanted in known else same or [wanted]
        return tuple(dict.fromkeys(found))

    def _has_all(self, name: str) -> bool:
        if name in FIELDS:
            return len(self.values.get(name, ())) < MAX_RESULTS and name in self.values
        return self.whole

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
        name, known = where.name, self.values[where.name]
        quantities = self.quantities[name]
        between = [v for v in where.values if v not in known and BETWEEN.fullmatch(v)]
        ranges, _ = self._ranges(name, (*where.ranges, *map(read_range, between)))
        if ranges and not self.whole:
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
        quantities = self.quantities.get(name)
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
        if not bounded or "currency" in named or len(self.currencies) < 2:
            return []
        return [Where("currency", tuple(self.currencies[1:]), negated=True)]

    def _check_age(self, name: str) -> None:
        if self.collection.payload < ATTRIBUTES and name not in OLD_FIELDS:
            raise QueryError(
                f"The collection of {self.collection.variant} is of an earlier version and cannot "
                f"be filtered by “{name}”: "
                f"`vitrine ingest vectors --variant {self.collection.variant}` renews it."
            )

    def _no_such_name(self, written: str) -> QueryError:
        self._check_age(written)
        for name in self.others():
            if folded(name) == folded(written):
                chosen = ",".join([*self._most_frequent, name])
                if len(chosen) > LONGEST_LIST:
                    chosen = f"{name},…"  # and all the others
                return QueryError(
                    f"“{name}” is an attribute of the catalogue and not among the filters. "
                    f'`vitrine ingest products FILE --filters "{chosen}"` names them anew, and '
                    f"`vitrine ingest vectors --variant {self.collection.variant}` renews the "
                    "collection."
                )
        names = {**self._names, **{folded(name): name for name in FIELDS}}
        near = _nearest(written, names) or self._most_frequent[:NEAREST]
        return QueryError(
            f"No attribute to filter by is called “{written[:80]}”. {_offer(near, 'Attributes')}"
        )

    def _no_such_value(self, name: str, value: str, known: Counts) -> QueryError:
        near = _nearest(value, {folded(each): each for each in known}) or list(known)[:NEAREST]
        return QueryError(
            f"No product has the value “{value[:80]}” of “{name}”. {_offer(near, 'Values')}"
        )

    def _not_a_number(self, name: str) -> QueryError:
        values = ", ".join(f"“{value[:40]}”" for value in list(self.values.get(name, ()))[:3])
        return QueryError(
            f"“{name}” is text{f', as {values}' if values else ''}, and has no order: compare it "
            "with = or != and whole values."
        )


def needs_attributes(filters: Filters) -> bool:
    """Whether filters mean something other in one collection than in another."""
    bounds = (filters.price_min, filters.price_max, filters.in_stock)
    return bool(filters.where) or any(bound is not None for bound in bounds)


def group_facets(facets: Counts) -> dict[str, dict[str, int]]:
    """The counts of a payload's `facets`, by attribute and value."""
    grouped: dict[str, dict[str, int]] = defaultdict(dict)
    for facet, count in facets.items():
        name, _, value = facet.partition("\t")
        grouped[name][value] = count
    return dict(grouped)


def _nearest(written: str, names: Mapping[str, str]) -> list[str]:
    """Names or values that are written much like another, by their folded form."""
    found = process.extract(
        folded(written)[:80], list(names), limit=NEAREST, score_cutoff=LEAST_LIKENESS
    )
    return list(dict.fromkeys(names[match] for match, _, _ in found))


def _offer(near: Sequence[str], what: str) -> str:
    if not near:
        return "This collection has none."
    return f"{what} there are: {', '.join(each[:60] for each in near)}."
