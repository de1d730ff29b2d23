"""Attributes: named facts of a product, typed."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from catalog.product import Attribute
from catalog.values.languages import languages
from catalog.values.literals import parse_literal
from catalog.values.running_text import TEXT_KEYS, UNIT_KEYS, text, texts

# A plain number; with a decimal comma, one or two digits follow it ("1,250" may be a thousand).
# What has a leading zero is a code, and so is what is as long as a trade item number (GTIN-8).
NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,6})(?:\.\d{1,15}|,\d{1,2})?")
MAX_DIGITS = 10  # of an integral number that JSON holds as one; a longer one is a code
YES_OR_NO = {
    "yes": True, "true": True, "ja": True, "oui": True, "sí": True, "sì": True, "✓": True,
    "no": False, "false": False, "nein": False, "non": False, "✗": False, "✘": False, "✔": True,
}  # fmt: skip
# Words of names, and last words of names, whose values are codes although they may look like
# numbers: "UPC", "Model number", but not "Number of pieces".
CODE_WORDS = frozenset({"asin", "barcode", "ean", "gtin", "isbn", "mpn", "sku", "upc", "version"})
LAST_CODE_WORDS = frozenset({"code", "id", "model", "no", "no.", "nr", "nr.", "number", "nummer"})

# The parts of a name–value object.
NAME_KEYS = ("name", "key", "label", "attribute", "attribute_code", "attribute_name", "code",
             "property", "title", "k", "@name", "attribute-id", "PARAM_NAME")  # fmt: skip
CERTAIN_NAMES = frozenset({"attribute-id", "attribute_code", "attribute_name", "PARAM_NAME"})
# Objects of one fact whose parts have names that mean something else elsewhere: name and value; a
# dot leads into an object.
PAIRS = (
    ("attribute_name", "attribute_value"),  # Google Merchant Center
    ("option_display_name", "label"),  # BigCommerce
    ("option.title", "value"),  # Medusa
    ("group.name", "name"),  # Vendure
    ("facet.name", "name"),
)
# What a list of facts calls each of them; where it has one only, XML makes an object of the list.
ITEM_NAMES = frozenset({"a", "attr", "attribute", "feature", "item", "option", "param", "parameter",
                        "property", "spec"})  # fmt: skip
MAX_PAIR = 3  # parts of an object that is one fact: its name, its value, its unit
VALUE_KEYS = ("value", "values", "options", "option", "val", "v", "text", "content", "data",
              "#text", "@value", "value_name", "VAL", "terms")  # fmt: skip

# Names that machines write have prefixes, snake_case, CamelCase or CAPITALS.
PREFIX = re.compile(
    r"^(?:g:|pa_|variants?\.|attributes?[_:.]|custom_|meta:\s*_?|spec(?:ification)?s?[_.])+",
    re.IGNORECASE,
)
BETWEEN_WORDS = re.compile(r"_+|(?<=[^\W\d])\.(?=[^\W\d])")
CAMEL = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][^\W\d_A-Z])")
ACRONYMS = frozenset({"ASIN", "CPU", "EAN", "GPU", "GTIN", "HDMI", "ID", "ISBN", "LED", "MPN",
                      "RAM", "SKU", "SSD", "UPC", "URL", "USB"})  # fmt: skip
CACHED_NAMES = 4_096  # the rows of a feed share their names
LONGEST_NAME = 100  # characters of a name that a machine wrote
LONGEST_ACRONYM = 4  # letters: a name in capitals alone may be an acronym that is not listed

# "name=value" or "name: value", several with , ; | or a line break before the next name. A name has
# a few words; the sign is not within a number ("16:9").
NAME = r"[^\W\d_][^=:;|,\n\"]{0,39}"
PAIR = re.compile(rf"\s*({NAME}?)\s*(?:=|(?<!\d):(?!//)|:(?![\d/]))\s*(.*)", re.DOTALL)
BETWEEN_PAIRS = re.compile(rf" ?[,;|\n] ?(?={NAME}[=:])")
MAX_NAME = 5  # words


def attribute(value: object, language: str = "") -> Attribute | None:
    """A fact as text, number or yes/no; None where the cell has none.

    Codes with a leading zero, trade item numbers, versions ("1.2.3") and numbers with a unit stay
    text. Of a list, the items with commas between them.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _typed(text(value, language))
    written = ", ".join(texts(value, language))
    if isinstance(value, int | float) and len(written.partition(".")[0]) <= MAX_DIGITS:
        return float(value) if written else None
    return _typed(written)


def _typed(written: str) -> Attribute | None:
    if NUMBER.fullmatch(written):
        return float(written.replace(",", "."))
    return YES_OR_NO.get(written.casefold(), written or None)


