"""Matching of columns to product fields: by convention, by name, by what the columns hold."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from catalog import values
from catalog.cells import Row
from catalog.column_names import (
    THINGS,
    fits,
    is_administrative,
    key,
    words_of,
)
from catalog.column_samples import says_kinds, suits
from catalog.conventions import Convention, recognise
from catalog.usual_names import (
    LEVELS,
    LISTS,
    NESTED,
    NUMBERED_STEPS,
    PAIRS,
    PATH_STEPS,
    USUAL_NAMES,
)
from catalog.values.departments import has_slash_paths

STEPS = "+"  # between the columns of one category path

MIN_SHARE = 0.9  # of the first rows: an id column has values in so many, and so many different ones
# A field's columns that no product is read from become attributes only for these: another number
# of an article is worth keeping, another description or size of its picture is not.
KEPT = frozenset({"id", "sku", "gtin", "brand", "category", "parent", "link", "released",
                  "attributes"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns of rows with one header each field is read from.

    Attributes:
        fields: Field → its columns, best first; "a+b" are the steps of one path.
        pairs: Columns with the name and the value of an attribute.
        others: Columns that may be attributes.
    """

    fields: Mapping[str, tuple[str, ...]]
    pairs: tuple[tuple[str, str], ...]
    others: tuple[str, ...]


class Matching:
    """Finds the columns of each field.

    Attributes:
        convention: The convention of the file, or None.
        language: Of language-tagged texts and columns.
    """

    def __init__(
        self, chosen: Mapping[str, Sequence[str]], language: str, records: Sequence[Row]
    ) -> None:
        """Look at the first records of a file.

        Args:
            chosen: Field → columns that the user names for it.
            language: As the user wants it; empty for the commonest.
            records: The first ones.
        """
        known = dict.fromkeys(column for record in records for column in record)
        self.convention: Convention | None = recognise(records)
        self.language = language or _commonest_language(records)
        self._chosen = chosen
        self._samples = {
            column: [value for record in records if _present(value := record.get(column))]
            for column in known
        }
        self._count = len(records)
        self._slashes: dict[str, bool | None] = {}
        self._unfit = {
            (field, column)
            for field, columns in self._by_name(tuple(known)).items()
            for column in columns
            if (samples := self._samples.get(column))
            and not suits(field, samples)
            and (field != "title" or len(columns) > 1)  # a title may be a number
        }

    def has_slash_paths(self, column: str) -> bool | None:
        """Whether slashes separate steps in a column of categories; None where it is not known."""
        if column not in self._slashes:
            samples = self._samples.get(column, ())
            texts = [cell for cell in samples if isinstance(cell, str) and "/" in cell]
            self._slashes[column] = has_slash_paths(samples) if len(texts) > 1 else None
        return self._slashes[column]

    def is_blank(self, column: str) -> bool:
        """Whether a column has no value in the first rows."""
        return not self._samples.get(column)

    def plan(self, header: tuple[str, ...]) -> Plan:
        """The plan for rows with these columns."""
        named = self._by_name(header)
        named = {
            field: [each for each in columns if (field, each) not in self._unfit]
            for field, columns in named.items()
        }
        named["id"] = self._best_ids(named["id"])
        facts = named["attributes"]  # "details" may be facts, or a text
        named["description"] = [each for each in named["description"] if each not in facts]
        sale, price, full = (named.pop(name) for name in ("sale_price", "price", "list_price"))
        found = named | {
            "price": [*sale, *price, *full],
            "list_price": [*full, *price],
            "category": [*_path_columns(header), *named["category"]],
        }
        by_key = {key(column): column for column in reversed(header)}
        if self.convention:
            for field, written in self.convention.fields.items():
                found[field] = _listed(written, by_key)
        for field, columns in self._chosen.items():
            found[field] = [each for each in columns if each in header or "{" not in each]
            if field == "images":
                found["thumbnails"] = []
        fields = {field: tuple(dict.fromkeys(columns)) for field, columns in found.items()}
        pairs = _pairs(self.convention, by_key)
        return Plan(fields, pairs, self._others(header, fields, named, pairs))

    def _by_name(self, header: Sequence[str]) -> dict[str, list[str]]:
        ranked: dict[str, list[tuple[int, int, int, str]]] = {field: [] for field in USUAL_NAMES}
        for position, column in enumerate(header):
            for name, penalty, numbered in fits(column, self.language):
                for field, rank in _FIELDS_OF.get(name, ()):
                    if not numbered or field in LISTS:
                        ranked[field].append((rank, penalty, position, column))
            for field, names in NESTED.get(key(column), {}).items():
                ranked[field] += [(0, 9, position, f"{column}.{name}") for name in names]
        return {
            field: list(dict.fromkeys(column for *_, column in sorted(candidates)))
            for field, candidates in ranked.items()
        }

    def _best_ids(self, columns: list[str]) -> list[str]:
        """The columns for ids, those first that tell the first rows apart."""

        def identifies(column: str) -> bool:
            found = [values.identifier(value) for value in self._samples.get(column, ())]
            enough = self._count * MIN_SHARE
            return len(found) >= enough and len(set(found)) >= len(found) * MIN_SHARE

        return sorted(columns, key=lambda column: not identifies(column))

    def _others(
        self,
        header: tuple[str, ...],
        fields: Mapping[str, Sequence[str]],
        named: Mapping[str, Sequence[str]],
        pairs: Sequence[tuple[str, str]],
    ) -> tuple[str, ...]:
        taken = {column for pair in pairs for column in pair}
        for field, columns in fields.items():
            if field not in KEPT:
                taken.update(columns)
                taken |= {part.split(".")[0] for column in columns for part in column.split(STEPS)}
        for field, columns in named.items():
            if field not in KEPT:
                taken |= set(columns)
        unused = self.convention.unused if self.convention else ()
        structural = self.convention.structural if self.convention else ()
        return tuple(
            column
            for column in header
            if column not in taken
            and key(column) not in structural
            and not is_administrative(column)
            and not says_kinds(self._samples.get(column, []))
            and not any(_begins(key(column), begun) for begun in unused)
        )


