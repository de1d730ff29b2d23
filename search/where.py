"""Conditions as people write them: `colour=Red,Blue`, `weight<2`, `released>=2024`.

    NAME=VALUE[,VALUE …]   one of these values; of a number or date also LOW..HIGH
    NAME!=VALUE[,VALUE …]  none of these
    NAME<BOUND             also <=, > and >=; ≠, ≤ and ≥ are read, too

All that follows the first operator is the value, so it may hold further operators. A value with a
comma stands in double quotes, in which a double quote is written twice, as in CSV; so does a name
with an operator. Several conditions with = on one name are one: any of their values.

Programs write them by name instead, so that nothing is quoted: `{"colour": ["Red", "Blue"]}`,
`{"colour": {"not": "Red"}}`, `{"weight": {"lt": 2}}`, `{"released": {"gte": "2024"}}`.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from qdrant.model import Range, Where
from search.query import QueryError

OPERATORS = {"=": "", "!=": "", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"}
BOUNDS = ("gt", "gte", "lt", "lte")  # as a program names them
SAME = str.maketrans({"≤": "<=", "≥": ">=", "≠": "!="})
# A name, quoted or not, and the first operator after it.
WRITTEN = re.compile(r'\s*("(?:[^"]|"")*"|[^"=<>!≤≥≠][^=<>!≤≥≠]*?)\s*(!=|<=|>=|[=<>≤≥≠])(.*)', re.S)
QUOTED = re.compile(r'[",]|^\s|\s$')  # in a value; a name is quoted for its operators, too
LONGEST = 4_000  # characters of a condition

Value = str | float | bool
# `not` is a word of Python's own, so that a class cannot have it as a field.
Condition = TypedDict(
    "Condition",
    {
        "gt": float | str,
        "gte": float | str,
        "lt": float | str,
        "lte": float | str,
        "not": Value | Sequence[Value],
    },
    total=False,
)
"""Bounds that hold together, and values that a product has none of."""
Conditions = str | Iterable[str] | Mapping[str, Value | Sequence[Value] | Condition]
"""Conditions as people write them, or by name of the attribute or field."""


def read_where(conditions: Conditions) -> tuple[Where, ...]:
    """Conditions in either form, with names and values that nothing was compared with yet.

    Raises:
        QueryError: one of them is not a condition.
    """
    if isinstance(conditions, str):
        return parse_where([conditions])
    if not isinstance(conditions, Mapping):
        return parse_where(conditions)
    return tuple(
        where for name, condition in conditions.items() for where in _named(name, condition)
    )


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


def _named(name: str, condition: Any) -> list[Where]:  # noqa: ANN401 - a program may pass anything
    """The conditions on one attribute or field."""
    if not name.strip():
        raise QueryError('A condition has no name: write it as in {"colour": "Red"}.')
    if not isinstance(condition, Mapping):
        return [Where(name.strip(), _texts(name, condition))]
    bounds = {key: bound for key, bound in condition.items() if key != "not"}
    if unknown := sorted(bounds.keys() - set(BOUNDS)):
        raise QueryError(
            f"The condition on “{_shown(name)}” has “{_shown(str(unknown[0]))}”; it can have "
            f"{', '.join(BOUNDS)} and not."
        )
    found = [Where(name.strip(), ranges=(Range(**bounds),))] if bounds else []
    if "not" in condition:
        found.append(Where(name.strip(), _texts(name, condition["not"]), negated=True))
    if not found or None in bounds.values():
        raise QueryError(f"The condition on “{_shown(name)}” has no bound and no value.")
    return found


def _texts(name: str, values: Value | Sequence[Value]) -> tuple[str, ...]:
    """Values as conditions have them: numbers and answers in words."""
    several = [values] if isinstance(values, str | float | int) else values
    try:
        texts = tuple(dict.fromkeys(filter(None, map(_text, several))))
    except (TypeError, OverflowError):  # a list in a list; a whole number beyond all floats
        raise QueryError(
            f"The values of “{_shown(name)}” are texts, numbers or true and false: write them as "
            'in {"colour": ["Red", "Blue"]}.'
        ) from None
    if not texts:
        raise QueryError(f'“{_shown(name)}” has no value: write it as in {{"colour": "Red"}}.')
    if (length := sum(map(len, texts))) > LONGEST:
        raise QueryError(f"A condition has at most {LONGEST:,} characters, not {length:,}.")
    return texts


def _text(value: Value) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value.strip()
    return f"{value:.15g}"


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