def attributes(value: object, language: str = "") -> dict[str, Attribute]:
    """Named facts: an object, a list of pairs or of name–value objects, or pairs in a text.

    Objects within objects give a fact each: {"size": {"width": 3}} has "size width". Names are as
    people read them (`attribute_name`); of two facts with one name, the later has its own,
    or a number after it.
    """
    found: dict[str, Attribute] = {}
    copies: Counter[str] = Counter()
    for name, fact in _facts(value, language):
        label = attribute_name(name)
        typed = attribute(fact, language)
        if isinstance(typed, float) and _is_code(label):
            typed = text(fact, language)
        if not label or typed is None:
            continue
        if found.get(label, typed) != typed:
            copies[label] += 1
            label = name if name not in found else f"{label} {copies[label] + 1}"
        found[label] = typed
    return found


def _is_code(name: str) -> bool:
    words = name.casefold().split()
    return not CODE_WORDS.isdisjoint(words) or not LAST_CODE_WORDS.isdisjoint(words[-1:])


def attribute_name(written: str) -> str:
    """The name of an attribute as people read it: "battery_life" is "Battery life".

    A name that no machine wrote is kept as it is.
    """
    return _name(written) if len(written) <= LONGEST_NAME else written


@lru_cache(CACHED_NAMES)
def _name(written: str) -> str:
    bare = PREFIX.sub("", written)
    words = [word for word in BETWEEN_WORDS.split(bare) if word]
    if " " in written or not words:
        return written
    if (
        bare.isupper()
        and bare.replace("_", "").isalpha()
        and (len(words) > 1 or len(bare) > LONGEST_ACRONYM)
    ):
        words = [word if word in ACRONYMS else word.lower() for word in words]
    elif len(words) == 1:
        parts = CAMEL.split(bare)
        if len(parts) > 1 and len(parts[0]) > 1:  # not "iPhone"
            words = [part if part.isupper() else part.lower() for part in parts]
    joined = " ".join(words)
    return written if joined == written else joined[:1].upper() + joined[1:]


def _facts(value: object, language: str) -> Iterator[tuple[str, object]]:
    value = parse_literal(value)
    match value:
        case Mapping() if len(value) <= MAX_PAIR and _is_pair(value):
            yield from _item(value, language)
        case Mapping():
            for name, fact in value.items():
                if len(value) == 1 and name in ITEM_NAMES and _is_pair(fact):
                    yield from _item(fact, language)
                else:
                    yield from _named(text(name, language), fact, language)
        case list() | tuple():
            for item in value:
                yield from _item(item, language)
        case str():
            lines = (" ".join(line.split()) for line in value.splitlines())
            parts = BETWEEN_PAIRS.split("\n".join(filter(None, lines)))
            pairs = [pair for part in parts if (pair := PAIR.fullmatch(part))]
            if len(pairs) == len(parts) and all(len(pair[1].split()) <= MAX_NAME for pair in pairs):
                yield from ((text(pair[1]), pair[2]) for pair in pairs)


def _named(name: str, fact: object, language: str) -> Iterator[tuple[str, object]]:
    """One fact, or those within it with its name before theirs."""
    fact = parse_literal(fact)
    if isinstance(fact, Mapping) and not CERTAIN_NAMES.isdisjoint(fact):  # the only one of a list
        yield from _item(fact, language)
    elif isinstance(fact, Mapping) and not _is_one_fact(fact):
        for inner, part in fact.items():
            yield from _named(f"{name} {text(inner)}", part, language)
    elif isinstance(fact, list | tuple) and fact and all(map(_is_pair, fact)):
        for item in fact:
            yield from _item(item, language)
    else:
        yield name, fact


def _item(item: object, language: str) -> Iterator[tuple[str, object]]:
    """The facts of an item of a list."""
    pair = name_and_value(item)
    if isinstance(item, Mapping) and pair:
        name, value = pair
        unit = {key: item[key] for key in UNIT_KEYS if item.get(key)}
        yield text(name, language), {"value": value, **unit} if unit else value
    elif isinstance(item, Mapping):
        yield from _facts(item, language)
    elif isinstance(item, list | tuple) and len(item) == 2:
        yield text(item[0], language), item[1]


def _is_one_fact(item: Mapping[Any, object]) -> bool:
    return bool(languages(item)) or any(item.get(key) is not None for key in TEXT_KEYS)


def _is_pair(item: object) -> bool:
    return name_and_value(item) is not None


def name_and_value(item: object) -> tuple[object, object] | None:
    """The name and the value of an object that is one fact; None where it is none."""
    if not isinstance(item, Mapping):
        return None
    for name, value in PAIRS:
        if value in item and (named := _part(item, name)):
            return named, item[value]
    if all(any(key in item for key in keys) for keys in (NAME_KEYS, VALUE_KEYS)):
        return _first(item, NAME_KEYS), _first(item, VALUE_KEYS)
    return None


def _part(item: Mapping[Any, object], path: str) -> object:
    first, dot, inner = path.partition(".")
    part = item.get(first)
    if not dot:
        return part
    return _part(part, inner) if isinstance(part, Mapping) else None


def _first(item: Mapping[Any, object], keys: Iterable[str]) -> object:
    return next((item[key] for key in keys if item.get(key) is not None), None)