_FIELDS_OF: dict[str, list[tuple[str, int]]] = {}
for _field, _names in USUAL_NAMES.items():
    for _rank, _name in enumerate(_names):
        _FIELDS_OF.setdefault(key(_name), []).append((_field, _rank))


def _begins(name: str, begun: str) -> bool:
    """Short beginnings are whole names: "id" is not "identifier"."""
    return name == begun or (len(begun) > 3 and name.startswith(begun))


def _listed(written: str, by_key: Mapping[str, str]) -> list[str]:
    """The columns of a convention's field that a header has."""
    found = []
    for choice in written.split():
        for name in choice.split("|"):
            first, dot, inner = name.partition(".")
            steps = [by_key[step] for step in first.split(STEPS) if step in by_key]
            if steps:
                found.append(STEPS.join(steps) + dot + inner)
    return found


def _pairs(convention: Convention | None, by_key: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    found = []
    for name, value in dict.fromkeys((*(convention.pairs if convention else ()), *PAIRS)):
        number = 1
        while (first := by_key.get(name.replace("#", str(number)))) and (
            second := by_key.get(value.replace("#", str(number)))
        ):
            found.append((first, second))
            number += 1
    return tuple(found)


def _path_columns(header: Sequence[str]) -> list[str]:
    """The columns that hold the steps of one path, where there are several."""
    numbered = {step: column for column in reversed(header) if (step := _step(column)) is not None}
    steps = [numbered[step] for step in sorted(numbered)]
    if len(steps) < 2:
        steps = []
        for names in PATH_STEPS:
            for name in names:
                steps += [column for column in header if name in _whole_names(column)][:1]
    steps = list(dict.fromkeys(steps))
    return [STEPS.join(steps)] if len(steps) > 1 else []


def _whole_names(column: str) -> set[str]:
    """The names that a column may be meant by with its number."""
    return {name for name, _, numbered in fits(column) if not numbered}


def _step(column: str) -> int | None:
    """Which step of a category path a column holds, by the number in its name."""
    words = [word for word in words_of(column) if word not in LEVELS and word not in THINGS]
    numbers = [int(word) for word in words if word.isdecimal()]
    if len(numbers) != 1 or "".join(w for w in words if not w.isdecimal()) not in NUMBERED_STEPS:
        return None
    return numbers[0]


def _present(value: object) -> bool:
    return value is not None and value != "" and value != [] and value != {}


def _commonest_language(records: Iterable[Row]) -> str:
    counts: dict[str, int] = {}
    for record in records:
        for value in record.values():
            if isinstance(value, dict | list):
                for tag in values.languages(value):
                    counts[tag] = counts.get(tag, 0) + 1
    return max(counts, key=lambda tag: counts[tag], default="")
