"""Attributes from the columns of a row."""

from collections import Counter
from collections.abc import Iterable, Mapping

from catalog import values
from catalog.cells import Row, cell_of, remembering
from catalog.column_names import readable
from catalog.facts import Facts, further_facts, named_facts
from catalog.matching import Matching, Plan
from catalog.product import Attribute

MAX_COUNTED = 20_000  # names that are counted
DEFAULT_OPTION = "default title"  # how Shopify names the only variant of an article
KINDS: Mapping[type, str] = {str: "text", bool: "yes/no", float: "number", int: "number"}


class AttributeCells:
    """Reads attributes: named in pairs of columns, several in one column, or a column's own.

    Attributes:
        used: How many rows each column of several attributes was read in.
        spent: Columns that anything was read from.
    """

    def __init__(self, matching: Matching) -> None:
        self.used: Counter[str] = Counter()
        self.spent: set[str] = set()
        self._counted: Counter[tuple[str, type]] = Counter()
        self._language = matching.language
        self._notation = matching.convention.notation if matching.convention else ""
        self._fact = remembering(lambda cell: values.attribute(cell, self._language))

    def counts(self) -> Counter[str]:
        """How many rows have each attribute."""
        found: Counter[str] = Counter()
        for (name, _), rows in self._counted.items():
            found[name] += rows
        return found

    def kinds(self) -> dict[str, str]:
        """The type of each attribute: text, number or yes/no; text where it has several."""
        found: dict[str, str] = {}
        for name, kind in self._counted:
            known = found.setdefault(name, KINDS[kind])
            found[name] = known if known == KINDS[kind] else KINDS[str]
        return found

    def read(self, row: Row, plan: Plan, used: set[str]) -> Facts:
        """The attributes of a row.

        Args:
            row: The record.
            plan: Its columns.
            used: Those that fields were read from, and are no attributes; columns of several
                attributes are added.
        """
        found: Facts = {}
        for name_column, value_column in plan.pairs:
            name = values.text(row.get(name_column), self._language)
            fact = values.attribute(row.get(value_column), self._language)
            if name and fact is not None and str(fact).casefold() != DEFAULT_OPTION:
                found.setdefault(readable(name), fact)
                self.spent |= {name_column, value_column}
        for column in plan.fields["attributes"]:
            named = named_facts(cell_of(row, column), self._language, self._notation)
            if named:
                used.add(column)
                self.used[column] += 1
                found |= {
                    readable(name): fact
                    for name, fact in named.items()
                    if str(fact).casefold() != DEFAULT_OPTION
                }
        for column in plan.others:
            value = row[column]
            if column in used or value is None or value == "":
                continue
            if isinstance(value, str) and value[:1] in ("[", "{"):
                value = values.parse_literal(value)
            facts: Iterable[tuple[str, Attribute]]
            if isinstance(value, str | int | float):
                fact = self._fact(value)
                facts = () if fact is None else ((readable(column), fact),)
            else:
                facts = further_facts(readable(column), value, self._language)
            for name, fact in facts:
                if name not in found:
                    found[name] = fact
                    self.spent.add(column)
        self.count(found)
        return found

    def count(self, facts: Facts) -> None:
        """Count the attributes of a row."""
        pairs: Iterable[tuple[str, type]] = zip(facts, map(type, facts.values()), strict=True)
        if len(self._counted) >= MAX_COUNTED:
            pairs = (pair for pair in pairs if pair in self._counted)
        self._counted.update(pairs)
