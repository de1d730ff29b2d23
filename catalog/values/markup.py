"""The text of HTML, in whole or in pieces.

What is not markup stays: "a < b", "<3", "size <M>", "<mail@shop.example>". A name in angle brackets
is an element where it is one of `ELEMENTS`, has an attribute, closes itself, or has an end tag
somewhere in the text.
"""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5

from selectolax.lexbor import LexborHTMLParser, LexborNode

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
# A well-formed tag, by its name with its slash.
TAG = re.compile(r"<(/?[a-z][a-z0-9]*)(?=[\s/>])[^<>]*>", re.IGNORECASE)
CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
ENTITY = re.compile(r"&(#\d{1,7}|#x[\da-f]{1,6}|[a-z][a-z\d]{1,31})(;|(?![\w=;]))", re.IGNORECASE)
TRUNCATED = re.compile(r"</?(?:[a-z]+|[a-z]+\s[^<>]*=[^<>]*)\Z", re.IGNORECASE)
# WordPress's shortcodes: [gallery ids="1,2"], [row]…[/row]; what else stands in brackets is text.
SHORTCODE = re.compile(r"\[/?([a-z][\w-]*)(?:\s[^\[\]]*)?/?\]", re.IGNORECASE)
MAX_ENCODINGS = 3  # how often a text may have been encoded: "&amp;lt;p&amp;gt;" twice
# The parser's time grows with the square of the depth: 10,000 open elements take half a second.
MAX_TAGS = 10_000


def plain_text(written: str) -> str:
    """The text of HTML, or of plain text with entities; a block element begins a line."""
    if "[" in written:
        written = _without_shortcodes(written)
    for _ in range(MAX_ENCODINGS):
        if "&" not in written and "<" not in written:
            break
        before = written
        written = _without_tags(CDATA.sub("", written))
        if written == before:
            break
    return written


def _without_shortcodes(written: str) -> str:
    closed = {found[1] for found in SHORTCODE.finditer(written) if found[0].startswith("[/")}
    return SHORTCODE.sub(
        lambda found: " " if found[1] in closed or '="' in found[0] else found[0], written
    )


def _without_tags(written: str) -> str:
    collapsed = " ".join(written.split())
    if _is_clean(written):
        html = collapsed
    else:
        collapsed = TRUNCATED.sub("", collapsed)
        tags = [found for found in OPENING.finditer(collapsed) if found["name"] or found["comment"]]
        closed = {found["name"].casefold() for found in tags if found["end"]}
        comments_end = collapsed.rfind("-->")

        def tag(found: re.Match[str]) -> str:
            is_markup = _is_markup(found, closed, comments_end)
            return _tag(found, keep) if is_markup else f"&lt;{found[0][1:]}"

        if not any(_is_markup(found, closed, comments_end) for found in tags):
            return ENTITY.sub(_character, written)
        keep = len(tags) <= MAX_TAGS
        html = OPENING.sub(tag, collapsed)
        if not keep:
            return ENTITY.sub(_character, html)
    parser = LexborHTMLParser(re.sub("&", _escaped, html))
    parser.strip_tags(HIDDEN)
    return "".join(_lines(parser.root)) if parser.root else ""


def _lines(root: LexborNode) -> Iterator[str]:
    """The text of an element, with a line break where a block element begins or ends."""
    after_blocks: set[int] = set()
    for node in root.traverse(include_text=True):
        if node.mem_id in after_blocks:
            yield "\n"
        if node.is_text_node:
            yield node.text_content or ""
        elif node.tag not in INLINE:
            yield "\n"
            while node.next is None and node.parent is not None and node.parent.tag in INLINE:
                node = node.parent  # the block is the last of an element within a line
            if node.next is not None:
                after_blocks.add(node.next.mem_id)


def _is_clean(written: str) -> bool:
    """Whether every "<" begins the tag of a known element that hides nothing."""
    tags = TAG.findall(written)
    if not tags or len(tags) != written.count("<") or len(tags) > MAX_TAGS:
        return False
    names = {name.casefold() for name in set(tags)}
    elements = {name.lstrip("/") for name in names}
    known = (name in ELEMENTS or f"/{name}" in names for name in elements)
    return elements.isdisjoint(HIDDEN) and all(known)


def _tag(found: re.Match[str], keep: bool) -> str:
    """A tag as it is for the parser; the start tag of an element without content goes."""
    if not found["name"]:
        return found[0]
    if keep and not found["rest"].endswith("/>"):
        return found[0]
    return "" if found["name"].casefold() in INLINE else "\n"


def _is_markup(found: re.Match[str], closed: set[str], comments_end: int) -> bool:
    """Whether a "<" begins an element, or a comment that ends somewhere."""
    if found["name"]:
        name, rest = found["name"].casefold(), found["rest"]
        return (
            bool(found["end"]) or name in ELEMENTS or name in closed or "=" in rest or rest == "/>"
        )
    return bool(found["comment"]) and (found["comment"] != "!--" or found.end() <= comments_end)


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
