"""The attributes that a collection's products have, with their values."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from rapidfuzz import process

from qdrant.filters import FIELDS, NUMBER_FIELDS, TEXT_FIELDS
from qdrant.layout import MAX_RESULTS
from qdrant.model import ATTRIBUTES, Collection
from qdrant.store import Store
from search.quantities import Quantities, number_in
from search.query import QueryError
from search.where import folded

LONGEST_LIST = 200  # characters of the names in a command
NEAREST = 5  # names or values in an error
LEAST_LIKENESS = 60  # of a name or value that is offered for another, 0 to 100
OLD_FIELDS = ("brand", "category", "price", "rating")  # with an index in every collection
# What fields are called, too.
OTHER_NAMES = {"in stock": "stock", "categories": "category", "release date": "released"}

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
        self.check_age(name)
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

    def has_all(self, name: str) -> bool:
        """Whether all values of an attribute or field are known."""
        if name in FIELDS:
            return len(self.values.get(name, ())) < MAX_RESULTS and name in self.values
        return self.whole

    def check_age(self, name: str) -> None:
        """Check that the collection is not too old to be filtered by a name.

        Raises:
            QueryError: it is.
        """
        if self.collection.payload < ATTRIBUTES and name not in OLD_FIELDS:
            raise QueryError(
                f"The collection of {self.collection.variant} is of an earlier version and cannot "
                f"be filtered by “{name}”: "
                f"`vitrine ingest vectors --variant {self.collection.variant}` renews it."
            )

    def _no_such_name(self, written: str) -> QueryError:
        self.check_age(written)
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

    def no_such_value(self, name: str, value: str, known: Counts) -> QueryError:
        """The error of a value that no product has, with the nearest ones."""
        near = _nearest(value, {folded(each): each for each in known}) or list(known)[:NEAREST]
        return QueryError(
            f"No product has the value “{value[:80]}” of “{name}”. {_offer(near, 'Values')}"
        )

    def not_a_number(self, name: str) -> QueryError:
        """The error of a bound on an attribute that is text."""
        values = ", ".join(f"“{value[:40]}”" for value in list(self.values.get(name, ()))[:3])
        return QueryError(
            f"“{name}” is text{f', as {values}' if values else ''}, and has no order: compare it "
            "with = or != and whole values."
        )


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
