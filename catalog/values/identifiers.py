"""Ids, codes and addresses, which are kept as they are written."""

import re
from collections.abc import Mapping

from catalog.values.running_text import CONTROL_CHARACTERS, present, text

LINE_BREAKS = re.compile("[\t-\r\x1c-\x1f\x85]+")
ID_KEYS = ("$oid", "$numberLong", "$numberInt", "@value", "#text", "value", "id", "url", "href",
           "@id")  # fmt: skip
# Of a column of numbers in which some are missing, pandas makes floating-point ones.
FLOATED = re.compile(r"\d{6,}\.0")
SHEET_CODE = re.compile(r"""^="([^"]*)"$|^'(?=\d+$)""")


def identifier(value: object) -> str:
    """An id or an address: as written, without outer white space and control characters.

    A line break within is a blank. What spreadsheets put around a code so that it stays one goes:
    ="0012", '0012, and so does what pandas adds to a column in which some are missing:
    4006381333931.0. Of an object it is what stands under a name of `ID_KEYS`, of a list its only
    item.
    """
    match value:
        case bool():
            return ""
        case str():
            if not value.isprintable():
                value = LINE_BREAKS.sub(" ", CONTROL_CHARACTERS.sub("", value))
            written = value.strip()
            if written[:1] in ("=", "'"):
                written = SHEET_CODE.sub(r"\1", written)
            elif written[-2:] == ".0" and FLOATED.fullmatch(written):
                written = written[:-2]
            return present(written)
        case Mapping():
            return next(filter(None, (identifier(value.get(key)) for key in ID_KEYS)), "")
        case list() | tuple():
            return identifier(value[0]) if len(value) == 1 else ""
        case _:
            return text(value)
