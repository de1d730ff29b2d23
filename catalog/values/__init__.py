"""Conversion of a cell of a feed, of any type, to the plain values of a `Product`.

text, texts               running text; bullet points
identifier                an id or an address, as written
number, count, money      numbers; prices with their currency
flag, date                yes or no; an ISO 8601 date
category_paths            category paths, the department first; has_slash_paths, of a column
addresses                 pictures, best first
attribute, attributes     typed facts; attribute_name, a column's as people read it;
                          name_and_value, of an object that is one fact
languages                 the language tags of a cell
parse_literal             a list or an object that is written as text

Every function accepts any value that JSON, CSV or Parquet can hold. A value without a clear meaning
becomes the empty one (an empty text, None, an empty tuple), never a guess. The one exception is
RecursionError, for lists nested hundreds deep.
"""

from catalog.values.attribute_facts import (
    attribute,
    attribute_name,
    attributes,
    name_and_value,
)
from catalog.values.currencies import Money
from catalog.values.dates import date
from catalog.values.departments import category_paths, has_slash_paths
from catalog.values.flags import flag
from catalog.values.identifiers import identifier
from catalog.values.languages import languages
from catalog.values.literals import parse_literal
from catalog.values.numerals import count, number
from catalog.values.picture_addresses import addresses
from catalog.values.prices import money
from catalog.values.running_text import text, texts

__all__ = [
    "Money",
    "addresses",
    "attribute",
    "attribute_name",
    "attributes",
    "category_paths",
    "count",
    "date",
    "flag",
    "has_slash_paths",
    "identifier",
    "languages",
    "money",
    "name_and_value",
    "number",
    "parse_literal",
    "text",
    "texts",
]
