"""Objects that hold the whole product, as `{"_index": …, "_source": {…}}` of a search engine."""

from collections.abc import Sequence

from catalog.column_names import fits
from catalog.formats import Record
from catalog.usual_names import USUAL_NAMES, WRAPPERS

# What JSON:API calls the object that holds the whole product, and others its attributes.
ATTRIBUTES = "attributes"
TITLES = frozenset(USUAL_NAMES["title"])
MIN_COLUMNS = 2
MAX_DEPTH = 4  # of wrappers within each other


def find_wrappers(records: Sequence[Record]) -> tuple[str, ...]:
    """The columns under which all records hold the whole product, from the outside in."""
    found: list[str] = []
    while len(found) < MAX_DEPTH and (wrapper := _wrapper(records)):
        found.append(wrapper)
        records = [_opened(record, wrapper) for record in records]
    return tuple(found)


def unwrap(record: Record | str, wrappers: Sequence[str]) -> Record | str:
    """A record with what is in its wrappers as its own columns."""
    if isinstance(record, dict):
        for wrapper in wrappers:
            record = _opened(record, wrapper)
    return record


def _wrapper(records: Sequence[Record]) -> str:
    for name in (*WRAPPERS, ATTRIBUTES):
        inner = [record[name] for record in records if isinstance(record.get(name), dict)]
        if not inner or len(inner) < len(records) or any(len(each) < MIN_COLUMNS for each in inner):
            continue
        if name != ATTRIBUTES or (_has_title(inner[0]) and not _has_title(records[0])):
            return name
    return ""


def _has_title(record: Record) -> bool:
    return any(fit in TITLES for column in record for fit, *_ in fits(column))


def _opened(record: Record, wrapper: str) -> Record:
    inner = record.get(wrapper)
    if not isinstance(inner, dict):
        return record
    return {**{name: cell for name, cell in record.items() if name != wrapper}, **inner}
