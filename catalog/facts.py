"""Named attributes in the notations of single exports, which `catalog.values` does not read."""

import re
from collections.abc import Iterable, Mapping

from catalog import values
from catalog.product import Attribute

Facts = dict[str, Attribute]

VALUED = frozenset({"value", "name", "label", "@value"})  # objects that stand for one value


def named_facts(value: object, language: str, notation: str = "") -> Facts:
    """The attributes of a cell: as `values.attributes`, and in three notations more.

    They are Ruby's hashes (`"key"=>"value"`, Flipkart), options of variants
    (`Type=Swatch|Name=Colour|Value=Red`, BigCommerce) and that of a convention.

    Args:
        value: any cell.
        language: of language-tagged texts.
        notation: `Convention.notation`.
    """
    if isinstance(value, str):
        if value.lstrip().startswith("{"):
            value = values.parse_literal(value.replace('"=>', '":'))
        elif "Name=" in value and (options := _options(value)):
            return options
        else:
            value = _noted(value, notation) or value
    found = values.attributes(value, language)
    if isinstance(value, Mapping | list):
        return found
    # of several values Magento writes a bar between them
    return {
        name: fact.replace("|", ", ") if isinstance(fact, str) else fact
        for name, fact in found.items()
    }


def further_facts(label: str, value: object, language: str) -> Iterable[tuple[str, Attribute]]:
    """What a further column says: a fact, or the facts of an object.

    Args:
        label: the column's name as people read it.
        value: an object, a list or another value that is no plain one.
        language: of language-tagged texts.
    """
    items = value if isinstance(value, list | tuple) else ()
    if isinstance(value, bytes) or not all(
        VALUED & item.keys() for item in items if isinstance(item, Mapping)
    ):
        return
    if isinstance(value, Mapping) and not VALUED & value.keys() and not values.languages(value):
        named = {name: item for name, item in value.items() if not isinstance(item, list | tuple)}
        for name, inner in values.attributes(named, language).items():
            yield f"{label} {name[:1].lower()}{name[1:]}", inner
        return
    fact = values.attribute(value, language)
    if fact is not None:
        yield label, fact


def _noted(written: str, notation: str) -> list[tuple[str, str]]:
    """The facts of a text with commas between them, all of which are in a notation; else none."""
    found = [re.fullmatch(notation, part.strip()) for part in written.split(",") if notation]
    pairs = [(each["name"], each["value"]) for each in found if each]
    return pairs if len(pairs) == len(found) else []


def _options(written: str) -> Facts:
    parts = [part.partition("=")[::2] for part in written.split("|")]
    names = [value for name, value in parts if name == "Name"]
    chosen = [value for name, value in parts if name == "Value"]
    if len(names) != len(chosen):
        return {}
    return values.attributes(list(zip(names, chosen, strict=True)))
