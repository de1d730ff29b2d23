"""Counts of the products at hand, by category, brand, stock, price and attribute.

Each facet leaves its own filter out, so that it shows what another choice would give. Counts are
exact in both engines.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from qdrant.filters import FIELDS, STEP
from qdrant.layout import MAX_RESULTS
from qdrant.model import ATTRIBUTES, PATHS, Filters, Where
from search.attributes import Attributes, group_facets
from search.buckets import Bucket, bucket_numbers, bucket_prices

Counts = dict[str, int]  # products by value
# The most frequent values of a payload's field, under filters.
Count = Callable[[str, Filters, int], Counts]

MAX_ATTRIBUTES = 12
# A list of more values than this is not looked through, so it counts for less.
READABLE = 30
# Numbers of more different values than this are shown in buckets.
MAX_NUMBERS = 12


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A step of the category tree.

    Attributes:
        name: of the step.
        path: what to filter by: the department, or a path as "Kitchen > Kettles".
        count: products of it.
        children: the steps below it, where it is chosen.
    """

    name: str
    path: str
    count: int
    children: tuple["CategoryCount", ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeCount:
    """The values of one attribute.

    Attributes:
        name: of the attribute.
        products: how many have it.
        different: number of different values.
        values: products by value, the most frequent first, as many as were requested; of a
            number with many values, none.
        low, high: the least and the greatest of numbers.
        unit: of low, high and the buckets; empty where the numbers have none.
        buckets: of a number with many values.
    """

    name: str
    products: int
    different: int
    values: Counts
    low: float | None = None
    high: float | None = None
    buckets: tuple[Bucket, ...] = ()
    unit: str = ""

    @property
    def label(self) -> str:
        """The name, with the unit where the values do not show it."""
        return f"{self.name} ({self.unit})" if self.unit and self.buckets else self.name


@dataclass(frozen=True, slots=True)
class Facets:
    """What the products at hand are.

    Attributes:
        products: how many pass all filters.
        categories: departments, the most frequent first; below a chosen one its next steps.
        brands: products by brand, the most frequent first.
        stock: products by `yes` and `no`; empty where nothing is known.
        currency: of the prices; empty where the shop has none.
        prices: products by price.
        attributes: the most useful first.
    """

    products: int
    categories: tuple[CategoryCount, ...]
    brands: Counts
    stock: Counts
    currency: str
    prices: tuple[Bucket, ...]
    attributes: tuple[AttributeCount, ...]


class FacetCounter:
    """Counts facets under filters.

    Args:
        attributes: of the collection.
        filters: resolved by them.
        count: counts the most frequent values of a payload's field under filters.
    """

    def __init__(self, attributes: Attributes, filters: Filters, count: Count) -> None:
        self._attributes = attributes
        self._filters = filters
        self._count = count

    def facets(self, products: int, limit: int) -> Facets:
        """All of them.

        Args:
            products: how many pass all filters.
            limit: values of each facet.
        """
        new = self._attributes.collection.payload >= ATTRIBUTES
        currencies = self._attributes.currencies
        return Facets(
            products,
            self._categories(limit),
            self._brands(limit),
            self._stock() if new else {},
            self._chosen_currency() or (currencies[0] if currencies else ""),
            self._prices() if new else (),
            self._attribute_counts(limit) if new else (),
        )

    def _categories(self, limit: int) -> tuple[CategoryCount, ...]:
        """Departments and, below the chosen ones, the next step."""
        rest = _without(replace(self._filters, categories=()), "category")
        departments = self._count("category", rest, limit)
        if self._attributes.collection.payload < PATHS:
            return tuple(CategoryCount(name, name, n) for name, n in departments.items())
        counted = self._count("categories", rest, MAX_RESULTS)
        chosen = {STEP.sub(" > ", name.strip()) for name in self._chosen_categories()}
        return tuple(_tree(name, counted, chosen, limit) for name in departments)

    def _brands(self, limit: int) -> Counts:
        """Products by brand."""
        rest = _without(replace(self._filters, brands=()), "brand")
        return self._count("brand", rest, limit)

    def _stock(self) -> Counts:
        """Products by `yes` and `no`."""
        rest = _without(replace(self._filters, in_stock=None), "stock")
        return self._count("stock", rest, MAX_RESULTS)

    def _prices(self) -> tuple[Bucket, ...]:
        """Products by price, in the currency of the filters or in the shop's commonest."""
        rest = _without(replace(self._filters, price_min=None, price_max=None), "price")
        others = self._attributes.currencies[1:]
        if others and not self._chosen_currency():
            currency = Where("currency", tuple(others), negated=True)
            rest = replace(rest, where=(*rest.where, currency))
        counted = self._count("price_step", rest, MAX_RESULTS)
        return bucket_prices({int(step): count for step, count in counted.items()})

    def _attribute_counts(self, limit: int) -> tuple[AttributeCount, ...]:
        """The attributes that are filtered by, then the most useful ones."""
        counted = group_facets(self._count("facets", self._filters, MAX_RESULTS))
        filtered = [each.name for each in self._filters.where if each.name not in FIELDS]
        for name in dict.fromkeys(filtered):  # its own filter left out
            rest = self._count("facets", _without(self._filters, name), MAX_RESULTS)
            counted[name] = group_facets(rest).get(name, {})
        numbers = self._attributes.numbers | self._attributes.quantities.keys()
        useful = sorted(
            (name for name, values in counted.items() if len(values) > 1),
            key=lambda name: (-_usefulness(counted[name], name in numbers), name),
        )
        chosen = list(dict.fromkeys([*filtered, *useful]))[: max(MAX_ATTRIBUTES, len(filtered))]
        return tuple(self._attribute_count(name, counted.get(name, {}), limit) for name in chosen)

    def _attribute_count(self, name: str, values: Counts, limit: int) -> AttributeCount:
        """The values of an attribute; equal numbers in different units are one value."""
        products = sum(values.values())
        labels: dict[float, str] = {}  # the most frequent spelling
        numbers: Counter[float] = Counter()
        texts: Counts = {}
        for value, count in values.items():
            number = self._attributes.number_of(name, value)
            if number is None:
                texts[value] = count
            else:
                labels.setdefault(number, value)
                numbers[number] += count
        if not numbers:
            return AttributeCount(name, products, len(values), dict(_first(values, limit)))
        ascending = {labels[number]: numbers[number] for number in sorted(numbers)}
        few = len(numbers) <= MAX_NUMBERS
        return AttributeCount(
            name,
            products,
            len(numbers) + len(texts),
            ascending | dict(_first(texts, limit)) if few else {},
            min(numbers),
            max(numbers),
            () if few else bucket_numbers(numbers),
            self._attributes.unit_of(name),
        )

    def _chosen_currency(self) -> str:
        """The currency that the filters name; empty where they name none or several."""
        named = [each for each in self._filters.where if each.name == "currency"]
        chosen = [value for each in named if not each.negated for value in each.values]
        return chosen[0] if len(chosen) == 1 else ""

    def _chosen_categories(self) -> list[str]:
        where = (each for each in self._filters.where if each.name == "category")
        return [*self._filters.categories, *(value for each in where for value in each.values)]


def _without(filters: Filters, name: str) -> Filters:
    """Filters without the conditions on one attribute or field."""
    return replace(filters, where=tuple(each for each in filters.where if each.name != name))


def _first(counts: Counts, limit: int) -> list[tuple[str, int]]:
    return list(counts.items())[:limit]


def _tree(path: str, counted: Mapping[str, int], chosen: set[str], limit: int) -> CategoryCount:
    """A category and, where it or one below it is chosen, the steps below."""
    name = path.rpartition(" > ")[2]
    count = counted.get(path, 0)
    opened = {path, name} & chosen or any(
        each.startswith(f"{path} > ") or _is_step_below(each, path, counted) for each in chosen
    )
    if not opened:
        return CategoryCount(name, path, count)
    below = [
        each
        for each in counted
        if each.startswith(f"{path} > ") and " > " not in each[len(path) + 3 :]
    ]
    children = tuple(_tree(each, counted, chosen, limit) for each in below[:limit])
    return CategoryCount(name, path, count, children)


def _is_step_below(step: str, path: str, counted: Mapping[str, int]) -> bool:
    return any(
        each.startswith(f"{path} > ") and step in each[len(path) + 3 :].split(" > ")
        for each in counted
    )


def _usefulness(values: Mapping[str, int], number: bool) -> float:
    """How well an attribute divides the products: the number of pairs that it tells apart.

    Of the products that have the attribute, the share of pairs with different values (Gini's
    index); less where the list of values is too long to be looked through.
    """
    products = sum(values.values())
    same = sum((count / products) ** 2 for count in values.values())
    readable = 1.0 if number else min(1.0, READABLE / len(values))
    return products * (1 - same) * readable
