"""The text of HTML, in whole or in pieces.

What is not markup stays: "a < b", "<3", "size <M>", "<mail@shop.example>". A name in angle brackets
is an element where it is one of `ELEMENTS`, has an attribute, closes itself, or has an end tag
somewhere in the text.
"""

import re
from html import unescape
from html.entities import html5

from selectolax.lexbor import LexborHTMLParser

# Elements whose names stand in angle brackets for no other reason.
UNMISTAKABLE = (
    "blockquote br dd div dl dt em h1 h2 h3 h4 h5 h6 hr html iframe img li meta noscript ol p pre "
    "script span strong sub sup svg tbody td tfoot th thead tr ul wbr"
)
ELEMENTS = frozenset(UNMISTAKABLE.split())
# Elements within a line; every other one begins and ends a line.
WITHIN_A_LINE = (
    "a abbr acronym b bdi bdo big cite code data del dfn em font i img ins kbd label mark nobr q s "
    "samp small span strike strong sub sup time tt u var wbr"
)
INLINE = frozenset(WITHIN_A_LINE.split())
HIDDEN = ["iframe", "noscript", "object", "script", "style", "svg", "template"]

# A tag, a comment or declaration, or any other "<".
OPENING = re.compile(
    r"<(?:(?P<end>/?)(?P<name>[a-z][a-z0-9-]*(?::[a-z0-9-]+)?)(?P<rest>/?>|[\s/][^<>]*>)"
    r"|(?P<comment>!--|!doctype\b|\?xml\b))?",
    re.IGNORECASE,
)
CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
ENTITY = re.compile(r"&(#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31})(;|(?![\w=;]))", re.IGNORECASE)
TRUNCATED = re.compile(r"</?(?:[a-z]+|[a-z]+\s[^<>]*=[^<>]*)\Z", re.IGNORECASE)
MAX_ENCODINGS = 3  # how often a text may have been encoded: "&amp;lt;p&amp;gt;" twice
# The parser's time grows with the square of the depth: 10,000 open elements take half a second.
MAX_TAGS = 10_000


def plain_text(written: str) -> str:
    """The text of HTML, or of plain text with entities; a block element begins a line."""
    for _ in range(MAX_ENCODINGS):
        if "&" not in written and "<" not in written:
            break
        before = written
        written = _without_tags(CDATA.sub("", written))
        if written == before:
            break
    return written


def _without_tags(written: str) -> str:
    tags = [found for found in OPENING.finditer(written) if found["name"]]
    closed = {found["name"].casefold() for found in tags if found["end"]}
    last_comment = written.rfind("-->")

    def is_markup(found: re.Match[str]) -> bool:
        if found["name"]:
            return _is_element(found, closed)
        return bool(found["comment"]) and (found["comment"] != "!--" or found.end() <= last_comment)

    if not any(map(is_markup, OPENING.finditer(written))):
        return ENTITY.sub(_character, written)
    simple = len(tags) > MAX_TAGS

    def tag(found: re.Match[str]) -> str:
        if not is_markup(found):
            return f"&lt;{found[0][1:]}"
        if not found["name"]:
            return found[0]
        kept = "" if simple or found["rest"].endswith("/>") else found[0]
        return kept if found["name"].casefold() in INLINE else f"\n{kept}\n"

    html = OPENING.sub(tag, TRUNCATED.sub("", " ".join(written.split())))
    if simple:
        return ENTITY.sub(_character, html)
    parser = LexborHTMLParser(re.sub("&", _escaped, html))
    parser.strip_tags(HIDDEN)
    return parser.root.text() if parser.root else ""


def _is_element(found: re.Match[str], closed: set[str]) -> bool:
    name, rest = found["name"].casefold(), found["rest"]
    return bool(found["end"]) or name in ELEMENTS or name in closed or "=" in rest or rest == "/>"


def _character(found: re.Match[str]) -> str:
    name, end = found.groups()
    if not end and not name.startswith("#") and name not in html5:
        return found[0]
    character = unescape(f"&{name};")
    return found[0] if character == f"&{name};" else character


def _escaped(found: re.Match[str]) -> str:
    """An entity as it is; an ampersand that begins none, escaped."""
    entity = ENTITY.match(found.string, found.start())
    return "&" if entity and _character(entity) != entity[0] else "&amp;"
