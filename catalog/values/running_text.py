"""Text of a cell: one text or several."""

import math
import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from catalog.values.languages import in_language
from catalog.values.literals import parse_literal
from catalog.values.markup import plain_text

# What spreadsheets, databases and pandas write for a missing value.
MISSING_VALUES = frozenset(
    {"", "none", "n/a", "na", "nan", "null", "#n/a", "<na>", "(null)", "\\n", "undefined"}
    | {"-", "--", "–", "—"}
)
LONGEST_MISSING = max(map(len, MISSING_VALUES))

# Control characters, embeddings, overrides and isolates of the writing direction, soft hyphen,
# zero-width space, byte order mark, and halves of surrogate pairs, which no database stores.
# Zero-width joiners are kept: emoji and Persian need them.
CONTROL_CHARACTERS = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# Nobody writes these control characters: they are Windows-1252, read as Latin-1.
WINDOWS_CHARACTERS = re.compile("[\x80-\x84\x86-\x9f]")
# UTF-8 that was read as Windows-1252 and encoded again: "Ã©" for "é", "â€™" for "’".
TWICE_ENCODED = re.compile("[ÂÃâÐÑ][\xa0-\xbf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")
MAX_INTEGRAL = 1e15  # integral floats below it are written without a point

# Under these names an object holds its text, best first: JSON-LD, converters from XML, APIs.
TEXT_KEYS = ("@value", "#text", "_text", "__text", "$t", "_", "#cdata-section", "_cdata", "__cdata",
             "rendered", "label", "displayName", "display_name", "value", "name", "title", "text",
             "item", "data", "content", "html", "plain", "long", "short", "typeName",
             # of rich text: Editor.js, ProseMirror, Slate
             "blocks", "children", "items",
             "attributes")  # fmt: skip
UNIT_KEYS = ("unit", "unitText", "unit_text", "unitCode")

# Signs that begin a bullet point wherever they stand, and those that do so at a line's beginning.
BULLET = re.compile(r"[•●▪◦‣⁃∙■◆✓✔✅➤►▶➢❖]|\s\|\s|[\n\r]+")
MARKS = frozenset("*·–—-") | {""}
LINE_BULLET = re.compile(r"^\s*[*·–—-]\s+")


def text(value: object, language: str = "") -> str:
    """Running text: HTML and entities decoded, NFC, white space collapsed to single spaces.

    Args:
        value: any cell. Of an object its text, of a list the texts of its items.
        language: which of several language-tagged texts; without it, or where it is missing, the
            commonest of this cell.

    Returns:
        Text without control and direction characters; empty for a missing value.
    """
    if isinstance(value, str) and _is_simple(value):
        if not value.isascii():
            value = unicodedata.normalize("NFC", value)
        elif "  " not in value and value[-1:] != " ":
            return present(value)
        return present(" ".join(value.split()))
    return " ".join(" ".join(part.split()) for part in pieces(value, language))


def texts(value: object, language: str = "") -> tuple[str, ...]:
    """Bullet points: the items of a list, of HTML, or of a text with a line or a sign for each.

    Args:
        value: any cell, a list that is written as text included.
        language: as in `text`.
    """
    points = (point for part in pieces(value, language) for point in BULLET.split(part))
    bare = (LINE_BULLET.sub("", point) if point[:2].strip() in MARKS else point for point in points)
    return tuple(filter(present, (" ".join(point.split()) for point in bare)))


def _is_simple(value: str) -> bool:
    """Whether a text has neither markup nor entities, nor a character that needs a second look."""
    return (
        value.isprintable()  # no control character, and no white space but the blank
        and "<" not in value
        and "&" not in value
        and "[" not in value
        and value[:1] not in ("{", " ")
        and (value.isascii() or not TWICE_ENCODED.search(value))
    )


def present(written: str) -> str:
    """A text, or an empty one in place of a missing value."""
    if len(written) <= LONGEST_MISSING and written.casefold() in MISSING_VALUES:
        return ""
    return written


def pieces(value: object, language: str = "") -> Iterator[str]:
    """The texts of a cell, none of them missing; white space as it comes, markup as lines."""
    match value:
        case str() if _is_simple(value):
            if present(value):
                yield unicodedata.normalize("NFC", value)
        case str():
            parsed = parse_literal(value)
            if _holds_text(parsed):
                yield from pieces(parsed, language)
            else:
                yield from filter(present, [_clean(plain_text(value)).strip()])
        case bool():
            yield "yes" if value else "no"
        case float():
            if math.isfinite(value):
                integral = value.is_integer() and abs(value) < MAX_INTEGRAL
                yield str(int(value)) if integral else str(value)
        case Mapping() | list() | tuple():
            chosen = in_language(value, language)
            if isinstance(value, Mapping) and not chosen:
                yield from _object_pieces(value, language)
            else:
                for item in chosen or value:
                    yield from pieces(item, language)
        case bytes():
            yield from pieces(value.decode("utf-8", "replace"), language)
        case None:
            pass
        case int():
            yield str(value)
        case _:
            yield from pieces(str(value), language)


def _object_pieces(item: Mapping[Any, object], language: str) -> Iterator[str]:
    """The text of an object, with its unit; without a name for it, its sentences."""
    for key in TEXT_KEYS:
        found = list(pieces(item.get(key), language))
        if found:
            unit = next((text(item[unit]) for unit in UNIT_KEYS if item.get(unit)), "")
            yield from found[:-1]
            yield f"{found[-1]} {unit}".rstrip()
            return
    if all(isinstance(part, str) and " " in part.strip() for part in item.values()):
        for part in item.values():
            yield from pieces(part, language)


def _holds_text(parsed: object) -> bool:
    if isinstance(parsed, list):
        return any(isinstance(item, str | Mapping) for item in parsed)
    return isinstance(parsed, Mapping)


def _clean(written: str) -> str:
    written = WINDOWS_CHARACTERS.sub(_from_windows, written)
    if TWICE_ENCODED.search(written):
        from ftfy import fix_encoding

        written = fix_encoding(written)
    return unicodedata.normalize("NFC", CONTROL_CHARACTERS.sub("", written))


def _from_windows(found: re.Match[str]) -> str:
    return found[0].encode("latin-1").decode("cp1252", "ignore")
