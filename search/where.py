"""Conditions as people write them: `colour=Red,Blue`, `weight<2`, `released>=2024`.

    NAME=VALUE[,VALUE …]   one of these values; of a number or date also LOW..HIGH
    NAME!=VALUE[,VALUE …]  none of these
    NAME<BOUND             also <=, > and >=; ≠, ≤ and ≥ are read, too

All that follows the first operator is the value, so it may hold further operators. A value with a
comma stands in double quotes, in which a double quote is written twice, as in CSV; so does a name
with an operator. Several conditions with = on one name are one: any of their values.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable

from qdrant.model import Range, Where
from search.query import QueryError

OPERATORS = {"=": "", "!=": "", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
SAME = str.maketrans({"≤": "<=", "≥": ">=", "≠": "!="})
# A name, quoted or not, and the first operator after it.
WRITTEN = re.compile(r'\s*("(?:[^"]|"")*"|[^"=<>!≤≥≠][^=<>!≤≥≠]*?)\s*(!=|<=|>=|[=<>≤≥≠])(.*)', re.S)
QUOTED = re.compile(r'[",]|^\s|\s$')  # in a value; a name is quoted for its operators, too
LONGEST = 4_000  # characters of a condition


def parse_where(written: Iterable[str]) -> tuple[Where, ...]:
    """Conditions, as they were written, with names and values that nothing was compared with yet.

    A bound stays text: what it means depends on the attribute.

    Raises:
        QueryError: one of them is not a condition.
    """
    found: dict[tuple[str, str], Where] = {}
    for text in written:
        name, operator, value = _split(text)
        if bound := OPERATORS[operator]:
            if not value:
                raise QueryError(f"“{_shown(text)}” has no bound: write it as in weight<2.")
            where = Where(name, ranges=(Range(**{bound: value}),))
            found[f"{operator}{value}", folded(name)] = where
            continue
        values = _values(text, value)
        before = found.get((operator, folded(name)))
        if before:
            name, values = before.name, (*before.values, *values)
        values = tuple(dict.fromkeys(values))
        found[operator, folded(name)] = Where(name, values, negated=operator == "!=")
    return tuple(found.values())


def write_where(name: str, values: Iterable[str], operator: str = "=") -> str:
    """A condition as `parse_where` reads it."""
    quoted = QUOTED.search(name) or any(sign in name for sign in "=<>!≤≥≠")
    return f"{_quote(name) if quoted else name}{operator}" + ",".join(
        _quote(value) if QUOTED.search(value) else value for value in values
    )


def folded(text: str) -> str:
    """A name or value as it is compared: without case, accents and kinds of blanks."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(plain.replace("_", " ").split())


def _split(text: str) -> tuple[str, str, str]:
    """Name, operator and the rest."""
    if len(text) > LONGEST:
        raise QueryError(f"A condition has at most {LONGEST:,} characters, not {len(text):,}.")
    match = WRITTEN.fullmatch(text)
    if match is None:
        raise QueryError(
            f"“{_shown(text)}” is not a condition: write it as in colour=Red, colour=Red,Blue, "
            "colour!=Red, weight<2 or weight=1..2."
        )
    name, operator, value = match.groups()
    if name.startswith('"'):
        name = name[1:-1].replace('""', '"')
    if not name.strip():
        raise QueryError(f"“{_shown(text)}” has no name before its operator.")
    return name.strip(), operator.translate(SAME), value.strip()


def _values(text: str, written: str) -> tuple[str, ...]:
    lines = list(csv.reader([written.replace("\n", " ")], skipinitialspace=True))
    values = tuple(value.strip() for line in lines for value in line if value.strip())
    if not values:
        raise QueryError(f"“{_shown(text)}” has no value: write it as in colour=Red.")
    return values


def _quote(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"
